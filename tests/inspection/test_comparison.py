"""What returns in another model, and what differs, is what was done to it and nothing else."""

from copy import deepcopy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline

from rhohat import (
    KLSparsity,
    PatchExtractor,
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    Whitening,
)
from rhohat.estimators.measures import explained_variance
from rhohat.inspection.comparison import compared


def autoencoder(n_components=9, **parameters):
    parameters = {"max_iter": 15, "random_state": 0} | parameters
    return SparseAutoencoder(n_components, **parameters)


@pytest.fixture(scope="module")
def model(digits):
    """A pipeline on digits."""
    return make_pipeline(Whitening(epsilon=0.1), autoencoder()).fit(digits)


def flipped(model, order):
    """The same model with its units in another order, every other one upside down.

    sigmoid(-z) = 1 - sigmoid(z), so that the decoder's bias takes up what changes.
    """
    model = deepcopy(model)
    units, sign = model[-1], np.where(np.arange(len(order)) % 2, -1.0, 1.0)[:, None]
    turned = units.decoder_weights_[order][sign[:, 0] < 0]
    units.decoder_bias_ = units.decoder_bias_ + turned.sum(axis=0)
    for name in ("encoder_weights_", "decoder_weights_"):
        setattr(units, name, getattr(units, name)[order] * sign)
    units.encoder_bias_ = units.encoder_bias_[order] * sign[:, 0]
    return model


def test_a_copy_in_another_order_and_of_other_signs_is_the_same_model(model, digits, rng):
    order = rng.permutation(9)
    other = flipped(model, order)
    assert_allclose(
        other.inverse_transform(other.transform(digits)),
        model.inverse_transform(model.transform(digits)),
        atol=1e-9,
    )
    found = compared({"a": model, "b": other}, digits)
    assert found.returns.all()
    assert_array_equal(found.partners[:, 1], np.argsort(order))
    signs = np.where(np.argsort(order) % 2, -1, 1)
    assert_allclose(found.cosines[:, 1], signs)
    assert_allclose(found.correlations[:, 1], signs)
    assert_allclose(found.models[0].explained, found.models[1].explained)
    assert [len(units) for units in found.new] == [0, 0]
    assert "The models have the same units: all 9 of a recur in b" in str(found)
    assert "All settings are the same. They learned from the same rows." in str(found)


def test_a_unit_that_is_another_one_does_not_return(model, rng):
    other = flipped(model, np.arange(9))
    other[-1].decoder_weights_[4] = rng.randn(64)
    third = flipped(model, np.arange(9)[::-1])
    found = compared({"a": model, "b": other, "c": third})
    assert np.flatnonzero(~found.returns).tolist() == [4]
    assert "8 of the 9 units of a recur in every other model" in str(found)
    assert [units.tolist() for units in found.new] == [[], [4], []]
    assert found.correlations is None
    assert found.models[0].explained is None


def test_models_of_other_numbers_of_units_have_partners_as_far_as_there_are_any(digits):
    few, many = (autoencoder(k).fit(digits) for k in (4, 6))
    found = compared({"many": many, "few": few})
    assert sorted(found.partners[:, 1]) == [-1, -1, 0, 1, 2, 3]
    assert (found.cosines[found.partners[:, 1] < 0, 1] == 0).all()
    assert len(found.new[1]) == 4 - (np.abs(found.cosines[:, 1]) > 0.9).sum()
    assert found.settings == {"SparseAutoencoder.n_components": ("6", "4")}


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        ({}, []),
        ({"random_state": 3}, ["random_state"]),
        ({"weight_decay": 1e-3, "n_jobs": 1}, ["weight_decay"]),
        ({"sparsity_penalty": KLSparsity(target=0.2)}, ["sparsity_penalty__target"]),
    ],
    ids=str,
)
def test_only_settings_that_differ_are_told(digits, change, differing):
    base = {"sparsity_penalty": KLSparsity(target=0.1), "max_iter": 3}
    one = autoencoder(**base).fit(digits[:100])
    other = autoencoder(**(base | change)).fit(digits[:100])
    found = compared({"one": one, "other": other})
    assert list(found.settings) == [f"SparseAutoencoder.{name}" for name in differing]
    told = f"only SparseAutoencoder.{differing[0]} differs" if differing else "are the same"
    assert told in str(found)


def test_settings_are_told_of_every_step(digits):
    one = autoencoder(max_iter=3).fit(digits[:100])
    whitened = make_pipeline(Whitening(), autoencoder(max_iter=4)).fit(digits[:100])
    found = compared({"one": one, "whitened": whitened})
    assert found.settings["Whitening.method"] == (None, "'zca'")
    assert found.settings["SparseAutoencoder.max_iter"] == ("3", "4")
    assert found.learned_from_same_rows is False
    assert "settings differ." in str(found)


def test_numbers_are_those_of_the_models(model, digits):
    other = make_pipeline(Whitening(epsilon=0.1), autoencoder(random_state=1)).fit(digits)
    found = compared({"a": model, "b": other}, digits)
    for one, fitted in zip(found.models, (model, other), strict=True):
        units, X = fitted[-1], fitted[:-1].transform(digits)
        facts = one.facts
        assert facts["loss"] == units.loss_
        assert facts["sparsity"] == units.loss_terms_.sparsity
        assert facts["average activation"] == units.average_activation_.mean()
        assert facts["dead units"] == units.n_dead_
        A = units.transform(X)
        rebuilt = explained_variance(X, units.inverse_transform(A))
        assert_allclose(facts["explained variance"], rebuilt, rtol=1e-5)
    A, B = model.transform(digits), other.transform(digits)[:, found.partners[:, 1]]
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(A.T, B.T, strict=True)]
    assert_allclose(found.correlations[:, 1], expected, atol=1e-5)


@pytest.mark.parametrize(("activation", "target"), [("sigmoid", 0.1), ("tanh", -0.8)])
def test_a_target_is_told_as_the_average_that_it_asks_for(activation, target, digits):
    penalty = KLSparsity(target=0.1)
    models = [autoencoder(activation=activation, sparsity_penalty=penalty) for _ in range(2)]
    found = compared({str(i): one.fit(digits) for i, one in enumerate(models)})
    assert [one.facts["target"] for one in found.models] == pytest.approx([target, target])


def test_models_that_draw_other_patches_are_compared_on_the_same(rng):
    images = [rng.rand(30, 30) for _ in range(3)]
    a = make_pipeline(PatchExtractor(4, n_patches=300, random_state=0), autoencoder()).fit(images)
    b = make_pipeline(PatchExtractor(4, n_patches=200, random_state=1), *a.steps[1][1:])
    b[0].fit(images)
    found = compared({"a": a, "b": b}, images)
    assert_allclose(found.correlations, 1)
    assert found.n_rows == 300
    assert set(found.settings) == {"PatchExtractor.n_patches", "PatchExtractor.random_state"}


def test_a_stack_is_compared_by_its_top_layer(digits):
    stack = StackedAutoencoder((12, 9), estimator=autoencoder(max_iter=5), random_state=0)
    found = compared({"one": autoencoder().fit(digits), "two": stack.fit(digits)}, digits)
    assert found.partners.shape == (9, 2)
    assert found.models[1].activations.shape == (len(digits), 9)


def test_a_classifier_has_a_cross_entropy(digits):
    estimator = StackedAutoencoder((9,), estimator=autoencoder(max_iter=3))
    labels = np.arange(200) % 3
    network = StackedAutoencoderClassifier(estimator, max_iter=3, random_state=0)
    network.fit(digits[:200], labels)
    found = compared({"one": autoencoder().fit(digits), "network": network}, digits)
    assert found.models[1].facts["cross-entropy"] == network.loss_terms_[0]
    assert found.models[1].facts["explained variance"] is None
    assert "reconstruction" not in found.models[1].facts


@pytest.mark.parametrize(
    ("columns", "shape", "message"),
    [
        (slice(0, 49), None, "the units of a see 64 values, those of b see 49 values"),
        (slice(0, 64), (4, 16), "64 values"),
    ],
)
def test_models_of_other_inputs_are_refused(model, digits, columns, shape, message):
    other = autoencoder(max_iter=2).fit(digits[:50, columns])
    if shape is not None:
        extractor = PatchExtractor(shape, n_patches=50, random_state=0)
        images = digits[:9].reshape(-1, 8, 8).repeat(4, axis=1).repeat(4, axis=2)
        other = make_pipeline(extractor, autoencoder(max_iter=2)).fit(images)
    with pytest.raises(ValueError, match=message):
        compared({"a": model, "b": other})


def test_one_model_is_refused(model):
    with pytest.raises(ValueError, match="at least two models, got 1"):
        compared({"a": model})
