"""Small files of every format, written by their own libraries or by hand: a table of examples."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import nibabel
import numpy as np
import pandas as pd
import pydicom
import scipy.io
import scipy.sparse
import soundfile
import tifffile
import zarr
from astropy.io import fits
from PIL import Image
from scipy.sparse import csr_matrix

from support.series import write_edf
from support.sounds import RATE, tone, wav

ROWS = np.random.RandomState(0).uniform(0, 1, (40, 6)).astype("f4")
STACK = np.random.RandomState(1).randint(0, 256, (7, 12, 9)).astype("u1")
PICTURE = np.random.RandomState(0).randint(0, 256, (24, 30, 3)).astype("u1")
SERIES = np.arange(600.0).reshape(2, 300)
DTYPES = ("bool", "u1", "i2", "u2", "f2", "f4", "i4", "i8", "f8")
#: (lines, samples, bands).
CUBE = np.random.RandomState(2).uniform(0, 1, (8, 10, 6)).astype("f4")
#: Codes of types in IDX and ENVI.
IDX_TYPES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
ENVI_TYPES = {"u1": 1, "i2": 2, "i4": 3, "f4": 4, "f8": 5, "u2": 12, "u4": 13, "i8": 14, "u8": 15}
#: Places of lines, samples and bands in each interleave.
INTERLEAVES = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}


def write_npz(path, array):
    np.savez_compressed(path, x=array, labels=np.arange(len(array)))


def write_mat(path, array):
    stacked = array if array.ndim == 2 else np.moveaxis(array, 0, -1)
    scipy.io.savemat(path, {"x": stacked}, do_compression=True)


def write_mat73(path, variables):
    """A file of MATLAB 7.3, as MATLAB writes it: axes reversed, classes in attributes."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            _put(file, file, name, value)
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def _put(file, group, name, value):
    if isinstance(value, dict):
        node = group.create_group(name)
        for field, inner in value.items():
            _put(file, node, field, inner)
        kind = "struct"
    elif isinstance(value, list):
        cells = [
            _put(file, file.require_group("#refs#"), f"{name}{i}", v) or i
            for i, v in enumerate(value)
        ]
        references = [file[f"#refs#/{name}{i}"].ref for i in range(len(cells))]
        node = group.create_dataset(name, (len(value), 1), h5py.ref_dtype)
        node[:, 0] = references
        kind = "cell"
    elif isinstance(value, str):
        node = group.create_dataset(name, data=np.array([[ord(c)] for c in value], "u2"))
        kind = "char"
    elif scipy.sparse.issparse(value):
        node, value = group.create_group(name), value.tocsc()
        node.attrs["MATLAB_sparse"] = np.uint64(value.shape[0])
        node["data"], node["ir"], node["jc"] = value.data, value.indices, value.indptr
        kind = "double"
    else:
        node = group.create_dataset(name, data=np.asarray(value).T, chunks=True)
        kind = {"f8": "double", "f4": "single"}.get(value.dtype.str[1:], value.dtype.name)
    node.attrs["MATLAB_class"] = np.bytes_(kind)


def write_idx(path, array):
    head = bytes([0, 0, IDX_TYPES[array.dtype.str[1:]], array.ndim])
    content = head + struct.pack(f">{array.ndim}I", *array.shape)
    content += array.astype(array.dtype.newbyteorder(">")).tobytes()
    path = Path(path)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_envi(path, cube, interleave="bip", order="<", offset=0, more=""):
    path = Path(path)
    stored = cube.transpose(INTERLEAVES[interleave]).astype(cube.dtype.newbyteorder(order))
    path.with_suffix(".img").write_bytes(bytes(offset) + stored.tobytes())
    lines, samples, bands = cube.shape
    path.write_text(
        f"ENVI\ndescription = {{a scene,\n made up}}\nfile type = ENVI Standard\n{more}"
        f"header offset = {offset}\nbyte order = {int(order == '>')}\ninterleave = {interleave}\n"
        f"samples = {samples}\nlines = {lines}\nbands = {bands}\n"
        f"data type = {ENVI_TYPES[cube.dtype.str[1:]]}\n"  # last, what none can do without
    )


def write_h5ad(path, X, names=()):
    with h5py.File(path, "w") as file:
        if scipy.sparse.issparse(X):
            group = file.create_group("X")
            group.attrs["encoding-type"] = f"{X.format}_matrix"
            group.attrs["shape"] = X.shape
            group["data"], group["indices"], group["indptr"] = X.data, X.indices, X.indptr
        else:
            file["X"] = X
        file["obs/n_counts"] = np.arange(X.shape[0])
        file["obsm/X_pca"] = np.ones((X.shape[0], 3))
        if len(names):
            file["var/_index"] = np.array(names, dtype=h5py.string_dtype())
            file["var"].attrs["_index"] = "_index"


def write_netcdf3(path, variables, attributes=None):
    with scipy.io.netcdf_file(path, "w") as file:
        for name, value in variables.items():
            sizes = [f"{name}{i}" for i in range(value.ndim)]
            for size, n in zip(sizes, value.shape, strict=True):
                file.createDimension(size, n)
            variable = file.createVariable(name, value.dtype.newbyteorder(">"), sizes)
            variable[:] = value
            for key, known in (attributes or {}).items():
                setattr(variable, key, known)


def write_netcdf4(path, array):
    with h5py.File(path, "w") as file:
        file["time"] = np.arange(len(array))
        file["x"] = array


def write_fits(path, array):
    fits.PrimaryHDU(array).writeto(path, overwrite=True)


def write_nifti(path, volume):
    nibabel.Nifti1Image(volume, np.eye(4)).to_filename(path)


def write_dicom(path, pixels, slope=None, intercept=None):
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = pydicom.uid.CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = "1.2.3"
    data.Rows, data.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        data.NumberOfFrames = len(pixels)
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(pixels.dtype.kind == "i")
    if slope is not None:
        data.RescaleSlope, data.RescaleIntercept = slope, intercept
    data.PixelData = pixels.tobytes()
    data.save_as(path, enforce_file_format=True)


def write_hdf5(path, array):
    with h5py.File(path, "w") as file:
        file["labels"] = np.zeros(3)
        packed = {"chunks": parts_of(array), "compression": "gzip", "shuffle": True}
        file.create_dataset("group/x", data=array, **packed)


def write_zarr(path, array, **options):
    about = {"shape": array.shape, "chunks": parts_of(array), "dtype": array.dtype}
    zarr.create_array(path, **about, **options)[:] = array


def parts_of(array):
    """Sizes of chunks that are several, one after the other."""
    return (-(-len(array) // 3), *array.shape[1:])


def write_arff(path, table):
    lines = ["% made by hand", "@RELATION t", *(f"@attribute '{n}' REAL" for n in table)]
    path.write_text("\n".join([*lines, "@data", table.to_csv(index=False, header=False)]))


def write_picture(path, array, **options):
    Image.fromarray(array).save(path, **options)


#: What writes a data frame as a file of each format of tables, by its name.
TABLES = {
    "x.csv": lambda path, table: table.to_csv(path, index=False),
    "x.csv.gz": lambda path, table: table.to_csv(path, index=False),
    "x.tsv": lambda path, table: table.to_csv(path, index=False, sep="\t"),
    "x.txt": lambda path, table: np.savetxt(path, table, delimiter=";", header=";".join(table)),
    "x.dat": lambda path, table: table.to_csv(path, index=False, sep="|"),
    "x.arff": write_arff,
    "x.parquet": lambda path, table: table.to_parquet(path),
    "x.feather": lambda path, table: table.to_feather(path),
}


class Example(NamedTuple):
    """A file of a format, in one of its varieties.

    Attributes
    ----------
    write : callable
        ``write(path, array)``.
    array : ndarray
    dtypes : tuple of str
        Types of numbers of which it can hold any rows.
    holds_images : bool
        Whether it can hold any images, too.
    left : {"nothing", "beginning", "all"}
        What may be read where the end is lost: texts and simple sound are good up to there, and
        some files end in what nobody needs. All others are refused.
    """

    write: Callable[[Path, Any], object]
    array: np.ndarray
    dtypes: tuple[str, ...] = ()
    holds_images: bool = False
    left: str = "nothing"

    def save(self, path, array=None):
        """Write it, or another array in its place; gives the path."""
        self.write(path, self.array if array is None else array)
        return path


def example_of_table(name, write):
    def write_array(path, array):
        write(path, pd.DataFrame(array, columns=[*"abcdef"]))

    is_text = not name.endswith((".gz", ".parquet", ".feather"))
    return Example(write_array, ROWS, left="beginning" if is_text else "nothing")


#: An example of every format, by its name: all that tests need to hold a format to the laws of all.
EXAMPLES = {
    "x.npy": Example(np.save, ROWS, DTYPES, True),
    "x.npz": Example(write_npz, ROWS, DTYPES, True),
    "sparse.npz": Example(lambda path, X: scipy.sparse.save_npz(path, csr_matrix(X)), ROWS),
    "x.mat": Example(write_mat, ROWS, tuple(t for t in DTYPES if t != "f2"), True),
    "struct.mat": Example(
        lambda path, X: scipy.io.savemat(path, {"S": {"x": X, "y": np.arange(len(X))}}), ROWS
    ),
    "newer.mat": Example(lambda path, X: write_mat73(path, {"x": X, "name": "text"}), ROWS, DTYPES),
    "x.h5": Example(write_hdf5, ROWS, DTYPES, True),
    "x.zarr": Example(write_zarr, ROWS, DTYPES, True),
    "v2.zarr": Example(lambda path, X: write_zarr(path, X, zarr_format=2), ROWS, DTYPES, True),
    "x.h5ad": Example(lambda path, X: write_h5ad(path, X, "abcdef"[: X.shape[1]]), ROWS, DTYPES),
    "sparse.h5ad": Example(lambda path, X: write_h5ad(path, csr_matrix(X)), ROWS),
    "x.nc": Example(
        lambda path, X: write_netcdf3(path, {"x": X, "time": np.arange(float(len(X)))}),
        ROWS,
        ("i2", "i4", "f4", "f8"),
    ),
    "newer.nc": Example(write_netcdf4, ROWS, DTYPES, True),
    "x.idx": Example(write_idx, ROWS, ("u1", "i2", "i4", "f4", "f8"), True),
    "train-images-idx3-ubyte": Example(write_idx, STACK),
    "train-images-idx3-ubyte.gz": Example(write_idx, STACK),
    "x.hdr": Example(write_envi, CUBE),
    "x.fits": Example(write_fits, STACK, left="all"),
    "x.nii": Example(write_nifti, STACK),
    "x.nii.gz": Example(write_nifti, STACK),
    "x.dcm": Example(write_dicom, STACK),
    "x.edf": Example(write_edf, SERIES),
    "x.bdf": Example(write_edf, SERIES),
    **{name: example_of_table(name, write) for name, write in TABLES.items()},
    "x.png": Example(write_picture, PICTURE),
    "x.jpg": Example(write_picture, PICTURE),
    "x.gif": Example(lambda path, X: Image.fromarray(X).quantize(16).save(path), PICTURE),
    "x.tif": Example(lambda path, X: write_picture(path, X, compression="tiff_lzw"), PICTURE),
    "deep.tif": Example(
        lambda path, X: tifffile.imwrite(path, X, photometric="rgb", compression="zlib"),
        PICTURE.astype("u2"),
    ),
    "x.wav": Example(lambda path, x: path.write_bytes(wav(x)), tone(), left="beginning"),
    "x.flac": Example(lambda path, x: soundfile.write(path, x, RATE), tone()),
}
