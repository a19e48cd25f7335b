"""Names on a page: what lies below the common folder, and no more."""

import os

import pytest

from rhohat.inspection.report.names import without_folder

ROOT = os.path.abspath(os.sep)


def absolute(*parts):
    return os.path.join(ROOT, *parts)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([], []),
        (["a.png", "sub/b.npy[3]", "image 0"], ["a.png", "sub/b.npy[3]", "image 0"]),
        ([absolute("home", "ann", "a.png")], ["a.png"]),
        (
            [absolute("home", "ann", "a.png"), absolute("home", "ann", "sea", "b.npy[3]"), "c.png"],
            ["a.png", os.path.join("sea", "b.npy[3]"), "c.png"],
        ),
        ([absolute("one", "a.png"), absolute("two", "a.png")], ["one/a.png", "two/a.png"]),
    ],
)
def test_absolute_paths_begin_below_their_common_folder(names, shown):
    assert without_folder(names) == [name.replace("/", os.sep) for name in shown]
