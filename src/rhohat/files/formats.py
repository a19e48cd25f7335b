"""All formats: photographs, sound and scans, added to the table of arrays.

Rooms above import from here what they need of it, and of files, in `rows`.
"""

from rhohat.files.fits import FITS
from rhohat.files.medical import DICOM, NIFTI
from rhohat.files.photographs import PHOTOGRAPH, TIFF
from rhohat.files.sound import SOUND
from rhohat.rows.file_format import ANY, Content, Selection
from rhohat.rows.formats import (
    FORMATS,
    Place,
    endings,
    file_of,
    format_named,
    is_folder_format,
    place_of,
)

__all__ = [
    "ANY",
    "FORMATS",
    "Content",
    "Place",
    "Selection",
    "endings",
    "file_of",
    "format_named",
    "is_folder_format",
    "place_of",
]

FORMATS.update(photograph=PHOTOGRAPH, tiff=TIFF, sound=SOUND)
FORMATS.update(fits=FITS, nifti=NIFTI, dicom=DICOM)
