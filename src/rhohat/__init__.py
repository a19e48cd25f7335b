"""Sparse autoencoders with the exact average activation.

Give it photographs, recordings or any array, and it learns units that are mostly silent, each for a
feature of its own. See `SparseAutoencoder`, or type ``rhohat learn``.
"""

from rhohat.autoencoder import SparseAutoencoder
from rhohat.datasets import load_photographs
from rhohat.diagnostics import check_gradient, maximal_inputs
from rhohat.edges import edge_score
from rhohat.objective import LossTerms, SparseObjective, Terms
from rhohat.patches import PatchExtractor, PatchNormalizer
from rhohat.penalties import KLSparsity, L1Sparsity, NoSparsity, SparsityPenalty
from rhohat.persistence import ModelFileError, load, save
from rhohat.solvers import LBFGS, GradientDescent
from rhohat.training import TrainingProgress
from rhohat.visualize import plot_features, plot_training
from rhohat.whitening import OneOverFWhitening, Whitening

__version__ = "0.1.0"

__all__ = [
    "LBFGS",
    "GradientDescent",
    "KLSparsity",
    "L1Sparsity",
    "LossTerms",
    "ModelFileError",
    "NoSparsity",
    "OneOverFWhitening",
    "PatchExtractor",
    "PatchNormalizer",
    "SparseAutoencoder",
    "SparseObjective",
    "SparsityPenalty",
    "Terms",
    "TrainingProgress",
    "Whitening",
    "check_gradient",
    "edge_score",
    "load",
    "load_photographs",
    "maximal_inputs",
    "plot_features",
    "plot_training",
    "save",
]
