"""Loaded data: images, recordings or series together with their names."""

from __future__ import annotations

from typing import Any, TypeAlias

from rhohat.files.images import LoadedImages
from rhohat.files.recordings import LoadedRecordings
from rhohat.files.series import LoadedSeries

#: What functions that load folders return; the name of the first field is the kind of data.
Loaded: TypeAlias = LoadedImages | LoadedRecordings | LoadedSeries


def content_of(data: Any) -> Any:
    """Images, recordings or series without their names; other data as they are."""
    return data[0] if isinstance(data, Loaded) else data
