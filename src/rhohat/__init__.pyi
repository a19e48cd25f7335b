from .cli.progress import show_progress
from .common.errors import (
    CheckpointError,
    DataChangedError,
    DataFileError,
    ModelFileError,
    WorkerError,
)
from .estimators.autoencoder import SparseAutoencoder
from .estimators.convolution import ConvolutionalFeatures
from .estimators.saving import load, save
from .estimators.stacked import StackedAutoencoder, StackedAutoencoderClassifier
from .files.datasets import load_photographs
from .files.loading import (
    LoadedImages,
    LoadedRecordings,
    load_images,
    load_recordings,
    load_rows,
)
from .inspection.bands import band_pass
from .inspection.edges import edge_score
from .inspection.figures import plot_features, plot_top_examples, plot_training
from .inspection.report.page import Report, report
from .inspection.tiles import check_gradient, maximal_inputs
from .objective.penalties import KLSparsity, L1Sparsity, NoSparsity, SparsityPenalty
from .objective.sparse import LossTerms, SparseObjective, Terms
from .preprocessing.patches import (
    ContrastNormalizer,
    PatchExtractor,
    PatchNormalizer,
    WindowExtractor,
)
from .preprocessing.sounds import SpectrogramExtractor, WaveformExtractor
from .preprocessing.whitening import OneOverFWhitening, Whitening
from .rows.cluster import DaskEngine
from .training.adam import Adam
from .training.run import TrainingProgress
from .training.solvers import LBFGS, GradientDescent

__version__: str

__all__ = [
    "LBFGS",
    "Adam",
    "CheckpointError",
    "ContrastNormalizer",
    "ConvolutionalFeatures",
    "DaskEngine",
    "DataChangedError",
    "DataFileError",
    "GradientDescent",
    "KLSparsity",
    "L1Sparsity",
    "LoadedImages",
    "LoadedRecordings",
    "LossTerms",
    "ModelFileError",
    "NoSparsity",
    "OneOverFWhitening",
    "PatchExtractor",
    "PatchNormalizer",
    "Report",
    "SparseAutoencoder",
    "SparseObjective",
    "SparsityPenalty",
    "SpectrogramExtractor",
    "StackedAutoencoder",
    "StackedAutoencoderClassifier",
    "Terms",
    "TrainingProgress",
    "WaveformExtractor",
    "Whitening",
    "WindowExtractor",
    "WorkerError",
    "band_pass",
    "check_gradient",
    "edge_score",
    "load",
    "load_images",
    "load_photographs",
    "load_recordings",
    "load_rows",
    "maximal_inputs",
    "plot_features",
    "plot_top_examples",
    "plot_training",
    "report",
    "save",
    "show_progress",
]
