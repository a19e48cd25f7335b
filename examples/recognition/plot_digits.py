"""
Do features recognize digits better than pixels?
================================================

The features are strokes, learned from patches of 8x8 digits, applied at every position and pooled.
They tell the digits apart better than pixels do. Nothing is downloaded.
"""

# %%
# A pipeline from images to classes
# ---------------------------------
# The autoencoder learns from 4x4 patches, without labels. The classifier receives the mean response
# of every unit in each quadrant of the image.
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import (
    ConvolutionalFeatures,
    KLSparsity,
    PatchExtractor,
    SparseAutoencoder,
    Whitening,
    plot_features,
)

digits = load_digits()
images, y = digits.images / 16, digits.target

patches = make_pipeline(
    PatchExtractor(4, n_patches=4_000, random_state=0),
    Whitening(epsilon=0.01),
    SparseAutoencoder(
        49,
        sparsity_penalty=KLSparsity(target=0.05, weight=3),
        weight_decay=1e-3,
        max_iter=80,
        random_state=0,
    ),
)
features = ConvolutionalFeatures(patches, encoding="soft-threshold", threshold=0.25)
linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
classifier = make_pipeline(features, linear)

# %%
# The gain
# --------
# The accuracy comes from five folds; for each, everything is learned from the other four.
on_features = cross_val_score(classifier, images, y, cv=5)
on_pixels = cross_val_score(linear, digits.data / 16, y, cv=5)
print(f"pixels:   {on_pixels.mean():.1%} (+- {on_pixels.std():.1%})")
print(f"features: {on_features.mean():.1%} (+- {on_features.std():.1%})")

# %%
# What the units look for
# -----------------------
# They are strokes and their ends, in the original pixels:
from rhohat import maximal_inputs

fitted = classifier.fit(images, y)[0].model_
plot_features(maximal_inputs(fitted[-1], fitted[1]), patch_shape=(4, 4), n_columns=7)

# %%
# **Next:** :doc:`/recognition` does the same at full size, and with photographs and speech.
