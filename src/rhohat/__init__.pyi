from .autoencoder import SparseAutoencoder
from .bands import band_pass
from .checkpoints import CheckpointError
from .cluster import DaskEngine, WorkerError
from .convolution import ConvolutionalFeatures
from .datasets import load_photographs
from .diagnostics import check_gradient, maximal_inputs
from .edges import edge_score
from .objective import LossTerms, SparseObjective, Terms
from .patches import ContrastNormalizer, PatchExtractor, PatchNormalizer, WindowExtractor
from .penalties import KLSparsity, L1Sparsity, NoSparsity, SparsityPenalty
from .persistence import ModelFileError, load, save
from .progress import show_progress
from .readers import (
    DataFileError,
    LoadedImages,
    LoadedRecordings,
    load_images,
    load_recordings,
    load_rows,
)
from .reports import Report, report
from .solvers import LBFGS, GradientDescent
from .sounds import SpectrogramExtractor, WaveformExtractor
from .sources import DataChangedError
from .stacked import StackedAutoencoder, StackedAutoencoderClassifier
from .streaming import Adam
from .training import TrainingProgress
from .visualize import plot_features, plot_top_examples, plot_training
from .whitening import OneOverFWhitening, Whitening

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
