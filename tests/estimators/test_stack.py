"""Stacked autoencoders: layers of their own, one above the other."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from rhohat import (
    KLSparsity,
    PatchNormalizer,
    Whitening,
)
from rhohat.rows.derived import Mapped
from support.cases import sparse_data
from support.stacks import X, layer, stack, stack_bits
from support.stored import as_npy


def test_each_layer_is_an_autoencoder_of_the_one_below():
    model = stack().fit(X)
    below, above = model.layers_
    first = clone(below).fit(X)
    assert_array_equal(below.encoder_weights_, first.encoder_weights_)
    second = clone(above).fit(first.transform(X))
    assert_array_equal(above.encoder_weights_, second.encoder_weights_)
    assert_array_equal(model.transform(X), second.transform(first.transform(X)))
    A = model.transform(X)
    back = first.inverse_transform(second.inverse_transform(A))
    assert_array_equal(model.inverse_transform(A), back)
    assert A.dtype == back.dtype == np.float32


def test_layers_are_sizes_or_autoencoders_and_the_prototype_is_left_alone():
    prototype, own = layer(9, activation="tanh"), layer(3, decoder="tied")
    model = stack(layers=[6, own], estimator=prototype).fit(X)
    assert [len(one.components_) for one in model.layers_] == [6, 3]
    assert [one.activation for one in model.layers_] == ["tanh", "sigmoid"]
    assert prototype.n_components == 9
    assert not hasattr(own, "n_features_in_")
    assert list(model.get_feature_names_out()) == [f"stackedautoencoder{i}" for i in range(3)]


@pytest.mark.parametrize(
    ("layers", "error"),
    [((), ValueError), (5, ValueError), ("55", ValueError), ((5, "6"), TypeError)],
)
def test_wrong_layers_are_refused(layers, error):
    with pytest.raises(error, match="layer"):
        stack(layers=layers).fit(X)


def test_rows_in_files_give_the_bits_of_memory_and_are_mapped(tmp_path):
    path = as_npy(tmp_path, X)
    model = stack().fit(path)
    assert stack_bits(model) == stack_bits(stack().fit(X))
    assert isinstance(model.transform(path), Mapped)
    assert_array_equal(np.asarray(model.transform(path)), model.transform(X))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("before", [None, Whitening(), PatchNormalizer()])
@pytest.mark.parametrize("n_rows", [700, 6100])
def test_rows_that_are_computed_have_the_bits_of_those_in_memory(tmp_path, before, n_rows, dtype):
    """Whatever product makes them: of one row, of rows drawn for the first stages, of chunks."""
    rows = sparse_data(n_rows, 90, dtype=dtype)
    models = [
        make_pipeline(clone(before) if before else "passthrough", stack(layers=[8, 6])).fit(given)
        for given in (rows, as_npy(tmp_path, rows))
    ]
    assert stack_bits(models[0][-1]) == stack_bits(models[1][-1])


def test_every_layer_finds_the_weight_of_its_own_penalty():
    below, above = (
        stack(estimator=layer(sparsity_penalty=KLSparsity(0.1, "auto"), max_iter=60)).fit(X).layers_
    )
    assert below.sparsity_weight_ != above.sparsity_weight_
    for one in (below, above):
        assert one.average_activation_.mean() == pytest.approx(0.1, rel=0.1)


def test_arrays_are_sizes_too():
    assert stack_bits(stack(layers=np.array([5, 4])).fit(X)) == stack_bits(stack().fit(X))
