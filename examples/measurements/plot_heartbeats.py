"""
Which heartbeats are unusual?
=============================

This page generates an electrocardiogram: five minutes of beats, some of which come early and are
too wide. The detector finds them, because their windows do not fit what the others have in common.
"""

# %%
# Each wave is a bump with a height, a width, and a delay in seconds after the beat.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

from rhohat import (
    AnomalyDetector,
    KLSparsity,
    SparseAutoencoder,
    Standardization,
    WindowExtractor,
    plot_features,
)

# sphinx_gallery_thumbnail_number = 2
RATE, SECONDS = 125, 300
USUAL = [(0.12, 0.025, -0.2), (-0.12, 0.01, -0.03), (1, 0.011, 0), (-0.25, 0.01, 0.03)]
USUAL += [(0.3, 0.045, 0.25)]
EARLY = [(1.1, 0.04, 0), (-0.5, 0.05, 0.09), (-0.3, 0.06, 0.3)]

rng = np.random.default_rng(0)
time = np.arange(RATE * SECONDS) / RATE
signal = 0.05 * np.sin(1.5 * time) + 0.03 * rng.standard_normal(len(time))
beat, early = 1.0, []
while beat < SECONDS - 1:
    if rng.random() < 0.1:
        early.append(beat := beat - 0.25)
    for height, width, delay in EARLY if beat in early else USUAL:
        signal += height * np.exp(-0.5 * ((time - beat - delay) / width) ** 2)
    beat += rng.normal(1.1 if beat in early else 0.8, 0.03)

# %%
# What units stand for in windows of 0.8 s: the waves of a beat, at different times.
model = make_pipeline(
    WindowExtractor(100, n_windows=None, stride=5),
    Standardization(),
    SparseAutoencoder(
        12, sparsity_penalty=KLSparsity(target=0.05, weight=3), weight_decay=3e-3, random_state=0
    ),
).fit([signal[None]])
plot_features(model, n_columns=6)

# %%
# The detector's score for each window, compared with the early beats that we put in (dashed):
windows = np.lib.stride_tricks.sliding_window_view(signal, 100)[::10]
detector = AnomalyDetector(random_state=0).fit(windows)
middle = time[50:-49:10]
_, axes = plt.subplots(2, 1, figsize=(9, 4), layout="constrained", sharex=True)
axes[0].plot(time, signal, lw=0.8)
axes[1].plot(middle, -detector.score_samples(windows), color="tab:red")
for ax in axes:
    for beat in early:
        ax.axvline(beat, color="0.5", ls="--", lw=0.8)
axes[0].set(xlim=(0, 45), ylabel="mV")
axes[1].set(xlabel="seconds", ylabel="score")

outliers = middle[detector.predict(windows) == -1]
near = [np.abs(outliers - beat).min() < 0.6 for beat in early]
alarms = [np.abs(early - moment).min() > 0.6 for moment in outliers]
print(f"{sum(near)} of {len(early)} early beats found; {sum(alarms)} alarms elsewhere")

# %%
# **Next:** :doc:`/signals` reads EDF and other files, with one channel or several.
