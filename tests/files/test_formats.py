"""The table of all formats."""

from rhohat.files.formats import FORMATS


def test_every_ending_belongs_to_one_format():
    endings = [suffix for row in FORMATS.values() for suffix in row.suffixes]
    assert len(endings) == len(set(endings))
    assert all(suffix == suffix.lower() for suffix in endings)
