"""Findings are those of the model, of whatever kind it is."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline as pipeline_of

from rhohat import (
    SparseAutoencoder,
    Whitening,
    load_photographs,
    report,
)
from rhohat.recipes.pipelines import complete, make_pipeline
from rhohat.recipes.settings import Settings
from support.pages import found_on, payload


def test_findings_are_those_of_all_activations(default):
    pipeline, path = default
    found = payload(path)
    A = pipeline.transform(load_photographs().images)
    assert_allclose(found["activity"]["mean"], A.mean(axis=0, dtype=np.float64), rtol=1e-5)
    assert_array_equal(np.sum(found["activity"]["counts"], axis=1), len(A))
    counts = np.histogram(A[:, 3], bins=40, range=(0, 1))[0]
    assert np.abs(counts - found["activity"]["counts"][3]).sum() <= 4  # at the bins' edges
    correlations = np.corrcoef(A.T) - 2 * np.eye(100)
    assert_array_equal(found["together"]["units"][3][0], correlations[3].argmax())
    assert_allclose(found["together"]["correlations"][3][0], correlations[3].max(), atol=1e-3)
    assert_allclose(
        found["decoder_norm"], np.linalg.norm(pipeline[-1].decoder_weights_, axis=1), rtol=1e-5
    )


def test_examples_are_shown_where_they_were_cut_out(default):
    pipeline, path = default
    found = payload(path)["examples"]
    photographs = load_photographs()
    names = [image["name"] for image in payload(path)["images"]]
    whitened = pipeline[0].transform(photographs.images)
    for row, (image, top, left) in list(zip(found["rows"], found["places"], strict=True))[:20]:
        number = photographs.names.index(names[image])
        patch = whitened[number][top : top + 10, left : left + 10]
        drawn = pipeline[:2].transform(photographs.images)[row]
        assert_array_equal(patch.ravel(), drawn)


def test_a_page_without_data_has_the_units_alone(rng):
    model = SparseAutoencoder(5, max_iter=5, random_state=0).fit(rng.randn(50, 7))
    found = found_on(report(model).html)
    assert found["examples"] is None
    assert found["views"][0]["kind"] == "trace"


@pytest.mark.parametrize("method", ["pca", "zca"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_rows_after_whitening(rng, method, activation, opened_if_possible):
    X = rng.randn(200, 12)
    model = pipeline_of(
        Whitening(method, n_components=9),
        SparseAutoencoder(6, activation=activation, max_iter=8, random_state=0)
        if activation != "relu"
        else SparseAutoencoder(6, activation="relu", sparsity_penalty="l1", max_iter=8),
    ).fit(X)
    page = report(model, X, shape=(3, 4))
    opened_if_possible(page)
    views = {view["name"]: view for view in found_on(page.html)["views"]}
    assert views["looks-for"]["shape"] == [6, 3, 4, 1]
    assert views["encoder"]["kind"] == ("trace" if method == "pca" else "image")
    given = found_on(page.html)["examples"]["given"]
    assert given["shape"][1:] == [3, 4, 1]


def test_color_patches_and_files_outside_memory(tmp_path, rng, opened_if_possible):
    images = rng.rand(3, 16, 16, 3)
    settings = complete(
        Settings(units=4, color=True, patch_size=6, patches=200, iterations=5), "images"
    )
    page = report(make_pipeline(settings, "images", variance=0.1).fit(images), images)
    opened_if_possible(page)
    assert found_on(page.html)["views"][0]["shape"] == [4, 6, 6, 3]
    X = rng.randn(3000, 5)
    np.save(tmp_path / "rows.npy", X)
    model = SparseAutoencoder(3, max_iter=5, random_state=0).fit(X)
    in_memory, stored = report(model, X), report(model, tmp_path / "rows.npy")
    assert in_memory.html == stored.html
