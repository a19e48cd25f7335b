"""Nothing in a file is run, and nothing outside it is read."""

import json
import os
import pickle
import struct
import sys
from io import BytesIO

import h5py
import numpy as np
import pytest
import scipy.io
import zarr
from PIL import Image

from rhohat import DataFileError, SparseAutoencoder, load_images, load_recordings, load_rows
from support.hostile import describe_zarr
from support.written import ROWS, write_hdf5, write_zarr

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\nshowpage\n%%EOF\n"
SECRET = "SECRET, " * 40


class Canary:
    """What makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def learn_from(path):
    return SparseAutoencoder(2, max_iter=2).fit(path)


def refused(path, reason, reads=(load_rows, learn_from)):
    """Every way to read the file ends in our error, with its name."""
    for read in reads:
        with pytest.raises((DataFileError, OSError), match=reason) as caught:
            read(path)
        assert path.name in str(caught.value)


# Programs.


@pytest.fixture
def ghostscript(tmp_path, monkeypatch):
    """A stand-in for Ghostscript that leaves a trace."""
    folder, trace = tmp_path / "bin", tmp_path / "was-run"
    folder.mkdir()
    for name in ("gs", "convert", "magick"):
        (folder / name).write_text(f'#!/bin/sh\ntouch "{trace}"\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return trace


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "gif", "webp", "ppm"])
def test_f27_f29_postscript_is_not_run_whatever_it_is_called(ending, ghostscript, tmp_path):
    binary = struct.pack("<IIIIIIIH", 0xC6D3D0C5, 30, len(EPS), 0, 0, 0, 0, 0) + EPS
    for number, content in enumerate((EPS, binary)):
        path = tmp_path / f"{number}.{ending}"
        path.write_bytes(content)
        refused(path, ".", [load_images])
    assert not ghostscript.exists()


@pytest.mark.parametrize("kind", ["ICO", "PCX", "TGA", "SGI", "PDF", "EPS"])
def test_f27_pictures_of_a_kind_that_is_not_listed_are_refused(kind, tmp_path):
    stream = BytesIO()
    Image.fromarray(np.zeros((9, 9, 3), "u1")).save(stream, kind)
    (tmp_path / "x.png").write_bytes(stream.getvalue())
    refused(tmp_path / "x.png", "not an image in a format that can be read", [load_images])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "PPM", "TIFF"])
def test_f29_pictures_of_the_listed_kinds_are_read_under_any_name(kind, tmp_path):
    stream = BytesIO()
    Image.fromarray(np.arange(300, dtype="u1").reshape(10, 10, 3)).save(stream, kind)
    (tmp_path / "x.png").write_bytes(stream.getvalue())
    assert load_images(tmp_path / "x.png").images[0].shape == (10, 10)


@pytest.mark.parametrize(
    "magic", [b"\0\0\0\1", b"2BIT", b"caff", b"MATLAB 5.0", b" paf", b"SDS\0", b"HTK\0"]
)
def test_f30_sound_of_a_kind_that_is_not_listed_is_not_given_to_the_decoder(magic, tmp_path):
    (tmp_path / "x.wav").write_bytes(magic + bytes(4000))
    refused(tmp_path / "x.wav", "it begins like no known format", [load_recordings])


# Pickles.


@pytest.mark.parametrize("ending", ["npy", "npz", "mat", "h5", "png", "tif", "wav", "flac"])
def test_f26_a_pickle_under_any_name_is_refused_and_not_run(ending, tmp_path):
    path = tmp_path / f"x.{ending}"
    path.write_bytes(pickle.dumps(Canary(tmp_path / "ran")))
    loads = {"png": load_images, "tif": load_images, "wav": load_recordings}
    loads["flac"] = load_recordings
    refused(path, ".", [loads.get(ending, load_rows)])
    assert not (tmp_path / "ran").exists()


def test_f26_f31_objects_in_arrays_are_refused_and_not_run(tmp_path):
    array = np.array([[Canary(tmp_path / "ran"), 1]], dtype=object)
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    np.savez(tmp_path / "y.npz", x=array)
    scipy.io.savemat(tmp_path / "z.mat", {"x": np.array([["a", 1]], dtype=object)})
    refused(tmp_path / "x.npy", "Python objects")
    refused(tmp_path / "y.npz", "Python objects", [load_rows])
    refused(tmp_path / "z.mat", ".", [load_rows])
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("place", ["filters", "compressor"])
@pytest.mark.parametrize("codec", ["pickle", "json2", "msgpack2", "vlen-utf8", "os.system"])
def test_f26_codecs_of_zarr_2_that_are_not_listed_are_not_made(place, codec, tmp_path):
    path = tmp_path / "x.zarr"
    write_zarr(path, ROWS, zarr_format=2)
    described = json.loads((path / ".zarray").read_text())
    described[place] = [{"id": codec}] if place == "filters" else {"id": codec}
    (path / ".zarray").write_text(json.dumps(described))
    (path / ".zmetadata").unlink(missing_ok=True)
    for part in path.glob("[0-9]*"):
        part.write_bytes(pickle.dumps(Canary(tmp_path / "ran")))
    refused(path, f"is encoded with '{codec}', which is not supported")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("codec", ["numcodecs.pickle", "pickle", "lzma", "vlen-utf8"])
@pytest.mark.parametrize("inside", ["", "sharding_indexed"])
def test_f26_codecs_of_zarr_3_that_are_not_listed_are_not_made(codec, inside, tmp_path):
    path = tmp_path / "x.zarr"
    named = {"name": codec, "configuration": {}}
    if inside:
        named = {"name": inside, "configuration": {"chunk_shape": [1, 4], "codecs": [named]}}
    describe_zarr(path, codecs=[named])
    refused(path, f"is encoded with '{codec}', which is not supported")


def test_f26_codecs_in_metadata_of_a_whole_group_are_not_made(tmp_path):
    path = tmp_path / "x.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.create_array("a", shape=(9, 2), dtype="f8")[:] = 1
    zarr.consolidate_metadata(path)
    text = (path / ".zmetadata").read_text()
    described = json.loads(text)
    described["metadata"]["a/.zarray"]["filters"] = [{"id": "pickle"}]
    (path / ".zmetadata").write_text(json.dumps(described))
    refused(path, "is encoded with 'pickle'")


# Other files.


@pytest.fixture
def secret(tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    return tmp_path / "secret"


def test_f27_external_storage_of_hdf5_is_not_read(secret, tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", (4, 32), "u1", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
    refused(tmp_path / "x.h5", "outside the file")
    refused(tmp_path / "x.h5", "outside the file", [lambda path: load_rows(path, key="x")])


def test_f27_virtual_datasets_are_not_followed(tmp_path):
    write_hdf5(tmp_path / "other.h5", ROWS)
    layout = h5py.VirtualLayout((40, 6), "f8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "group/x", (40, 6))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
    refused(tmp_path / "x.h5", "has parts outside the file")


@pytest.mark.parametrize("key", [None, "x", "a/group/x"])
def test_f27_links_out_of_hdf5_are_not_followed(key, tmp_path):
    write_hdf5(tmp_path / "other.h5", ROWS)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "group/x")
        file["a"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/")
    refused(tmp_path / "x.h5", "links to other files", [lambda path: load_rows(path, key=key)])


def test_f27_chunks_of_zarr_that_lead_out_of_the_folder_are_not_read(secret, tmp_path):
    path = tmp_path / "x.zarr"
    describe_zarr(path, (10, 4), (10, 4))
    (path / "c" / "0").mkdir(parents=True)
    (path / "c" / "0" / "0").symlink_to(secret)
    refused(path, "a link that leads out of the folder")


def test_f27_groups_of_zarr_that_lead_elsewhere_are_not_read(tmp_path):
    write_zarr(tmp_path / "other", ROWS)
    for number, target in enumerate((tmp_path / "other", tmp_path / "1.zarr")):
        path = tmp_path / f"{number}.zarr"
        zarr.open_group(path, mode="w")
        (path / "a").symlink_to(target)
        refused(path, "a link")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_f27_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.npy")
    refused(tmp_path / "x.npy", "is not a file")
    describe_zarr(tmp_path / "y.zarr")
    (tmp_path / "y.zarr" / "c" / "0").mkdir(parents=True)
    os.mkfifo(tmp_path / "y.zarr" / "c" / "0" / "0")
    refused(tmp_path / "y.zarr", "not a file")


# What is sound is read as before.


def test_f28_arrays_of_zarr_in_shards_and_of_all_listed_codecs_are_read(tmp_path):
    X = np.random.RandomState(0).uniform(size=(32, 6))
    options = [
        {"compressors": codec}
        for codec in (
            None,
            zarr.codecs.GzipCodec(),
            zarr.codecs.ZstdCodec(),
            zarr.codecs.BloscCodec(),
        )
    ]
    options += [{"shards": (16, 6)}, {"shards": (16, 6), "compressors": zarr.codecs.GzipCodec()}]
    options += [{"zarr_format": 2}]
    for number, option in enumerate(options):
        path = tmp_path / f"{number}.zarr"
        zarr.create_array(path, shape=X.shape, chunks=(8, 3), dtype="f8", **option)[:] = X
        np.testing.assert_array_equal(load_rows(path), X)
        learn_from(path)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights")
def test_f27_a_folder_of_zarr_may_itself_be_a_link(tmp_path):
    write_zarr(tmp_path / "real", ROWS)
    (tmp_path / "x.zarr").symlink_to(tmp_path / "real")
    assert load_rows(tmp_path / "x.zarr").shape == (40, 6)
