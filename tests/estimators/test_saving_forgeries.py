"""Forged model files: whole, with the right checksums, and refused; nothing in them is run."""

import json
import os
import pickle
import re
import sys

import joblib
import numpy as np
import pytest

import rhohat
from rhohat import (
    NoSparsity,
    SparseAutoencoder,
)
from rhohat.common.errors import ModelFileError
from rhohat.estimators.saving import load
from support.forgeries import FITTED, PARAMS, forge, put, refused, without
from support.models import CASES, assert_same, load_bytes
from support.mutations import places

# --- forgeries: whole files with right checksums -------------------------------------------------


def test_a_forgery_without_edits_loads(contents, file):
    forged = forge(contents("pipeline"), lambda description, entries, data: None)
    assert_same(load_bytes(forged, file), CASES["pipeline"][0])


def reshape(name, dtype, shape, content=None):
    def edit(description, entries, data):
        entries[name] = {"dtype": dtype, "shape": shape}
        data[name] = data.get(name, b"") if content is None else content
        description["tensors"][name] = ""

    return edit


def drop(name):
    def edit(description, entries, data):
        del entries[name], data[name], description["tensors"][name]

    return edit


FORGERIES = {
    "a newer format": (
        put(["format"], 2),
        rf"format 1 or older, found format 2, .*{re.escape(rhohat.__version__)}.*Upgrade",
    ),
    "a format that is no number": (put(["format"], "1"), "number of a format"),
    "a format before the first": (put(["format"], 0), "number of a format"),
    "a format that is a flag": (put(["format"], True), "number of a format"),
    "no format": (without(["format"]), "format and versions"),
    "no versions": (without(["versions"]), "format and versions"),
    "versions in a list": (put(["versions"], ["rhohat"]), "versions"),
    "versions in a text": (put(["versions"], "rhohat"), "versions"),
    "versions in numbers": (put(["versions"], {"rhohat": 1}), "versions"),
    "versions without rhohat": (put(["versions"], {}), "versions"),
    "more in the description": (put(["more"], 1), "description"),
    "no model": (put(["model"], None), "expected a model"),
    "a list of models": (put(["model"], []), "expected a model"),
    "a penalty": (put(["model"], {"class": "NoSparsity", "params": {}}), "expected a model"),
    "a class to import": (put(["model", "class"], "os.system"), "class among .* found 'os.system'"),
    "a builtin": (put(["model", "class"], "eval"), "class among"),
    "a class of scikit-learn": (put(["model", "class"], "StandardScaler"), "class among"),
    "a path as class": (put(["model", "class"], "../../Whitening"), "class among"),
    "a list as class": (put(["model", "class"], ["Whitening"]), "class among"),
    "no class": (without(["model", "class"]), "class among"),
    "another class": (put(["model", "class"], "Whitening"), "parameters of Whitening"),
    "no parameters": (without(PARAMS), "params"),
    "parameters in a list": (put(PARAMS, []), "params"),
    "an unknown parameter": (put([*PARAMS, "__class__"], 1), "found .*__class__"),
    "a method as parameter": (put([*PARAMS, "fit"], 1), "found .*fit"),
    "an unknown activation": (put([*PARAMS, "activation"], "step"), "activation .*one of 'sigmoid"),
    "a list as activation": (put([*PARAMS, "activation"], ["relu"]), "activation .*'sigmoid"),
    "an unknown decoder": (put([*PARAMS, "decoder"], "none"), "decoder .*one of 'linear"),
    "a callback": (put([*PARAMS, "callback"], "os.system"), "found .*callback"),
    "an infinite parameter": (
        lambda d, e, a: json.dumps(d).replace('"tol": 0.0001', '"tol": 1e999'),
        "finite number, found inf",
    ),
    "a parameter that is not a number": (put([*PARAMS, "tol"], float("nan")), "JSON"),
    "an object as parameter": (put([*PARAMS, "tol"], {"a": 1}), "class among"),
    "a tuple of nothing": (put([*PARAMS, "tol"], {"tuple": 1}), "class among"),
    "fitted values of a penalty": (
        put([*PARAMS, "sparsity_penalty"], {"class": "NoSparsity", "params": {}, "fitted": {}}),
        "of NoSparsity",
    ),
    "no fitted values": (without(FITTED), "fitted"),
    "fitted values in a list": (put(FITTED, []), "found"),
    "a fitted value missing": (without([*FITTED, "n_iter_"]), "n_iter_"),
    "an unknown fitted value": (put([*FITTED, "transform"], 1), "SparseAutoencoder's"),
    "an array among the values": (put([*FITTED, "encoder_bias_"], 1), "SparseAutoencoder's"),
    "a count that is a flag": (put([*FITTED, "n_iter_"], True), "n_iter_, found True"),
    "a count below zero": (put([*FITTED, "n_dead_"], -1), "n_dead_"),
    "a flag that is a count": (put([*FITTED, "converged_"], 1), "converged_"),
    "a number that is a count": (put([*FITTED, "loss_"], 1), "loss_"),
    "a text that is a number": (put([*FITTED, "stop_reason_"], 1), "stop_reason_"),
    "two loss terms": (put([*FITTED, "loss_terms_"], [1.0, 2.0]), "loss_terms_"),
    "loss terms in words": (put([*FITTED, "loss_terms_"], ["a", "b", "c"]), "loss_terms_"),
    "other features": (put([*FITTED, "n_features_in_"], 5), "encoder_weights_ of size"),
    "too few names": (put([*FITTED, "feature_names_in_"], ["a"]), "feature_names_in_ of size"),
    "names in numbers": (put([*FITTED, "feature_names_in_"], [1] * 6), "feature_names_in_"),
    "names in a text": (put([*FITTED, "feature_names_in_"], "abcdef"), "feature_names_in_"),
    "an array missing": (drop("encoder_bias_"), "encoder_bias_ as the array"),
    "an array too many": (reshape("more", "F64", [1], bytes(8)), "found .*more"),
    "an array outside": (reshape("../../more", "F64", [1], bytes(8)), "found .*more"),
    "another shape": (
        reshape("encoder_weights_", "F64", [6, 4]),
        r"of size \(6, 6\), found \(6, 4\)",
    ),
    "a flat array": (reshape("encoder_weights_", "F64", [24]), "encoder_weights_ of size"),
    "a shape too large": (reshape("encoder_bias_", "F64", [5]), "encoder_bias_'"),
    "a shape too small": (reshape("encoder_bias_", "F64", [3]), "encoder_bias_'"),
    "an empty array": (reshape("encoder_bias_", "F64", [0], b""), "encoder_bias_'"),
    "an empty array of great width": (reshape("encoder_bias_", "F64", [0, 2**70], b""), "bias_'"),
    "a shape beyond all bounds": (reshape("encoder_bias_", "F64", [2**62, 4]), "encoder_bias_'"),
    "a shape of great numbers": (reshape("encoder_bias_", "F64", [10**4000] * 2), "bias_'"),
    "a shape of many numbers": (reshape("encoder_bias_", "F64", [1] * 50_000), "encoder_bias_'"),
    "a negative shape": (reshape("encoder_bias_", "F64", [-4]), "encoder_bias_'"),
    "a shape in fractions": (reshape("encoder_bias_", "F64", [4.0]), "encoder_bias_'"),
    "another type": (reshape("encoder_bias_", "I64", [4]), "encoder_bias_ in"),
    "a type of half the size": (reshape("encoder_bias_", "F32", [4]), "encoder_bias_'"),
    "an unknown type": (reshape("encoder_bias_", "O", [4]), "encoder_bias_'"),
    "a list as type": (reshape("encoder_bias_", ["F64"], [4]), "encoder_bias_'"),
    "NaN": (reshape("encoder_bias_", "F64", [4], np.full(4, np.nan).tobytes()), "found NaN"),
    "infinity": (reshape("encoder_bias_", "F64", [4], np.full(4, np.inf).tobytes()), "infinity"),
    "no checksums": (put(["tensors"], {}), "expected the arrays"),
    "checksums in a list": (put(["tensors"], []), "expected the arrays"),
    "a key twice": (lambda d, e, a: json.dumps(d)[:-1] + ', "format": 1}', "same key twice"),
    "a key twice, deeper": (
        lambda d, e, a: json.dumps(d).replace('"tol"', '"tol": 1, "tol"'),
        "same key twice",
    ),
    "no JSON": (lambda d, e, a: "import os", "JSON"),
    "another JSON": (lambda d, e, a: "[]", "a description"),
    "the keys of a description": (lambda d, e, a: json.dumps(sorted(d)), "a description"),
    "a text as description": (lambda d, e, a: '"format versions"', "a description"),
    "endless lists": (lambda d, e, a: "[" * 60_000, "nested without end"),
    "nested lists": (put([*PARAMS, "tol"], eval("[" * 80 + "]" * 80)), "tol must be a number"),
    "half a character": (lambda d, e, a: '{"\\ud800": "\ud800"}', "format and versions"),
    "a number of many digits": (
        lambda d, e, a: json.dumps(d).replace('"format": 1', '"format": ' + "9" * 5000),
        "JSON",
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forgeries_are_refused(forgery, contents, file):
    edit, message = FORGERIES[forgery]
    forged = forge(contents("autoencoder"), edit)
    repr(NoSparsity())  # scikit-learn imports its printer when it first prints
    modules = set(sys.modules)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_bytes(forged, file)
    assert len(str(caught.value)) < 2000
    assert set(sys.modules) == modules


def test_deep_nesting_is_refused_not_a_crash(contents):
    for depth in (200, 400, 900, 5000):
        nested = "[" * depth + "]" * depth
        forged = forge(
            contents("autoencoder"),
            lambda d, e, a, nested=nested: json.dumps(d).replace("0.0001", nested, 1),
        )
        assert refused(forged) or depth < 5000


def test_a_parameter_that_is_missing_has_its_default(contents, file):
    forged = forge(contents("autoencoder"), without([*PARAMS, "weight_decay"]))
    assert load_bytes(forged, file).weight_decay == SparseAutoencoder().weight_decay


def test_forged_descriptions_are_models_or_refused(contents):
    """Random junk at random places of the description, with right checksums."""
    generator = np.random.RandomState(0)
    junk = [
        None,
        True,
        -1,
        0,
        10**30,
        0.5,
        "",
        "x",
        [],
        {},
        [[]],
        {"tuple": []},
        {"class": "LBFGS"},
    ]
    junk += [{"class": "LBFGS", "params": {}}, {"class": "Pipeline", "params": {}, "fitted": {}}]

    content = contents("pipeline")
    n_places = []

    def edit(description, entries, data):
        everywhere = [*places(description), *places(entries)]
        n_places.append(len(everywhere))
        node, key = everywhere[generator.randint(len(everywhere))]
        chance = generator.rand()
        if chance < 0.2:
            del node[key]
        elif chance < 0.4 and isinstance(node[key], dict):
            node[key] = list(node[key])
        else:
            node[key] = junk[generator.randint(len(junk))]

    n_models = 0
    for _ in range(1000):
        try:
            forged = forge(content, edit)
        except (KeyError, TypeError, AttributeError):  # too broken to compute its checksums
            continue
        n_models += not refused(forged)
    assert 10 < n_models < 500


# --- what is no model ----------------------------------------------------------------------------


class Canary:
    """Unpickling it makes a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_pickles_are_refused_and_not_run(tmp_path):
    canary = Canary(tmp_path / "was run")
    files = []
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        files.append(tmp_path / f"{protocol}.pkl")
        files[-1].write_bytes(pickle.dumps(canary, protocol))
    for compress in (0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3)):
        files.append(tmp_path / f"{len(files)}.joblib")
        joblib.dump(canary, files[-1], compress=compress)
    for name, write in {"npz": np.savez, "npy": np.save}.items():
        files.append(tmp_path / f"objects.{name}")
        write(files[-1], np.array([canary], dtype=object), allow_pickle=True)
    for path in files:
        with pytest.raises(ModelFileError, match="pickles are never loaded") as caught:
            load(path)
        assert str(path) in str(caught.value)
    assert not (tmp_path / "was run").exists()
    pickle.loads(files[0].read_bytes())
    assert (tmp_path / "was run").exists()  # the canary sings
