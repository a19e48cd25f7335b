"""Exercises: each has a small recipe that learns, and says what was published beside."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from rhohat.recipes.data import Request
from rhohat.recipes.exercises import EXERCISES, SMALL_TRAIN, Wanted, self_taught

#: What every small recipe must reach: better than chance by far, or a code that is sparse.
LEAST = {
    "self-taught": {"softmax on features": 90},
    "stacked": {"after fine-tuning": 85},
    "convolution": {"softmax on pooled features": 90},
}


@pytest.mark.parametrize("name", EXERCISES)
def test_small_recipe_gives_what_was_published_a_number_of_ours(name):
    exercise = EXERCISES[name]
    task = exercise.task(Request(), Wanted(small=True))
    if task.data is not None:
        task.data.read()
    outcome = task.run(None)
    found = {measure.what: measure for measure in outcome.measures}
    assert set(exercise.published) - {"units"} <= set(found)
    assert all(
        found[what].published == text for what, text in exercise.published.items() if what in found
    )
    for what, least in LEAST.get(name, {}).items():
        assert float(found[what].found.removesuffix(" %")) > least
    if "average activation" in found:
        published = float(found["average activation"].published)
        low, high = map(float, found["average activation"].found.split(" to "))
        assert 0.8 * published < low < high < 1.5 * published


def test_exercises_with_labels_ask_for_files():
    with pytest.raises(ValueError, match=r"needs labeled images: expected one \.npz"):
        EXERCISES["stacked"].task(Request(), Wanted())


def test_small_recipes_take_a_part_of_files_and_the_classes_that_are_wanted(tmp_path):
    digits = load_digits()
    images, y = (digits.images * 15).astype("u1"), digits.target
    np.savez(
        tmp_path / "d.npz",
        x_train=images[:1500],
        y_train=y[:1500],
        x_test=images[1500:],
        y_test=y[1500:],
    )
    request = Request([Path(tmp_path / "d.npz")])
    task = EXERCISES["vectorized"].task(request, Wanted(small=True, classes=("3", "5")))
    n_train, n_test = (np.isin(part, [3, 5]).sum() for part in (y[:1500], y[1500:]))
    assert task.words == f"{n_train} and {n_test} images of d.npz"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("color", Wanted(classes=("1",))), ("stacked", Wanted(small=True, whitened=True))],
)
def test_options_of_other_exercises_are_refused(name, wanted):
    with pytest.raises(ValueError, match=r"--(classes|whitened)"):
        EXERCISES[name].task(Request(), wanted)


def test_whitened_images_are_not_whitened_again(tmp_path):
    np.save(tmp_path / "images.npy", np.random.RandomState(0).randn(3, 40, 40).astype("f4"))
    request = Request([tmp_path / "images.npy"])
    for whitened, steps in ((True, 3), (False, 4)):
        task = EXERCISES["sparse-autoencoder"].task(request, Wanted(small=True, whitened=whitened))
        task.data.read()
        assert len(task.run(None).model) == steps


def test_self_taught_never_shows_the_encoder_a_class_that_it_classifies(monkeypatch):
    from rhohat.estimators import autoencoder

    shown = []
    fit = autoencoder.SparseAutoencoder.fit
    monkeypatch.setattr(
        autoencoder.SparseAutoencoder, "fit", lambda self, X: shown.append(X) or fit(self, X)
    )
    digits = load_digits()
    images = (digits.images / 16).astype("f4")
    list(self_taught(images, digits.target, SMALL_TRAIN, seed=0, small=True))
    wanted = images[:SMALL_TRAIN][digits.target[:SMALL_TRAIN] >= 5]
    np.testing.assert_array_equal(shown[0], wanted.reshape(len(wanted), -1))
