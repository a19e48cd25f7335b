"""How series lie in arrays: which axis is time, and which channels are meant."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.rows.channels import chosen_channels
from rhohat.rows.claims import CHANNEL_LIMIT
from rhohat.rows.file_format import Content, Selection

#: What `Selection.time` may be.
TIMES = {"rows": "each row of an array is a moment", "columns": "each column of an array is one"}
#: An axis that is so many times longer than the other one is time.
LONGER = 8


def as_series(content: Content, selection: Selection) -> Content:
    """What a file holds, taken as series.

    Raises
    ------
    DataFileError
        If it is no array of series, or if either axis may be time.
    """
    if content.kind == "series":
        return content
    if content.kind == "recordings":
        n_channels = len(_channels(content, selection))
        return content._replace(kind="series", shape=(1, n_channels, content.shape[2]))
    shape, down = _plain(content), runs_down(content, selection)
    n_series, (rows, columns) = (1, shape) if len(shape) == 2 else (shape[0], shape[1:])
    n_samples, n_channels = (rows, columns) if down else (columns, rows)
    if n_channels > CHANNEL_LIMIT:
        raise DataFileError(
            f"has {n_channels:,} channels of {n_samples:,} samples, expected at most "
            f"{CHANNEL_LIMIT:,} channels. If time runs the other way, add --time rows or --time "
            "columns (in Python time='rows' or 'columns')"
        )
    n_chosen = len(_channels(content, selection))
    note = content.note
    if selection.time is None and n_channels > 1:
        where = "down the rows" if down else "along the columns"
        note = f"holds {n_channels:,} channels of {n_samples:,} samples: time runs {where}"
    return content._replace(kind="series", shape=(n_series, n_chosen, n_samples), note=note)


def runs_down(content: Content, selection: Selection) -> bool:
    """Whether time runs down the rows of an array, not along its columns.

    Raises
    ------
    DataFileError
        If either is plausible, and none was chosen.
    """
    rows, columns = _plain(content)[-2:]
    if selection.time is not None:
        return selection.time == "rows"
    if max(rows, columns) < LONGER * min(rows, columns):
        raise DataFileError(
            f"holds an array of {rows:,} x {columns:,}, in which time may run either way. Say "
            "whether each row or each column is a moment: --time rows or --time columns (in "
            "Python time='rows' or 'columns')"
        )
    return rows >= columns


def arranged(array: NDArray[Any], content: Content, selection: Selection) -> NDArray[Any]:
    """An array as series, (series, channels, samples).

    Parameters
    ----------
    array : ndarray
        As it was read.
    content : Content
        Of the file, as it was looked at.
    selection : Selection
    """
    whole = array.reshape(-1, *_plain(content)[-2:])
    if runs_down(content, selection):
        whole = whole.transpose(0, 2, 1)
    return whole[:, _channels(content, selection)]


def picked(moments: NDArray[Any], content: Content, selection: Selection) -> NDArray[Any]:
    """The channels that are meant, (channels, samples), of a run of moments with all of them."""
    return moments.T[_channels(content, selection)]


def _plain(content: Content) -> tuple[int, ...]:
    """Shape of an array of series, which may look like one of images."""
    shape = content.shape[1:] if len(content.shape) == 4 else content.shape
    if content.kind not in ("rows", "images") or (len(content.shape) == 4 and content.shape[0] > 1):
        raise DataFileError(
            f"holds {content.kind} of shape {content.shape}, not series: expected (samples,), "
            "(samples, channels), (channels, samples), or several of them along a first axis"
        )
    return shape


def _channels(content: Content, selection: Selection) -> list[int]:
    """Numbers of the channels that are meant."""
    if content.kind == "recordings":
        n_channels = content.shape[1]
    else:
        n_channels = _plain(content)[-1 if runs_down(content, selection) else -2]
    return chosen_channels(
        content.channels or [str(n) for n in range(n_channels)], selection.channels
    )
