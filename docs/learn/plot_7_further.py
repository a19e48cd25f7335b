"""
7. Color, self-taught, stacked, convolution, sound
==================================================

The chapters that follow use the same autoencoder. Here is each in a few lines, with built-in data.
:doc:`/exercises` has them at full size, next to the published results.
"""

# %%
# Color
# -----
# Whitened color pixels are no longer in [0, 1], so the decoder becomes linear. The units are gray
# edges, and blobs and edges of opponent colors: blue against orange, purple against green.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

import rhohat
from rhohat import KLSparsity, PatchExtractor, SparseAutoencoder, Whitening

sparse = KLSparsity(target=0.035, weight=5)
color = make_pipeline(
    PatchExtractor(8, random_state=0),
    Whitening(epsilon=0.5),
    SparseAutoencoder(100, sparsity_penalty=sparse, weight_decay=3e-3, random_state=0),
).fit(rhohat.load_photographs(color=True).images)
rhohat.plot_features(color)

# %%
# Self-taught learning
# --------------------
# The digits 5 to 9, without labels, teach the features. A softmax classifier uses them to tell 0 to
# 4 apart, with only 20 labels, and does better than with pixels.
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
X = X / 16
encoder = rhohat.choose(X[y >= 5], 100, aim="recognition", random_state=0).pipeline_
softmax = LogisticRegression(C=10, max_iter=2000)
scores = {"features": [], "pixels": []}
for seed in range(10):
    train, test = train_test_split(
        np.flatnonzero(y < 5), train_size=20, stratify=y[y < 5], random_state=seed
    )
    for name, rows in (("features", encoder.transform(X)), ("pixels", X)):
        scores[name].append(softmax.fit(rows[train], y[train]).score(rows[test], y[test]))
for name, found in scores.items():
    print(f"{name:9} {np.mean(found):.1%} of the other digits, from 20 labeled ones")

# %%
# Stacked
# -------
# A second autoencoder learns from the activations of the first; then the whole network is
# fine-tuned.
from sklearn.frozen import FrozenEstimator

from rhohat import StackedAutoencoder, StackedAutoencoderClassifier

layer = SparseAutoencoder(decoder="sigmoid", sparsity_penalty=KLSparsity(0.1, 3), weight_decay=1e-3)
stack = StackedAutoencoder((60, 60), estimator=layer, random_state=0).fit(X[:1200])
for name, max_iter in (("before fine-tuning", 0), ("after", 80)):
    network = StackedAutoencoderClassifier(
        FrozenEstimator(stack), weight_decay=3e-5, max_iter=max_iter
    )
    print(f"{name:19} {network.fit(X[:1200], y[:1200]).score(X[1200:], y[1200:]):.1%}")

# %%
# Convolution and pooling
# -----------------------
# A model of patches is applied at every position of an image, and its activations are averaged over
# a few regions. This figure shows the maps of two units over a photograph, and their pooled values:
gray = rhohat.load_photographs().images[2][:200, 100:300]
patches = make_pipeline(
    PatchExtractor(8, n_patches=8000, random_state=0),
    Whitening(epsilon=0.1),
    SparseAutoencoder(36, sparsity_penalty=sparse, weight_decay=3e-3, random_state=0),
).fit(rhohat.load_photographs().images)
features = rhohat.ConvolutionalFeatures(patches, grid=4).fit([gray])
windows = np.lib.stride_tricks.sliding_window_view(gray, (8, 8))
maps = patches[1:].transform(windows.reshape(-1, 64)).reshape(*windows.shape[:2], 36)
units = np.argsort(-maps.std(axis=(0, 1)))[:2]
pooled = features.transform([gray]).reshape(4, 4, 36)
_, axes = plt.subplots(1, 5, figsize=(10, 2.4), layout="constrained")
panels = [("photograph", gray)]
panels += [
    (f"unit {unit}{words}", of[..., unit])
    for unit in units
    for words, of in (("", maps), (", pooled", pooled))
]
for ax, (title, image) in zip(axes, panels, strict=True):
    ax.imshow(image, cmap="gray")
    ax.set_title(title, fontsize=9)
    ax.set_axis_off()

# %%
# Sound
# -----
# A spectrogram is an image, and units learn its parts. These are 60 chirps that rise or fall; the
# units are strokes that rise, fall or stay level.
rate = 8000
rng = np.random.default_rng(0)
recordings = []
for _ in range(60):
    begin, end = rng.uniform(300, 3000, 2)
    hertz = np.linspace(begin, end, rate // 2)
    recordings.append(
        np.sin(2 * np.pi * np.cumsum(hertz) / rate) + 0.05 * rng.standard_normal(rate // 2)
    )
sound = make_pipeline(
    rhohat.SpectrogramExtractor(rate),
    rhohat.WindowExtractor(10, n_windows=2000, random_state=0),
    Whitening(epsilon=0.2),
    SparseAutoencoder(36, weight_decay=3e-3, random_state=0),
).fit(recordings)
rhohat.plot_features(sound)

# %%
# **That was the chapter.** To continue with your own data, see :doc:`/your-data`.
