"""All formats: photographs and sound, added to the table of arrays."""

from rhohat.files.photographs import PHOTOGRAPH, TIFF
from rhohat.files.sound import SOUND
from rhohat.rows.columns import listed
from rhohat.rows.file_format import ANY, Content, FileFormat, Selection
from rhohat.rows.formats import FORMATS, by_suffix, format_of, is_folder_format, row_of

__all__ = [
    "ANY",
    "FORMATS",
    "Content",
    "FileFormat",
    "Selection",
    "by_suffix",
    "format_of",
    "is_folder_format",
    "listed",
    "row_of",
]

FORMATS.update(photograph=PHOTOGRAPH, tiff=TIFF, sound=SOUND)
