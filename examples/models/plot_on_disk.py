"""
What if the data do not fit into memory?
========================================

Leave them on disk. rhohat reads files block by block, and the model has the same bits as if the
data were in memory.
"""

# %%
# This file of 200,000 patches stands for a file of any size.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from rhohat import (
    KLSparsity,
    OneOverFWhitening,
    PatchExtractor,
    SparseAutoencoder,
    load_photographs,
    plot_features,
    plot_training,
)

folder = tempfile.TemporaryDirectory()
path = Path(folder.name, "patches.npy")
whitened = OneOverFWhitening().fit_transform(load_photographs().images)
file = np.lib.format.open_memmap(path, "w+", np.float32, (200_000, 64))
for k in range(0, 200_000, 20_000):
    patches = PatchExtractor(8, n_patches=20_000, random_state=k)
    file[k : k + 20_000] = patches.fit_transform(whitened)
file.flush()

# %%
# ``fit`` takes the path. Training starts on a sample of a few thousand rows and continues on larger
# ones. The last iterations use all rows, and the reported loss is over all rows.
model = SparseAutoencoder(
    64,
    sparsity_penalty=KLSparsity(target=0.02, weight=5),
    weight_decay=3e-3,
    max_iter=60,
    random_state=0,
).fit(path)
print(f"{model.n_evaluations_} sweeps over all rows for {model.n_iter_} iterations")

_, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
plot_training(model, ax=axes[0])
plot_features(model, picture="decoder", patch_shape=(8, 8), ax=axes[1])
folder.cleanup()

# %%
# **Next:** :doc:`/large-data` covers other kinds of files, checkpoints, clusters, and streams that
# can be read only once.
