"""Provenance: the code on a page makes the model, and tells nothing of one run."""

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline as pipeline_of

from rhohat import (
    L1Sparsity,
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    Whitening,
    report,
)
from rhohat.inspection.report.provenance import code_of
from support.pages import found_on, payload


def print_nothing(progress):
    pass


def test_a_frozen_model_stays_as_it_is_and_its_code_runs(rng, tmp_path):
    X, y = rng.randn(60, 6), np.arange(60) % 2
    frozen = FrozenEstimator(
        SparseAutoencoder(4, max_iter=5, n_jobs=1, warm_start=True, random_state=0).fit(X)
    )
    for model in (
        frozen,
        pipeline_of(FrozenEstimator(Whitening().fit(X)), frozen).fit(X),
        StackedAutoencoderClassifier(frozen, max_iter=3, random_state=0).fit(X, y),
    ):
        before, weights = repr(model), frozen.estimator.encoder_weights_
        code = found_on(report(model, X).html)["code"]
        assert repr(model) == before
        assert frozen.estimator.encoder_weights_ is weights
        names = {"other_data": X, "data": X, "labels": y}
        exec(code, names)
        lasting = "".join(repr(model.estimator if model is frozen else model).split())
        for run in ("n_jobs=1,", ",warm_start=True"):
            lasting = lasting.replace(run, "")
        assert "".join(repr(names["model"]).split()) == lasting


def test_layers_in_a_list_lose_what_concerns_one_run(rng, tmp_path):
    layer = SparseAutoencoder(4, max_iter=5, callback=print_nothing, checkpoint=tmp_path)
    stack = StackedAutoencoder([layer], random_state=0).fit(rng.randn(60, 6))
    code = found_on(report(stack).html)["code"]
    assert str(tmp_path) not in code
    assert "callback" not in code


def test_code_on_the_page_makes_the_model(default, odd, rng):
    from sklearn.preprocessing import StandardScaler

    scaled = pipeline_of(StandardScaler(), SparseAutoencoder(2, max_iter=3, random_state=0))
    scaled.fit(rng.randn(40, 5))
    codes = (
        payload(default[1])["code"],
        payload(odd[3])["code"],
        found_on(report(scaled).html)["code"],
    )
    for model, page_code in zip((default[0], odd[0], scaled), codes, strict=True):
        code = page_code.replace("model.fit(data)", "")
        names = {}
        exec(code, names)
        assert repr(names["model"]) == repr(model)


def test_a_class_of_a_notebook_is_imported_from_there(rng, monkeypatch):
    monkeypatch.setattr(Own, "__module__", "__main__")
    X = rng.rand(40, 6)
    model = SparseAutoencoder(3, sparsity_penalty=Own(0.1), max_iter=3, random_state=0).fit(X)
    assert "from __main__ import Own\n" in code_of(model)


class Own(L1Sparsity):
    """A penalty of one's own."""
