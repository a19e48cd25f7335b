"""Libraries of extras that are missing, broken or too old: what to do is said."""

import sys
from types import ModuleType

import pytest

from rhohat.common import extras
from rhohat.common.extras import import_extra


def test_a_missing_library_is_named_with_what_brings_it():
    with pytest.raises(ImportError, match=r"no_such_module is needed .*'rhohat\[audio\]'"):
        import_extra("no_such_module", "audio")


@pytest.mark.parametrize(
    "code",
    [
        "raise OSError('libsndfile.so: cannot open shared object file')",
        "raise ValueError('numpy.dtype size changed')",
        "import numpy; numpy.no_such_attribute",
        "from numpy import no_such_name",
        "raise RuntimeError('compiled for another version')",
        "x = (",
        "1 / 0",
    ],
)
def test_a_broken_library_is_named_with_the_reason_and_the_command(code, tmp_path, monkeypatch):
    (tmp_path / "broken_library.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        ImportError,
        match=r"broken_library .*cannot be loaded \(\w+: .*\): "
        r"pip install --force-reinstall 'rhohat\[store\]'$",
    ) as caught:
        import_extra("broken_library", "store")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("found", "is_refused"),
    [("2025.6.9", True), ("2025.7.0", False), ("2025.10.0rc1", False)],
)
def test_a_library_that_is_too_old_is_named_with_the_command(found, is_refused, monkeypatch):
    library = ModuleType("distributed")
    library.__version__ = found
    monkeypatch.setitem(sys.modules, "distributed", library)
    if not is_refused:
        assert import_extra("distributed", "dask") is library
        return
    with pytest.raises(
        ImportError,
        match=r"distributed 2025.7.0 or newer .* pip install --upgrade 'rhohat\[dask\]'",
    ):
        import_extra("distributed", "dask")


def test_the_oldest_versions_are_those_of_the_package_itself():
    assert {"dask", "distributed", "zarr", "h5py", "soundfile"} <= extras._least_versions().keys()
