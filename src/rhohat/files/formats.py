"""All formats: photographs and sound, added to the table of arrays."""

from rhohat.files.photographs import PHOTOGRAPH, TIFF
from rhohat.files.sound import SOUND
from rhohat.rows.file_format import Content, FileFormat
from rhohat.rows.formats import FORMATS, by_suffix, format_of, is_folder_format

__all__ = ["FORMATS", "Content", "FileFormat", "by_suffix", "format_of", "is_folder_format"]

FORMATS.update(photograph=PHOTOGRAPH, tiff=TIFF, sound=SOUND)
