"""
Which columns belong together?
==============================

Thirty measurements of the nuclei of cells, in 569 samples. Each unit stands for one way in which
samples differ, as bars in the table's own columns.
"""

# %%
# ``choose`` finds settings that suit the table; here are six units.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

from rhohat import choose, plot_features

table = load_breast_cancer(as_frame=True)
choice = choose(table.data, 6, random_state=0)
plot_features(choice.pipeline_, n_columns=2)

# %%
# Nobody told the autoencoder which samples are malignant. Some units tell anyway:
codes = choice.pipeline_.transform(table.data)
figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
for label, name in enumerate(table.target_names):
    ax.bar(np.arange(6) + 0.4 * label, codes[table.target == label].mean(axis=0), 0.4, label=name)
ax.set_xticks(np.arange(6) + 0.2, range(6))
ax.set(xlabel="unit", ylabel="average activation")
ax.legend()

# %%
# **Next:** :doc:`/tables` starts from a file of your own; ``print(choice)`` says why these
# settings.
