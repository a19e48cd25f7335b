"""Libraries of extras that are missing."""

import pytest

from rhohat.common.extras import import_extra


def test_a_missing_library_is_named_with_what_brings_it():
    with pytest.raises(ImportError, match=r"no_such_module is needed .*'rhohat\[audio\]'"):
        import_extra("no_such_module", "audio")
