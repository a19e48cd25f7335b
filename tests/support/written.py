"""Small files of every format of arrays, written by their own libraries or by hand."""

import gzip
import struct
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pydicom
import scipy.io
import scipy.sparse
import zarr
from astropy.io import fits

ROWS = np.random.RandomState(0).uniform(0, 1, (40, 6)).astype("f4")
STACK = np.random.RandomState(1).randint(0, 256, (7, 12, 9)).astype("u1")
#: (lines, samples, bands).
CUBE = np.random.RandomState(2).uniform(0, 1, (8, 10, 6)).astype("f4")
#: Codes of types in IDX and ENVI.
IDX_TYPES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
ENVI_TYPES = {"u1": 1, "i2": 2, "i4": 3, "f4": 4, "f8": 5, "u2": 12, "u4": 13, "i8": 14, "u8": 15}
#: Places of lines, samples and bands in each interleave.
INTERLEAVES = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}


def write_mat(path, array):
    scipy.io.savemat(path, {"x": array if array.ndim == 2 else np.moveaxis(array, 0, -1)})


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
        f"ENVI\ndescription = {{a scene,\n made up}}\nsamples = {samples}\nlines = {lines}\n"
        f"bands = {bands}\nheader offset = {offset}\nfile type = ENVI Standard\n"
        f"data type = {ENVI_TYPES[cube.dtype.str[1:]]}\ninterleave = {interleave}\n"
        f"byte order = {int(order == '>')}\n{more}"
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
        file.create_dataset("group/x", data=array, chunks=True)


def write_zarr(path, array):
    zarr.create_array(path, shape=array.shape, chunks=array.shape, dtype=array.dtype)[:] = array


#: What writes a sound file of each variety, by its name. Of ENVI, the file of numbers is beside it.
VARIETIES = {
    "x.npz": lambda path: np.savez_compressed(path, x=ROWS, labels=np.arange(40)),
    "x.mat": lambda path: scipy.io.savemat(path, {"x": ROWS}, do_compression=True),
    "struct.mat": lambda path: scipy.io.savemat(path, {"S": {"x": ROWS, "y": np.arange(40)}}),
    "newer.mat": lambda path: write_mat73(path, {"x": ROWS, "name": "text"}),
    "x.h5": lambda path: write_hdf5(path, ROWS),
    "x.idx": lambda path: write_idx(path, ROWS),
    "train-images-idx3-ubyte": lambda path: write_idx(path, STACK),
    "train-images-idx3-ubyte.gz": lambda path: write_idx(path, STACK),
    "x.hdr": lambda path: write_envi(path, CUBE),
    "x.h5ad": lambda path: write_h5ad(path, ROWS, list("abcdef")),
    "sparse.h5ad": lambda path: write_h5ad(path, scipy.sparse.csr_matrix(ROWS)),
    "x.nc": lambda path: write_netcdf3(path, {"x": ROWS, "time": np.arange(40.0)}),
    "newer.nc": lambda path: write_netcdf4(path, ROWS),
    "x.fits": lambda path: write_fits(path, STACK),
    "x.nii": lambda path: write_nifti(path, STACK),
    "x.nii.gz": lambda path: write_nifti(path, STACK),
    "x.dcm": lambda path: write_dicom(path, STACK),
}
