"""Folders of sparse autoencoders, laid out as their libraries write them, are read and written."""

import json
from contextlib import suppress

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import load_file, save_file
from sklearn.pipeline import make_pipeline

from rhohat import (
    BatchTopK,
    ModelFileError,
    SparseAutoencoder,
    SparseTranscoder,
    Standardization,
    TopK,
    export,
    load,
    report,
    save,
)
from rhohat.preprocessing.operations import NotComputedError
from support.exported import DIGITS, units

D, K, N = 6, 9, 40
ROWS = np.random.RandomState(1).standard_normal((N, D)).astype(np.float32)


def drawn(*shape):
    return np.random.RandomState(sum(shape)).standard_normal(shape).astype(np.float32)


W_ENC, B_ENC, W_DEC, B_DEC = drawn(D, K), drawn(K), drawn(K, D), drawn(D)
PLAIN = {"W_enc": W_ENC, "b_enc": B_ENC, "W_dec": W_DEC, "b_dec": B_DEC}


def relu(z):
    return np.maximum(z, 0)


def topk(z, k):
    least = np.sort(z, axis=1)[:, -k, None]
    return np.where(z >= least, relu(z), 0)


SAELENS_NAMES = "cfg.json", "sae_weights.safetensors"


def jumped(z, threshold):
    return np.where(z > threshold, relu(z), 0)


def written(folder, settings, arrays, names=SAELENS_NAMES):
    (folder / names[0]).write_text(json.dumps(settings))
    save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, folder / names[1])
    return folder


#: cfg.json as SAELens wrote it before version 6, and since.
BEFORE = {
    "architecture": "standard",
    "d_in": D,
    "d_sae": K,
    "activation_fn_str": "relu",
    "activation_fn_kwargs": {},
    "apply_b_dec_to_input": True,
    "finetuning_scaling_factor": False,
    "context_size": 128,
    "model_name": "gpt2-small",
    "hook_name": "blocks.8.hook_resid_pre",
    "hook_layer": 8,
    "hook_head_index": None,
    "prepend_bos": True,
    "dataset_path": "corpus",
    "normalize_activations": "none",
    "dtype": "torch.float32",
    "device": "cpu",
    "sae_lens_training_version": None,
}
SINCE = {
    "d_in": D,
    "d_sae": K,
    "dtype": "float32",
    "device": "cpu",
    "apply_b_dec_to_input": True,
    "normalize_activations": "none",
    "reshape_activations": "none",
    "metadata": {"sae_lens_version": "6.12.1", "model_name": "gemma", "hook_name": "blocks.3"},
    "architecture": "standard",
}
#: sparsify's settings.
SPARSIFY = {
    "activation": "topk",
    "expansion_factor": 32,
    "normalize_decoder": True,
    "num_latents": K,
    "k": 3,
    "multi_topk": False,
    "skip_connection": False,
    "transcode": False,
    "d_in": D,
}
SPARSIFY_ARRAYS = {"encoder.weight": W_ENC.T, "encoder.bias": B_ENC, "W_dec": W_DEC, "b_dec": B_DEC}
SPARSIFY_NAMES = "cfg.json", "sae.safetensors"
DICTIONARY_NAMES = "config.json", "ae.safetensors"
#: dictionary_learning's weights; the decoder is a layer of PyTorch, columns by units.
DICTIONARY = {"encoder.weight": W_ENC.T, "encoder.bias": B_ENC, "decoder.weight": W_DEC.T}
SHIFTED = (ROWS - B_DEC) @ W_ENC + B_ENC
THRESHOLDS = np.linspace(-0.1, 2, K).astype(np.float32)
NORMS = np.linalg.norm(W_DEC, axis=1)
HALF = {name: array.astype(np.float16) for name, array in PLAIN.items()}

#: Folders as their libraries write them: settings, arrays, names of files; activations, and what is
#: rebuilt, as the libraries compute these.
LAYOUTS = {
    "SAELens before 6": (BEFORE, PLAIN, SAELENS_NAMES, relu(SHIFTED), W_DEC),
    "SAELens before 6, topk": (
        BEFORE | {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}},
        PLAIN,
        SAELENS_NAMES,
        topk(SHIFTED, 4),
        W_DEC,
    ),
    "SAELens before 6, tuned": (
        BEFORE | {"finetuning_scaling_factor": True},
        PLAIN | {"scaling_factor": 1 + NORMS},
        SAELENS_NAMES,
        relu(SHIFTED),
        W_DEC * (1 + NORMS)[:, None],
    ),
    "SAELens standard": (SINCE, PLAIN, SAELENS_NAMES, relu(SHIFTED), W_DEC),
    "SAELens, input as it is": (
        SINCE | {"apply_b_dec_to_input": False},
        PLAIN,
        SAELENS_NAMES,
        relu(ROWS @ W_ENC + B_ENC),
        W_DEC,
    ),
    "SAELens topk": (
        SINCE | {"architecture": "topk", "k": 2},
        PLAIN,
        SAELENS_NAMES,
        topk(SHIFTED, 2),
        W_DEC,
    ),
    "SAELens topk, rescaled": (
        SINCE | {"architecture": "topk", "k": 2, "rescale_acts_by_decoder_norm": True},
        PLAIN,
        SAELENS_NAMES,
        topk(SHIFTED * NORMS, 2),
        W_DEC / NORMS[:, None],
    ),
    "SAELens in half precision": (
        SINCE | {"dtype": "float16"},
        HALF,
        SAELENS_NAMES,
        relu((ROWS - HALF["b_dec"]) @ HALF["W_enc"].astype("f4") + HALF["b_enc"]),
        HALF["W_dec"],
    ),
    "SAELens jumprelu": (
        SINCE | {"architecture": "jumprelu"},
        PLAIN | {"threshold": THRESHOLDS},
        SAELENS_NAMES,
        jumped(SHIFTED, THRESHOLDS),
        W_DEC,
    ),
    "SAELens before 6, jumprelu": (
        BEFORE | {"architecture": "jumprelu", "apply_b_dec_to_input": False},
        PLAIN | {"threshold": THRESHOLDS},
        SAELENS_NAMES,
        jumped(ROWS @ W_ENC + B_ENC, THRESHOLDS),
        W_DEC,
    ),
    "sparsify": (SPARSIFY, SPARSIFY_ARRAYS, SPARSIFY_NAMES, topk(SHIFTED, 3), W_DEC),
    "dictionary_learning": (
        {"trainer": {"dict_class": "AutoEncoder"}, "buffer": {}},
        DICTIONARY | {"bias": B_DEC},
        DICTIONARY_NAMES,
        relu(SHIFTED),
        W_DEC,
    ),
    "dictionary_learning, new": (
        {"trainer": {"dict_class": "AutoEncoderNew"}},
        DICTIONARY | {"decoder.bias": B_DEC},
        DICTIONARY_NAMES,
        relu(ROWS @ W_ENC + B_ENC),
        W_DEC,
    ),
    "dictionary_learning, topk": (
        {"trainer": {"dict_class": "AutoEncoderTopK", "k": 4}},
        DICTIONARY | {"b_dec": B_DEC, "k": np.array(4), "threshold": np.float32(-1)},
        DICTIONARY_NAMES,
        topk(SHIFTED, 4),
        W_DEC,
    ),
    "dictionary_learning, batchtopk": (
        {"trainer": {"dict_class": "BatchTopKSAE", "k": 4}},
        DICTIONARY | {"b_dec": B_DEC, "k": np.array(4), "threshold": np.float32(0.7)},
        DICTIONARY_NAMES,
        jumped(SHIFTED, 0.7),
        W_DEC,
    ),
    "dictionary_learning, jumprelu": (
        {"trainer": {"dict_class": "JumpReluAutoEncoder"}},
        PLAIN | {"threshold": THRESHOLDS},
        DICTIONARY_NAMES,
        jumped(ROWS @ W_ENC + B_ENC, THRESHOLDS) * NORMS,
        W_DEC / NORMS[:, None],
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_folder_computes_in_rhohat_what_it_does_in_its_library(name, tmp_path):
    settings, arrays, names, A, decoder = LAYOUTS[name]
    model = load(written(tmp_path, settings, arrays, names))
    found = model.transform(ROWS)
    assert found.dtype == np.float32
    assert_allclose(found, A, rtol=0, atol=1e-6 * np.abs(A).max())
    rebuilt = A @ decoder.astype("f4") + arrays.get("b_dec", B_DEC)
    assert_allclose(model.inverse_transform(found), rebuilt, atol=2e-6 * np.abs(rebuilt).max())


#: Models that SAELens can hold, not fitted.
MODELS = {
    "relu": lambda: units(activation="relu", sparsity_penalty="l1"),
    "tied": lambda: units(activation="relu", sparsity_penalty="l1", decoder="tied"),
    "topk": lambda: units(activation=TopK(3), sparsity_penalty="none"),
    "batchtopk": lambda: units(activation=BatchTopK(3), sparsity_penalty="none"),
    "standardized": lambda: make_pipeline(
        Standardization(), units(activation=TopK(3), sparsity_penalty="none")
    ),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_is_read_with_the_same_activations(name, dtype, tmp_path):
    X = DIGITS.astype(dtype)
    model = MODELS[name]().fit(X)
    export(model, tmp_path / "sae", to="saelens")
    again = load(tmp_path / "sae")
    A = model.transform(X)
    assert_allclose(again.transform(X), A, rtol=0, atol=1e-6 * A.max())
    units_ = again.encoder_weights_
    arrays = load_file(tmp_path / "sae" / "sae_weights.safetensors")
    assert_array_equal(arrays["W_enc"].T, units_)
    settings = json.loads((tmp_path / "sae" / "cfg.json").read_text())
    assert (settings["d_in"], settings["d_sae"]) == units_.shape[::-1]
    expected = {"topk": "topk", "standardized": "topk", "batchtopk": "jumprelu"}
    assert settings["architecture"] == expected.get(name, "standard")


def test_a_transcoder_is_written_and_read(tmp_path):
    X, Y = DIGITS[:, :40], DIGITS[:, 40:]
    model = SparseTranscoder(8, activation="relu", sparsity_penalty="l1", max_iter=10).fit(X, Y)
    export(model, tmp_path / "sae", to="saelens")
    assert json.loads((tmp_path / "sae" / "cfg.json").read_text())["d_out"] == 24
    again = load(tmp_path / "sae")
    assert isinstance(again, SparseTranscoder)
    assert_allclose(again.predict(X), model.predict(X), atol=1e-6)
    assert_allclose(again.transform(X), model.transform(X), atol=1e-6)


def refused(settings=SINCE, arrays=PLAIN, **changes):
    return settings | changes, arrays


#: What is refused, and what is said.
REFUSED = {
    "gated": (*refused(architecture="gated"), "a gate and a magnitude"),
    "unknown": (*refused(architecture="clt"), "expected one of standard, topk, jumprelu"),
    "in training": (*refused(architecture="batchtopk", k=3), "save them for inference"),
    "skip": (*refused(architecture="skip_transcoder"), "W_skip, to the reconstruction"),
    "tanh": (*refused(BEFORE, activation_fn_str="tanh-relu"), "activation function relu or topk"),
    "layer norm": (*refused(normalize_activations="layer_norm"), "to the same mean"),
    "norm": (*refused(normalize_activations="constant_norm_rescale"), "to the same length"),
    "average": (*refused(normalize_activations="expected_average_only_in"), "fold it in with"),
    "as a flag": (*refused(BEFORE, normalize_activations=True), "fold it in with"),
    "another array": (*refused(arrays=PLAIN | {"W_skip": W_DEC}), "expected no other arrays"),
    "no array": (*refused(arrays={"W_enc": W_ENC}), "expected the array b_enc"),
    "no k": (*refused(architecture="topk"), "expected k, how many units are active"),
    "too many": (*refused(architecture="topk", k=K + 1), "is more than the number of units, 9"),
    "shapes": (*refused(arrays=PLAIN | {"b_dec": B_ENC}), "weights and biases of one encoder"),
    "turned": (*refused(arrays=PLAIN | {"W_dec": W_DEC.T}), "decoder_weights_ of shape"),
    "tuned": (*refused(arrays=PLAIN | {"scaling_factor": NORMS}), "finetuning_scaling_factor"),
    "nan": (*refused(arrays=PLAIN | {"b_dec": B_DEC * np.nan}), "finite numbers"),
    "integers": (*refused(arrays=PLAIN | {"b_dec": np.arange(D, dtype="u1")}), "expected dtype of"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_expressed_is_refused_with_the_reason(name, tmp_path):
    settings, arrays, told = REFUSED[name]
    with pytest.raises(ModelFileError, match=told):
        load(written(tmp_path, settings, arrays))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"skip_connection": True}, "without skip_connection"),
        ({"activation": "groupmax"}, "expected topk units"),
    ],
)
def test_sparsify_has_what_rhohat_has_not(changes, told, tmp_path):
    with pytest.raises(ModelFileError, match=told):
        load(written(tmp_path, SPARSIFY | changes, SPARSIFY_ARRAYS, SPARSIFY_NAMES))


def test_weights_of_gemma_scope_are_read(tmp_path):
    np.savez(tmp_path / "params.npz", **PLAIN, threshold=THRESHOLDS)
    model = load(tmp_path / "params.npz")
    A = jumped(ROWS @ W_ENC + B_ENC, THRESHOLDS)
    assert_allclose(model.transform(ROWS), A, atol=1e-6 * A.max())
    save(model, tmp_path / "again.safetensors")
    assert_array_equal(load(tmp_path / "again.safetensors").transform(ROWS), model.transform(ROWS))
    export(model, tmp_path / "sae", to="saelens")
    assert_array_equal(load(tmp_path / "sae").transform(ROWS), model.transform(ROWS))
    np.savez(tmp_path / "other.npz", W_enc=W_ENC)
    with pytest.raises(ModelFileError, match="expected the arrays W_enc, b_enc, W_dec, b_dec, thr"):
        load(tmp_path / "other.npz")
    (tmp_path / "damaged.npz").write_bytes((tmp_path / "params.npz").read_bytes()[:-70])
    with pytest.raises(ModelFileError, match="expected arrays of numbers"):
        load(tmp_path / "damaged.npz")


def test_a_transcoder_of_jumprelu_is_read_and_written(tmp_path):
    settings = SINCE | {"architecture": "jumprelu_transcoder", "d_out": 4}
    arrays = PLAIN | {"W_dec": drawn(K, 4), "b_dec": drawn(4), "threshold": THRESHOLDS}
    model = load(written(tmp_path, settings, arrays))
    A = jumped(ROWS @ W_ENC + B_ENC, THRESHOLDS)
    assert_allclose(model.transform(ROWS), A, atol=1e-6 * A.max())
    assert_allclose(model.predict(ROWS), A @ drawn(K, 4) + drawn(4), atol=1e-5)
    export(model, tmp_path / "sae", to="saelens")
    assert_array_equal(load(tmp_path / "sae").predict(ROWS), model.predict(ROWS))


def test_a_transcoder_of_sparsify_is_one(tmp_path):
    settings = SPARSIFY | {"transcode": True}
    model = load(written(tmp_path, settings, SPARSIFY_ARRAYS, SPARSIFY_NAMES))
    assert isinstance(model, SparseTranscoder)
    A = topk(ROWS @ W_ENC + B_ENC, 3)
    assert_allclose(model.transform(ROWS), A, atol=1e-6 * A.max())


def test_pickles_and_folders_of_something_else_are_refused(tmp_path):
    with pytest.raises(ModelFileError, match=r"found a folder without cfg.json and sae_weights"):
        load(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "ae.pt").write_bytes(b"PK")
    with pytest.raises(ModelFileError, match=r"found a pickle, ae.pt, which can run code"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (units(), "no sigmoid units"),
        (units(decoder="sigmoid"), "no sigmoid decoders"),
        (units(activation="jumprelu", sparsity_penalty="l0"), "no units with a smooth step"),
    ],
)
def test_what_saelens_has_not_is_refused(model, told, tmp_path):
    with pytest.raises(NotComputedError, match=told):
        export(model.fit(DIGITS), tmp_path / "sae", to="saelens")


def test_a_damaged_file_is_refused(tmp_path):
    folder = written(tmp_path, SINCE, PLAIN)
    weights = folder / "sae_weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-5])
    with pytest.raises(ModelFileError, match=r"expected \d+ bytes of arrays"):
        load(folder)
    weights.write_bytes(whole)
    (folder / "cfg.json").write_text("[1]")
    with pytest.raises(ModelFileError, match=r"expected settings in cfg.json"):
        load(folder)


def test_a_read_model_trains_on(tmp_path):
    model = load(written(tmp_path, SINCE, PLAIN))
    assert isinstance(model, SparseAutoencoder)
    model.set_params(warm_start=True, sparsity_penalty="l1", max_iter=3).fit(ROWS)
    assert model.loss_curve_[-1] < model.loss_curve_[0]


def test_a_read_model_has_a_page_that_says_nothing_of_its_training(tmp_path):
    model = load(written(tmp_path, SINCE, PLAIN))
    labels = np.arange(N) % 3
    page = report(model, ROWS, labels=labels)
    assert "trained to the end" not in page.html
    assert "trained to the end" in report(model.set_params(max_iter=2).fit(ROWS), ROWS).html


ODD = ["SAELens before 6, tuned", "SAELens topk, rescaled", "sparsify", "dictionary_learning, topk"]


@pytest.mark.parametrize("name", ODD)
def test_whatever_settings_and_arrays_hold_a_model_comes_or_a_refusal(name, tmp_path):
    settings, arrays, names, *_ = LAYOUTS[name]
    odd = [None, True, -1, 10**30, 0.5, "x", [1], {"k": [1]}]
    changed = [(settings | {key: value}, arrays) for key in settings for value in odd]
    changed += [(settings | {"trainer": {"dict_class": value}}, arrays) for value in odd]
    shapes = [(), (0,), (1,), (K,), (D,), (D, D), (1, K), (0, 3)]
    changed += [
        (settings, arrays | {key: np.ones(shape, "f4")}) for key in arrays for shape in shapes
    ]
    for described, weights in changed:
        with suppress(ModelFileError):
            load(written(tmp_path, described, weights, names))
