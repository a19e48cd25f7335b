"""Sparse autoencoders with the exact average activation."""

from rhohat.autoencoder import SparseAutoencoder
from rhohat.objective import LossTerms, SparseObjective, Terms
from rhohat.penalties import KLSparsity, L1Sparsity, NoSparsity, SparsityPenalty

__version__ = "0.1.0"
