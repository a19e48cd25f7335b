"""F23, F24, F26, F27, F36: what a model file says is checked by the rules of `fit`."""

import time

import numpy as np
import pytest

from rhohat import (
    ContrastNormalizer,
    PatchNormalizer,
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    Whitening,
)
from rhohat.common.errors import ModelFileError
from rhohat.estimators.registry import rows
from rhohat.estimators.saving import PART_LIMIT, VALUE_LIMIT, load, save
from support.forgeries import FITTED, PARAMS, forge, put
from support.models import autoencoder, load_bytes

X = np.random.RandomState(0).uniform(0.1, 0.9, (60, 6))
FROZEN = {"class": "FrozenEstimator", "params": {}}


def with_param(name, value):
    return put([*PARAMS, name], value)


#: A model, one of its parameters, and values that its `fit` refuses.
SETTINGS = [
    ("autoencoder", "n_components", [0, 5, 2**31, 2.0, "4", None, True, 10**400]),
    ("autoencoder", "n_jobs", [0, 2**31, "all", 1.5, -2]),
    ("autoencoder", "weight_decay", ["x", -1.0, None, "1e-4", 10**400]),
    ("autoencoder", "sparsity_penalty", [0, "l2", {"class": "LBFGS", "params": {"memory": -5}}]),
    ("autoencoder", "sparsity_penalty", [{"class": "KLSparsity", "params": {"target": 2.0}}]),
    ("autoencoder", "activation", ["step", ["relu"], "relu", None]),  # relu: with the KL penalty
    ("autoencoder", "solver", ["adam", 1, {"class": "LBFGS", "params": {"memory": 0}}]),
    ("autoencoder", "solver", [{"class": "Adam", "params": {"window": -1}}]),
    ("autoencoder", "max_iter", [0, 1.5, "many"]),
    ("autoencoder", "tol", [-1e-3, "small", {"tuple": []}]),
    ("autoencoder", "growth", [1, "no", None]),
    ("autoencoder", "warm_start", [0, "no", None]),
    ("autoencoder", "block_size", [0, 1.5, "64"]),
    ("autoencoder", "chunk_size", [-1, "64"]),
    ("autoencoder", "patience", [0, "long"]),
    ("autoencoder", "random_state", [-1, 2**40, "seed", 0.5]),
    ("stack", "layers", [[], 5, "44", [0, 4], [4, "x"], [4], [4, 4, 4], [4, {"tuple": []}]]),
    ("stack", "estimator", [5, {"class": "SparseAutoencoder", "params": {"max_iter": 0}}]),
    ("stack", "n_jobs", [0, "all"]),
    ("classifier", "softmax_max_iter", [0, "many"]),
    ("classifier", "estimator", [5, FROZEN]),
    ("classifier", "weight_decay", [-1.0, "x"]),
    ("zca", "epsilon", [-1.0, "\0", None]),
    ("zca", "method", ["ica", 1e308, ["zca"]]),
    ("zca", "n_components", [0, 3, 2**31, 1.5, "all"]),
    ("standardization", "scale", ["rows", None]),
    ("one over f", "cutoff", [0, -0.4, "low"]),
    ("normalizer", "n_deviations", [0, -3, "three"]),
    ("normalizer", "feature_range", [0.9, {"tuple": [0.9, 0.1]}, {"tuple": ["a", "b"]}, []]),
    ("contrast", "epsilon", [0, -1, "\0"]),
    ("patches", "patch_size", [0, "4", 5, {"tuple": [4, 5]}, {"tuple": [4, 4, 4]}]),
    ("patches", "n_patches", [0, "many", 1.5]),
    ("windows of series", "length", [0, "7", 8]),
    ("windows of series", "stride", [0, "1"]),
    ("spectrogram", "n_mels", [0, 6, 10**9, 10**400]),
    ("spectrogram", "rate", [0, "1000", 2**62, 10**400]),
    ("spectrogram", "window", [0, 1e9, 1e308, "long"]),
    ("spectrogram", "high", [1e9, -1, 0]),
    ("spectrogram", "normalize", ["all", None]),
    ("waveform", "rate", [0, "1000"]),
    ("convolution", "grid", [0, 3, 2**31, "2", {"tuple": [2, 2, 2]}]),
    ("convolution", "stride", [0, "1"]),
    ("convolution", "pooling", ["median", [], ["mean", "mean"], 1]),
    ("convolution", "threshold", [-1, "x"]),
    ("convolution", "model", [None, FROZEN, "passthrough"]),
    ("pipeline", "verbose", [1, "no"]),
    ("frozen step", "transform_input", ["x", [1], 5]),
]


@pytest.mark.parametrize(
    ("case", "name", "value"),
    [(case, name, value) for case, name, values in SETTINGS for value in values],
    ids=lambda value: str(value)[:40],
)
def test_f24_settings_that_fit_refuses_are_refused(case, name, value, contents, file):
    forged = forge(contents(case), with_param(name, value))
    with pytest.raises(ModelFileError, match="expected") as caught:
        load_bytes(forged, file)
    assert len(str(caught.value)) < 2000


#: A model, a fitted value that its file's description holds, and what `fit` cannot have found.
FITTED_VALUES = [
    ("one over f", "scale_", [0.0, -1.0, 1]),
    ("normalizer", "scale_", [0.0, -1.0]),
    ("normalizer", "n_features_in_", [0, True]),
    ("spectrogram", "scale_", [0.0, -1.0]),
    ("zca", "n_components_", [0, 5, 7]),
    ("patches", "patch_shape_", [[0, 4], [4, 5], [10**9, 10**9], [4]]),
    ("convolution", "grid_", [[0, 2], [3, 3], [2**31, 2**31]]),
    ("convolution", "patch_shape_", [[3, 4], [9, 1, 0]]),
    ("autoencoder", "n_iter_", [0, 10**6]),
    ("classifier", "n_iter_", [10**6]),
    ("classifier", "layer_sizes_", [[6, 4, 3], [], [2**31, 4, 4, 3]]),
]


@pytest.mark.parametrize(
    ("case", "name", "value"),
    [(case, name, value) for case, name, values in FITTED_VALUES for value in values],
    ids=str,
)
def test_f24_values_that_fit_cannot_have_found_are_refused(case, name, value, contents, file):
    with pytest.raises(ModelFileError, match="expected"):
        load_bytes(forge(contents(case), put([*FITTED, name], value)), file)


@pytest.mark.parametrize(
    ("case", "name", "value"),
    [
        ("standardization", "scale_", 0.0),
        ("standardization", "scale_", -1.0),
        ("zca", "explained_variance_", -1.0),
        ("zca", "explained_variance_ratio_", -0.1),
        ("spectrogram", "frequencies_", -1.0),
    ],
)
def test_f24_arrays_that_fit_cannot_have_found_are_refused(case, name, value, contents, file):
    def edit(description, entries, data):
        array = np.frombuffer(data[name]).copy()
        array[-1] = value
        data[name] = array.tobytes()

    with pytest.raises(ModelFileError, match=f"{name} (above 0|of at least 0)"):
        load_bytes(forge(contents(case), edit), file)


def test_f24_steps_that_do_not_follow_each_other_are_refused(contents, file):
    """What one gives, the next must take, also where no array tells."""

    def edit(description, entries, data):
        normalizer = description["model"]["params"]["steps"][2]["tuple"][1]
        assert normalizer["class"] == "PatchNormalizer"
        normalizer["fitted"]["n_features_in_"] = 2**40

    with pytest.raises(ModelFileError, match="Pipeline that fit together"):
        load_bytes(forge(contents("pipeline"), edit), file)


def test_f24_names_of_steps_are_those_that_a_pipeline_takes(contents, file):
    for name in ("filter", "a__b", "steps"):  # the first comes twice

        def edit(description, entries, data, name=name):
            description["model"]["params"]["steps"][2]["tuple"][0] = name

        with pytest.raises(ModelFileError, match=r"list of \(name, model\) pairs"):
            load_bytes(forge(contents("pipeline"), edit), file)


@pytest.mark.parametrize("cls", [row.cls for row in rows().values() if row.fitted is not None])
def test_f24_every_class_can_be_asked_to_check_its_settings(cls):
    """Also those of later: parameters beside `steps` and `model` are checked by a method."""
    assert hasattr(cls, "check_settings") or cls.__name__ == "Pipeline"


@pytest.mark.parametrize(
    "model",
    [
        {"class": "FrozenEstimator", "params": {}},
        {"class": "ConvolutionalFeatures", "params": {}, "fitted": {}},
        {"class": "Pipeline", "params": {}, "fitted": {}},
        {"class": "Pipeline", "params": {"steps": [{"tuple": ["a", FROZEN]}]}, "fitted": {}},
        {"class": "FrozenEstimator", "params": {"estimator": None}},
        {"class": "FrozenEstimator", "params": {"estimator": FROZEN}},
    ],
)
def test_f23_a_part_that_lacks_what_it_needs_is_a_model_file_error(model, contents, file):
    def edit(description, entries, data):
        description["model"] = model
        for part in (description["tensors"], entries, data):
            part.clear()

    with pytest.raises(ModelFileError, match="expected"):
        load_bytes(forge(contents("zca"), edit), file)


def many(case, n_bytes):
    """Descriptions of so many bytes that would take long to make or to look at."""
    penalty, layer = {"class": "NoSparsity", "params": {}}, {"class": "SparseAutoencoder"}
    return {
        "penalties": lambda: [penalty] * (n_bytes // 40),
        "autoencoders": lambda: [{**layer, "params": {}}] * (n_bytes // 50),
        "numbers as layers": lambda: in_model("StackedAutoencoder", layers=[1] * (n_bytes // 3)),
        "poolings": lambda: in_model("ConvolutionalFeatures", pooling=["mean"] * (n_bytes // 8)),
        "steps": lambda: in_model("Pipeline", steps=[{"tuple": ["a", None]}] * (n_bytes // 24)),
        "nested": lambda: in_model(
            "SparseAutoencoder", tol=[[[[1] * 9] * 9] * 9] * (n_bytes // 3000)
        ),
        "labels": lambda: labels(["x" * (n_bytes // 2), *["x"] * (n_bytes // 12)]),
        "numbers as labels": lambda: labels([10**4000] * (n_bytes // 4010)),
    }[case]()


def in_model(name, **params):
    return {"class": name, "params": params, "fitted": {}}


def labels(values):
    fitted = {"classes_": {"dtype": "str", "values": values}, "n_features_in_": 6}
    return {"class": "StackedAutoencoderClassifier", "params": {}, "fitted": fitted}


@pytest.mark.parametrize(
    "case",
    [
        *("penalties", "autoencoders", "numbers as layers", "poolings", "steps", "nested"),
        *("labels", "numbers as labels"),
    ],
)
def test_f23_two_megabytes_are_refused_within_a_second(case, contents, file):
    def edit(description, entries, data):
        description["model"] = many(case, 900_000)  # quotation marks are escaped, once more
        for part in (description["tensors"], entries, data):
            part.clear()

    file.write_bytes(forge(contents("zca"), edit))
    started = time.process_time()
    with pytest.raises(ModelFileError):
        load(file)
    assert time.process_time() - started < 1


def test_f23_a_large_model_is_far_from_the_limits(tmp_path):
    """Fifty layers, each with settings of its own."""
    layer = SparseAutoencoder(2, max_iter=1, random_state=0)
    model = StackedAutoencoder([layer] * 50).fit(X)
    save(model, tmp_path / "model")
    load(tmp_path / "model")
    assert PART_LIMIT >= 10 * 2 * 50 / 5
    assert VALUE_LIMIT >= 4 * 50 * 2 * 20


# --- the machine is no part of a model -----------------------------------------------------------


def test_f36_the_number_of_threads_changes_no_byte(tmp_path):
    contents = set()
    for n_jobs in (None, 1, 2, -1):
        model = StackedAutoencoderClassifier(
            StackedAutoencoder((autoencoder(n_jobs=n_jobs),), n_jobs=n_jobs),
            max_iter=2,
            n_jobs=n_jobs,
        )
        model.fit(X, np.arange(60) % 2)
        save(model, tmp_path / "model")
        contents.add((tmp_path / "model").read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize("case", ["autoencoder", "stack", "classifier", "convolution"])
def test_f24_the_threads_of_a_stranger_are_not_started(case, contents, file):
    """Earlier versions wrote them."""
    loaded = load_bytes(forge(contents(case), with_param("n_jobs", 7)), file)
    assert loaded.n_jobs is None


# --- the same checks, without data ---------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator",
    [
        SparseAutoencoder(weight_decay=-1),
        SparseAutoencoder(growth=2),
        StackedAutoencoder((4, 0)),
        StackedAutoencoderClassifier(SparseAutoencoder(tol="x")),
        Whitening(n_components=0),
        Whitening(epsilon="x"),
        PatchNormalizer(n_deviations=0),
        ContrastNormalizer(epsilon=0),
    ],
    ids=str,
)
def test_f24_fit_asks_the_same_before_it_reads_the_data(estimator):
    def blocks():
        raise AssertionError("the data were read")
        yield

    with pytest.raises((TypeError, ValueError)) as found:
        estimator.check_settings()
    with pytest.raises((TypeError, ValueError)) as raised:
        estimator.fit(blocks, *([0] * isinstance(estimator, StackedAutoencoderClassifier)))
    assert str(raised.value) == str(found.value)


def test_f24_what_cannot_be_loaded_cannot_be_saved(tmp_path):
    model = autoencoder().set_params(max_iter=1)
    model.fit(X)
    with pytest.raises(ValueError, match="cannot be saved"):
        save(model.set_params(tol="x"), tmp_path / "model")
