from .cli.progress import show_progress
from .common.devices import TorchDevice
from .common.errors import (
    CheckpointError,
    DataChangedError,
    DataFileError,
    ModelFileError,
    WorkerError,
)
from .estimators.anomalies import AnomalyDetector
from .estimators.autoencoder import SparseAutoencoder
from .estimators.classifier import StackedAutoencoderClassifier
from .estimators.convolution import ConvolutionalFeatures
from .estimators.exporting import export
from .estimators.measures import matched_cosines, patterns, pursuit_score, recovery, stability
from .estimators.notes_files import from_theta
from .estimators.saving import load, save
from .estimators.stack import StackedAutoencoder
from .estimators.transcoder import SparseTranscoder
from .files.builtin_photographs import load_photographs
from .files.images import LoadedImages, load_images
from .files.recordings import LoadedRecordings, load_recordings
from .files.row_files import load_rows
from .files.series import LoadedSeries, RowOrigins, load_series
from .inspection.bands import BandPass, band_pass
from .inspection.comparison import Comparison
from .inspection.diagnosis import Diagnosis, Finding, diagnose
from .inspection.edges import EdgeScore, edge_score
from .inspection.exploration import Exploration
from .inspection.figures import plot_features, plot_penalty, plot_top_examples, plot_training
from .inspection.report.comparison import ComparisonReport, compare
from .inspection.report.exploration import ExplorationProgress, ExplorationReport, explore
from .inspection.report.page import Report, report
from .inspection.tiles import maximal_inputs
from .objective.base import LossTerms
from .objective.corruption import Corruption, GaussianNoise, Masking
from .objective.decoders import Matryoshka
from .objective.elementwise_penalties import L1Sparsity, LogSparsity, SmoothL1Sparsity
from .objective.gates import BatchTopK, JumpReLU, TopK
from .objective.gradient_check import GradientCheck, check_gradient
from .objective.penalties import KLSparsity, L0Sparsity, NoSparsity
from .objective.penalties_of_rows import GroupSparsity, TopographicSparsity
from .objective.penalties_of_weights import ContractivePenalty, DecoderNormL1Sparsity
from .objective.penalty import SparsityPenalty
from .objective.sparse import SparseObjective, Terms
from .preprocessing.extractors import PatchExtractor, WindowExtractor
from .preprocessing.filters import OneOverFWhitening
from .preprocessing.normalizers import ContrastNormalizer, PatchNormalizer
from .preprocessing.series import ChannelScaling, SeriesSpectra, SeriesSpectrogram
from .preprocessing.sounds import SpectrogramExtractor, WaveformExtractor
from .preprocessing.standardization import Standardization
from .preprocessing.whitening import Whitening
from .recipes.choice import Choice, choose
from .rows.cluster import DaskEngine
from .training.adam import Adam
from .training.run import TrainingProgress
from .training.solvers import LBFGS, GradientDescent

__version__: str

__all__ = [
    "LBFGS",
    "Adam",
    "AnomalyDetector",
    "BandPass",
    "BatchTopK",
    "ChannelScaling",
    "CheckpointError",
    "Choice",
    "Comparison",
    "ComparisonReport",
    "ContractivePenalty",
    "ContrastNormalizer",
    "ConvolutionalFeatures",
    "Corruption",
    "DaskEngine",
    "DataChangedError",
    "DataFileError",
    "DecoderNormL1Sparsity",
    "Diagnosis",
    "EdgeScore",
    "Exploration",
    "ExplorationProgress",
    "ExplorationReport",
    "Finding",
    "GaussianNoise",
    "GradientCheck",
    "GradientDescent",
    "GroupSparsity",
    "JumpReLU",
    "KLSparsity",
    "L0Sparsity",
    "L1Sparsity",
    "LoadedImages",
    "LoadedRecordings",
    "LoadedSeries",
    "LogSparsity",
    "LossTerms",
    "Masking",
    "Matryoshka",
    "ModelFileError",
    "NoSparsity",
    "OneOverFWhitening",
    "PatchExtractor",
    "PatchNormalizer",
    "Report",
    "RowOrigins",
    "SeriesSpectra",
    "SeriesSpectrogram",
    "SmoothL1Sparsity",
    "SparseAutoencoder",
    "SparseObjective",
    "SparseTranscoder",
    "SparsityPenalty",
    "SpectrogramExtractor",
    "StackedAutoencoder",
    "StackedAutoencoderClassifier",
    "Standardization",
    "Terms",
    "TopK",
    "TopographicSparsity",
    "TorchDevice",
    "TrainingProgress",
    "WaveformExtractor",
    "Whitening",
    "WindowExtractor",
    "WorkerError",
    "band_pass",
    "check_gradient",
    "choose",
    "compare",
    "diagnose",
    "edge_score",
    "explore",
    "export",
    "from_theta",
    "load",
    "load_images",
    "load_photographs",
    "load_recordings",
    "load_rows",
    "load_series",
    "matched_cosines",
    "maximal_inputs",
    "patterns",
    "plot_features",
    "plot_penalty",
    "plot_top_examples",
    "plot_training",
    "pursuit_score",
    "recovery",
    "report",
    "save",
    "show_progress",
    "stability",
]
