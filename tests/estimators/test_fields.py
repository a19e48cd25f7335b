"""Fields of model files: arrays, values and labels that are valid, and those that are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as array_of
from numpy.testing import assert_array_equal

from rhohat.common.errors import ModelFileError
from rhohat.estimators.saving import load, save
from support.forgeries import FITTED, forge, put
from support.models import CASES, assert_same, load_bytes, set_fitted

# --- what comes back -----------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from([np.float32, np.float64]), st.integers(1, 4), st.integers(0, 3))
def test_any_finite_weights_come_back(file, data, dtype, k, more):
    d = k + more
    elements = st.floats(allow_nan=False, allow_infinity=False, width=np.dtype(dtype).itemsize * 8)
    model = set_fitted(
        CASES["zca"][0],
        components_=data.draw(array_of(dtype, (k, d), elements=elements)),
        mean_=data.draw(array_of(dtype, d, elements=elements)),
        explained_variance_=data.draw(array_of(dtype, k, elements=elements.map(abs))),
        explained_variance_ratio_=data.draw(array_of(dtype, k, elements=elements.map(abs))),
        n_components=k,
        n_components_=k,
        n_features_in_=d,
    )
    save(model, file)
    assert_same(load(file), model)


LAYOUTS = {
    "column-major": np.asfortranarray,
    "transposed": lambda a: a.T.copy().T,
    "every other column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "reversed": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "big-endian, column-major": lambda a: np.asfortranarray(a.astype(">f8")),
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "unaligned": lambda a: np.frombuffer(b"." + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_layout_does_not_matter(layout, dtype, file):
    weights = LAYOUTS[layout](CASES["autoencoder"][0].encoder_weights_.astype(dtype))
    save(set_fitted(CASES["autoencoder"][0], encoder_weights_=weights), file)
    loaded = load(file).encoder_weights_
    assert_array_equal(loaded, weights)
    assert loaded.dtype == weights.dtype.newbyteorder("=")


# --- what save refuses ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "error", "message"),
    [
        ({"encoder_bias_": np.array([0, 1, np.nan, 2])}, ValueError, "finite numbers in"),
        ({"encoder_bias_": np.array([0, 1, np.inf, 2])}, ValueError, "finite numbers in"),
        ({"encoder_bias_": np.zeros(3)}, ValueError, r"encoder_bias_ of size \(4,\), found \(3,\)"),
        ({"encoder_bias_": np.zeros((4, 1))}, ValueError, r"found \(4, 1\)"),
        ({"encoder_bias_": np.float64(1)}, ValueError, "dtype, shape and offsets"),
        ({"encoder_bias_": np.zeros(4, complex)}, TypeError, "F32 or F64, got complex128"),
        ({"encoder_bias_": np.zeros(4, int)}, TypeError, "F32 or F64, got int64"),
        ({"encoder_bias_": np.array(["a"] * 4)}, TypeError, "got <U1"),
        ({"encoder_bias_": np.array([{}] * 4)}, TypeError, "got object"),
        ({"stage_rows_": np.zeros(7)}, TypeError, "I64, got float64"),
        ({"loss_": np.inf}, ValueError, "JSON"),
        ({"n_iter_": -1}, ValueError, "a whole number"),
        ({"n_features_in_": 7}, ValueError, r"weights_ of size \(4, 7\), found \(4, 6\)"),
        ({"feature_names_in_": np.array(["a"], object)}, ValueError, "feature_names_in_ of size"),
        ({"feature_names_in_": np.array(list(range(6)), object)}, ValueError, "list of texts"),
        ({"feature_names_in_": np.array(["a" * 10**6] * 6, object)}, ValueError, "4000000 bytes"),
    ],
)
def test_save_refuses_fitted_attributes_that_load_would(attributes, error, message, file, contents):
    before = contents("zca")
    with pytest.raises(error, match=message):
        save(set_fitted(CASES["autoencoder"][0], **attributes), file)
    assert file.read_bytes() == before


# --- forgeries: whole files with right checksums -------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("datetime64[D]", [0, 1, 2]),
        ("V8", [0, 1, 2]),
        (["int8"], [0, 1, 2]),
        ("int8", [0, 1, 300]),
        ("uint8", [-1, 0, 1]),
        ("int64", [0, 1, 2**70]),
        ("int64", [0, 1, 2.5]),
        ("int64", [0, 1, 1e300]),
        ("float16", [0.0, 1.0, 1e300]),
        ("int64", ["a", "b", "c"]),
        ("float16", [0.1, 0.2, 0.3]),
        ("bool", [0, 1, 2]),
        ("str", [0, 1, 2]),
        ("object", ["a", 1, "b"]),
        ("object", [None, None, None]),
        ("int64", [[0], [1], [2]]),
        ("int64", []),
        ("int64", "012"),
    ],
)
def test_forged_labels_are_refused(dtype, values, contents, file):
    edit = put([*FITTED, "classes_"], {"dtype": dtype, "values": values})
    with pytest.raises(ModelFileError, match=r"labels of one type as .* classes_"):
        load_bytes(forge(contents("classifier"), edit), file)


def test_labels_of_dates_are_refused(file):
    days = np.array(["2026-01-01", "2026-01-02", "2026-01-03"], "datetime64[D]")
    with pytest.raises(TypeError, match=r"labels of type datetime64\[D\] cannot be saved"):
        save(set_fitted(CASES["classifier"][0], classes_=days), file)
