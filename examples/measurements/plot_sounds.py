"""
Can it tell words apart?
========================

A synthetic voice says eight words of two vowels each. Its twenty speakers differ in pitch and in
the length of their vocal tract. An autoencoder learns from spectrograms of all words, without being
told which word is which. The average of a spectrogram over the whole word hardly distinguishes "ai"
from "ia". Features do, because units look for changes.
"""

# %%
# The voice consists of pulses that ring at the formants of a vowel. The formants glide from the
# first vowel to the second.

import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import lfilter
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import (
    ConvolutionalFeatures,
    KLSparsity,
    SparseAutoencoder,
    SpectrogramExtractor,
    WaveformExtractor,
    Whitening,
    WindowExtractor,
    band_pass,
    maximal_inputs,
    plot_features,
)

RATE = 8000
VOWELS = {"a": (730, 1090, 2440), "i": (270, 2290, 3010), "u": (300, 870, 2240)}
VOWELS |= {"e": (530, 1840, 2480), "o": (570, 840, 2410)}  # Peterson and Barney (1952), men
WORDS = ("ai", "ia", "au", "ua", "eo", "oe", "iu", "ui")


def say(word, pitch, tract, rng):
    """A word of about 0.4 s."""
    n = round(RATE * rng.uniform(0.35, 0.45))
    phase = np.cumsum(pitch * (1 + 0.02 * rng.randn(n).cumsum() / np.sqrt(n)) / RATE)
    source = np.diff(np.floor(phase), prepend=0) + 0.02 * rng.randn(n)
    first, second = (np.array(VOWELS[vowel]) / tract for vowel in word)
    sound = np.zeros(n)
    for k, start in enumerate(range(0, n, 80)):  # every 10 ms the formants move on
        share = np.clip((k * 80 / n - 0.3) / 0.4, 0, 1)
        piece = source[start : start + 240]
        for hertz in first + share * (second - first):
            radius = np.exp(-np.pi * 80 / RATE)
            poles = [1, -2 * radius * np.cos(2 * np.pi * hertz / RATE), radius**2]
            ringing = lfilter([1 - radius], poles, piece)
            sound[start : start + 240] += ringing * np.hanning(240)[: len(piece)]
    return sound * rng.uniform(0.3, 1)


rng = np.random.RandomState(0)
speakers = [(rng.uniform(90, 240), rng.uniform(0.85, 1.15)) for _ in range(20)]
said = [(say(word, *speakers[s], rng), word, s) for s in range(20) for word in WORDS * 2]
recordings, words, speaker = map(list, zip(*said, strict=True))
words, speaker = np.array(words), np.array(speaker)

# %%
# What every unit stands for in a spectrogram: formants that rise, fall or stay, and pulses of the
# voice. Frequency increases upward, and time to the right.

model = make_pipeline(
    SpectrogramExtractor(RATE),
    WindowExtractor(12, n_windows=8000, random_state=0),
    Whitening(epsilon=0.2),
    SparseAutoencoder(
        64,
        sparsity_penalty=KLSparsity(target=0.035, weight=5),
        weight_decay=3e-3,
        max_iter=120,
        random_state=0,
    ),
).fit(recordings)
plot_features(model)
plt.show()

# %%
# Now take the mean and the maximum of every unit over each word and, for comparison, those of the
# bands of the spectrogram. A linear classifier names the words of speakers that it has never heard.

features = ConvolutionalFeatures(model, pooling=("mean", "max"), grid=1).fit(recordings)
pooled = [
    np.concatenate([image.mean(axis=1), image.max(axis=1)])
    for image in model[0].transform(recordings)
]
for name, X in (("features", features.transform(recordings)), ("spectrograms", np.array(pooled))):
    scores = []
    for group in range(5):
        tested = speaker // 4 == group
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
        classifier.fit(X[~tested], words[~tested])
        scores.append(classifier.score(X[tested], words[tested]))
    print(f"{name:<13} {100 * np.mean(scores):.1f} % of the words of unheard speakers")

# %%
# If the units learn from the sound itself, they become band-pass filters, each with its own
# frequency.

waves = make_pipeline(
    WaveformExtractor(RATE),
    WindowExtractor(64, n_windows=10_000, random_state=0),
    Whitening(epsilon=1.0),
    SparseAutoencoder(
        36,
        sparsity_penalty=KLSparsity(target=0.01, weight=5),
        weight_decay=3e-3,
        max_iter=120,
        random_state=0,
    ),
).fit(recordings)
plot_features(waves)
bands = band_pass(maximal_inputs(waves[-1], waves[-2]), RATE)
_, ax = plt.subplots(figsize=(5, 4), layout="constrained")
ax.loglog(bands.centre[bands.is_clear], bands.bandwidth[bands.is_clear], "o")
ax.set_xlabel("center frequency, Hz")
ax.set_ylabel("bandwidth 10 dB below, Hz")
ax.set_title(f"{bands.is_clear.sum()} of 36 units have a clear center frequency")
plt.show()

# %%
# **Next:** :doc:`/sound` starts from your own recordings.
