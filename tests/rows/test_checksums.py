"""Checksums: data that change while they are learned from are noticed and named."""

import os
from pathlib import Path

import numpy as np
import pytest

from rhohat import DataChangedError
from rhohat.rows.checksums import PIECE_ROWS
from support.stored import X, as_npy, as_zarr, autoencoder


def edit(path):
    mapped = np.load(path, mmap_mode="r+")
    mapped[4000, 2] += 1


def flip_a_bit(path):
    with open(path, "r+b") as file:
        file.seek(-1000, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1000, os.SEEK_END)
        file.write(bytes([byte ^ 1]))


def shorten(path):
    os.truncate(path, path.stat().st_size - 50_000)


CHANGES = {
    edit: "rows 3072 to 4095",
    flip_a_bit: "rows 5120 to 5299",
    shorten: "shortened",
    Path.unlink: "has disappeared",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_noticed_at_the_next_sweep_and_named(change, tmp_path):
    path = as_npy(tmp_path)

    def after(progress):
        if progress.n_iter == 9:
            change(path)

    with pytest.raises(DataChangedError, match=CHANGES[change]) as raised:
        autoencoder(callback=after, growth=False).fit(path)
    assert "x.npy" in str(raised.value)


def test_a_missing_chunk_of_zarr_is_noticed(tmp_path):
    array = as_zarr(tmp_path)

    def after(progress):
        if progress.n_iter == 3:
            (tmp_path / "x.zarr" / "c" / "4" / "0").unlink()

    with pytest.raises(
        DataChangedError, match=r"rows (2048|3072) to .* of the zarr array .*x\.zarr"
    ):
        autoencoder(callback=after, growth=False).fit(array)


def test_changes_go_unnoticed_only_where_that_is_asked_for(tmp_path):
    path = as_npy(tmp_path)
    model = autoencoder(callback=lambda p: edit(path), growth=False, verify=False, max_iter=3)
    model.fit(path)
    assert model.n_iter_ == 3


def test_any_single_flipped_bit_is_noticed(tmp_path):
    path = as_npy(tmp_path, X[: PIECE_ROWS + 10])
    random = np.random.RandomState(0)
    content = path.read_bytes()

    for _ in range(25):
        position = random.randint(128, len(content))

        def after(progress, position=position):
            damaged = bytearray(content)
            damaged[position] ^= 1 << random.randint(8)
            path.write_bytes(damaged)

        with pytest.raises(DataChangedError):
            autoencoder(callback=after, max_iter=2).fit(path)
        path.write_bytes(content)


def test_a_file_that_grows_is_noticed(tmp_path):
    path = as_npy(tmp_path)

    def after(progress):
        with open(path, "ab") as file:
            file.write(X.tobytes())

    with pytest.raises(DataChangedError, match="has grown"):
        autoencoder(callback=after, growth=False).fit(path)
