"""
Can it reconstruct something else?
==================================

A transcoder encodes one thing and reconstructs another: the output of a network layer from its
input, one sensor from another or, here, the lower half of a digit from its upper half.
"""

# %%
# The transcoder learns from 1,500 digits and completes ten others. If the upper half does not
# determine the digit, the transcoder hedges.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from rhohat import KLSparsity, SparseTranscoder

images = load_digits().images / 16
upper, lower = images[:, :4].reshape(-1, 32), images[:, 4:].reshape(-1, 32)
model = SparseTranscoder(
    64, sparsity_penalty=KLSparsity(target=0.05, weight=1), weight_decay=1e-3, random_state=0
).fit(upper[:1500], lower[:1500])

digits = images[1500:1510]
answers = np.hstack([upper[1500:1510], model.predict(upper[1500:1510])]).reshape(-1, 8, 8)
_, ax = plt.subplots(figsize=(9, 2.2), layout="constrained")
lines = [np.hstack(np.pad(row, ((0, 0), (1, 1), (1, 1)))) for row in (digits, answers)]
ax.imshow(np.vstack(lines), cmap="gray", vmin=0, vmax=1)
ax.hlines([4.5, 14.5], -0.5, 99.5, color="tab:red", lw=1)
ax.set_yticks((4.5, 14.5), ("digit", "completed"))
ax.set_xticks([])

# %%
# **Next:** :doc:`/embeddings` is about activations of networks. On the command line, use
# ``rhohat learn before.npy --transcode after.npy``.
