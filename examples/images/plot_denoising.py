"""
Can it remove noise?
====================

An autoencoder that has to reconstruct clean patches from noisy ones learns the structure of
photographs. It can then clean a photograph that it has never seen.
"""

# %%
# The model learns from nine photographs. Noise is added only to its input, never to the patches
# that it has to reconstruct.
import matplotlib.pyplot as plt
import numpy as np
from skimage.metrics import peak_signal_noise_ratio
from skimage.restoration import denoise_tv_chambolle

from rhohat import GaussianNoise, PatchExtractor, SparseAutoencoder, load_photographs

side, noise = 8, 0.4  # these photographs have a standard deviation of 1
photographs = load_photographs().images
cameraman = photographs.pop(3)
X = PatchExtractor(side, n_patches=8000, random_state=0).fit_transform(photographs)
X -= X.mean(axis=1, keepdims=True)
model = SparseAutoencoder(
    128,
    activation="relu",
    sparsity_penalty="none",
    corruption=GaussianNoise(noise),
    weight_decay=1e-5,
    random_state=0,
).fit(X)

# %%
# Now every patch of the noisy photograph is reconstructed. A pixel is the average over all patches
# that contain it. Total variation denoising, with its best weight, serves as a comparison.
clean = cameraman[60:220, 130:370]
noisy = clean + noise * np.random.default_rng(0).standard_normal(clean.shape)
windows = np.lib.stride_tricks.sliding_window_view(noisy, (side, side))
rows = windows.reshape(-1, side * side)
mean = rows.mean(axis=1, keepdims=True)
rebuilt = (mean + model.inverse_transform(model.transform(rows - mean))).reshape(windows.shape)
total, count = np.zeros((2, *noisy.shape))
for i, j in np.ndindex(side, side):
    place = np.s_[i : i + len(windows), j : j + windows.shape[1]]
    total[place] += rebuilt[:, :, i, j]
    count[place] += 1
panels = {
    "clean": clean,
    "noisy": noisy,
    "sparse autoencoder": total / count,
    "total variation": denoise_tv_chambolle(noisy, 0.3),
}
figure, axes = plt.subplots(2, 2, figsize=(8, 5.7), layout="constrained")
for ax, (name, image) in zip(axes.flat, panels.items(), strict=True):
    ax.imshow(image, cmap="gray", vmin=clean.min(), vmax=clean.max())
    if image is not clean:
        name += f": {peak_signal_noise_ratio(clean, image, data_range=np.ptp(clean)):.1f} dB"
    ax.set_title(name)
    ax.set_axis_off()

# %%
# **Next:** :doc:`/mathematics` describes other corruptions, such as masked values.
