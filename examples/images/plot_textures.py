"""
Which texture is where?
=======================

Features learned from unlabeled patches tell bricks, grass and gravel apart at every place of a
picture.
"""

# %%
# The model learns from the upper halves of three photographs. The test picture consists of the
# lower halves, side by side.
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import uniform_filter
from skimage import data
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from rhohat import KLSparsity, PatchExtractor, SparseAutoencoder, Whitening

# sphinx_gallery_thumbnail_number = 1
textures = [getattr(data, name)()[::2, ::2] / 255 for name in ("brick", "grass", "gravel")]
known = [texture[:128] for texture in textures]
picture = np.hstack([texture[128:, :128] for texture in textures])

model = make_pipeline(
    PatchExtractor(8, n_patches=6000, random_state=0),
    Whitening(epsilon=0.1),
    SparseAutoencoder(
        36, sparsity_penalty=KLSparsity(target=0.05, weight=3), weight_decay=1e-3, random_state=0
    ),
).fit(known)


# %%
# Texture is what units do *around* a place: their average over the neighborhood. A linear
# classifier learns from the upper halves, whose texture is known.
def neighborhoods(image):
    windows = np.lib.stride_tricks.sliding_window_view(image, (8, 8))
    maps = model[1:].transform(windows.reshape(-1, 64)).reshape(*windows.shape[:2], 36)
    return uniform_filter(maps, (24, 24, 0), mode="nearest")


X = [neighborhoods(image)[::6, ::6].reshape(-1, 36) for image in known]
y = np.repeat(range(3), [len(rows) for rows in X])
classifier = LogisticRegression(C=1e4, max_iter=2000).fit(np.vstack(X), y)

maps = neighborhoods(picture)
found = classifier.predict(maps.reshape(-1, 36)).reshape(maps.shape[:2])
truth = np.repeat(range(3), 128)[4:-3]
figure, axes = plt.subplots(2, 1, figsize=(7, 5), layout="constrained")
axes[0].imshow(picture, cmap="gray")
axes[1].imshow(picture[4:-3, 4:-3], cmap="gray")
axes[1].imshow(found, cmap="viridis", alpha=0.45)
axes[0].set_title("the picture in question")
axes[1].set_title(f"brick, grass or gravel? {np.mean(found == truth):.0%} of the places are right")
for ax in axes:
    ax.set_axis_off()

# %%
# **Next:** :doc:`/recognition` pools features over whole images. For images in folders, ``rhohat
# evaluate rhohat-out pictures/ --convolve --labels folders`` compares features with pixels.
