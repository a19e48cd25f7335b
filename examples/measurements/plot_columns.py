"""
Which columns belong together?
==============================

The table has thirty measurements of cell nuclei, in 569 samples. Each unit stands for one way in
which samples differ, shown as bars over the columns of the table.
"""

# %%
# ``choose`` finds settings that suit the table. Here are six units:
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

from rhohat import choose, plot_features

table = load_breast_cancer(as_frame=True)
choice = choose(table.data, 6, random_state=0)
plot_features(choice.pipeline_, n_columns=2)

# %%
# Nobody told the autoencoder which samples are malignant, but some units separate them anyway:
codes = choice.pipeline_.transform(table.data)
figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
for label, name in enumerate(table.target_names):
    ax.bar(np.arange(6) + 0.4 * label, codes[table.target == label].mean(axis=0), 0.4, label=name)
ax.set_xticks(np.arange(6) + 0.2, range(6))
ax.set(xlabel="unit", ylabel="average activation")
ax.legend()

# %%
# **Next:** :doc:`/tables` starts from your own file. ``print(choice)`` explains why these settings
# were chosen.
