"""
Where is the damage?
====================

Nobody has pictures of everything that can go wrong. So learn what a good surface looks like, and
mark the places that do not fit.
"""

# %%
# The model learns from the upper half of a brick wall. On the lower half, we have painted a crack
# and a stain.
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter
from skimage import data
from skimage.draw import disk, line

from rhohat import AnomalyDetector, PatchExtractor

# sphinx_gallery_thumbnail_number = 1
wall = data.brick()[::2, ::2] / 255
good, damage = wall[:128], np.zeros((128, 256), bool)
damage[line(30, 30, 85, 90)] = damage[line(30, 31, 85, 91)] = True
damage[disk((75, 195), 9)] = True
damaged = np.where(damage, 0.6, 1) * wall[128:]

extractor = PatchExtractor(10, n_patches=6000, random_state=0)
detector = AnomalyDetector(random_state=0).fit(extractor.fit_transform([good]))


# %%
# The score of a patch says how badly its pixels fit together. Places that score worse than any
# place on the good half are marked: the damage, and a joint with more mortar than any on the good
# half.
def scores(image):
    windows = np.lib.stride_tricks.sliding_window_view(image, (10, 10))
    found = -detector.score_samples(windows.reshape(-1, 100)).reshape(windows.shape[:2])
    return gaussian_filter(found, 2)


found = scores(damaged)
_, axes = plt.subplots(3, 1, figsize=(6, 9.5), layout="constrained")
axes[0].imshow(damaged, cmap="gray")
axes[0].set_title("damaged wall")
axes[1].imshow(found, cmap="magma")
axes[1].set_title("score")
axes[2].imshow(damaged[5:-4, 5:-4], cmap="gray")
axes[2].contour(found, [scores(good).max()], colors="tab:red")
axes[2].set_title("marked")
for ax in axes:
    ax.set_axis_off()

# %%
# **Next:** in a table, ``blame`` names the columns that make a row unusual: :doc:`/tables`. On the
# command line, ``rhohat score`` ranks the rows or patches of your files.
