"""Scans: slices of NIfTI, and pictures of DICOM."""

import sys

import nibabel
import numpy as np
import pydicom
import pytest
from numpy.testing import assert_array_equal

from rhohat import DataFileError, load_images
from rhohat.files.formats import FORMATS
from rhohat.rows.file_format import ANY
from support.written import STACK, write_dicom, write_nifti

NIFTI, DICOM = FORMATS["nifti"], FORMATS["dicom"]
VOLUME = np.random.RandomState(0).uniform(0, 100, (9, 8, 5))


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
@pytest.mark.parametrize("dtype", ["u1", "i2", ">i2", "u2", "i4", "f4", "f8"])
def test_slices_of_a_volume_are_images(name, dtype, tmp_path):
    write_nifti(tmp_path / name, VOLUME.astype(dtype))
    content, read = (use(tmp_path / name, ANY) for use in (NIFTI.look, NIFTI.read))
    known = np.asanyarray(nibabel.load(tmp_path / name).dataobj)
    assert (content.shape, content.kind) == ((5, 8, 9), "images")
    assert content.dtype == read.dtype == np.dtype(dtype).newbyteorder("=")
    for number, image in enumerate(read):
        assert_array_equal(image, known[:, :, number].T)


def test_moments_of_a_volume_follow_one_another(tmp_path):
    volume = np.random.RandomState(0).uniform(size=(9, 8, 5, 3)).astype("f4")
    write_nifti(tmp_path / "x.nii", volume)
    images = load_images(tmp_path / "x.nii").images
    assert_array_equal(images[7], volume[:, :, 2, 1].T)


def test_scaled_volumes_are_scaled(tmp_path):
    image = nibabel.Nifti1Image((VOLUME * 9).astype("i2"), np.eye(4))
    image.header.set_slope_inter(0.5, 3)
    image.to_filename(tmp_path / "x.nii")
    read = NIFTI.read(tmp_path / "x.nii", ANY)
    assert_array_equal(read, nibabel.load(tmp_path / "x.nii").get_fdata().T)
    assert NIFTI.look(tmp_path / "x.nii", ANY).dtype == read.dtype == np.float64


def test_nifti_2_is_read(tmp_path):
    nibabel.Nifti2Image(VOLUME, np.eye(4)).to_filename(tmp_path / "x.nii")
    assert_array_equal(NIFTI.read(tmp_path / "x.nii", ANY), VOLUME.T)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
@pytest.mark.parametrize("pixels", [STACK[0], STACK])
def test_pictures_of_dicom_are_those_that_pydicom_gives(dtype, pixels, tmp_path):
    write_dicom(tmp_path / "x.dcm", pixels.astype(dtype))
    content, read = (use(tmp_path / "x.dcm", ANY) for use in (DICOM.look, DICOM.read))
    known = pydicom.dcmread(tmp_path / "x.dcm").pixel_array
    assert_array_equal(read, known.reshape(-1, 12, 9))
    assert (content.shape, content.dtype, read.dtype) == (read.shape, dtype, dtype)


def test_units_of_dicom_are_applied(tmp_path):
    write_dicom(tmp_path / "x.dcm", STACK[0].astype("u2"), 2.0, -1024)
    assert_array_equal(load_images(tmp_path / "x.dcm").images[0], 2.0 * STACK[0] - 1024)


def test_what_is_no_picture_is_told(tmp_path):
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.PatientName = "nobody"
    data.SOPClassUID, data.SOPInstanceUID = pydicom.uid.CTImageStorage, "1.2.3"
    data.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    with pytest.raises(DataFileError, match="holds no image"):
        load_images(tmp_path / "x.dcm")


def test_a_file_that_is_deflated_as_a_whole_is_not_unpacked(tmp_path):
    write_dicom(tmp_path / "x.dcm", STACK[0])
    data = pydicom.dcmread(tmp_path / "x.dcm")
    data.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    data.save_as(tmp_path / "x.dcm")
    with pytest.raises(DataFileError, match="deflated as a whole"):
        load_images(tmp_path / "x.dcm")


def test_what_pydicom_cannot_decode_is_told_with_what_does(tmp_path, monkeypatch):
    write_dicom(tmp_path / "x.dcm", STACK[0])

    def refuse(self):
        raise RuntimeError("Unable to decode as exceptions were raised by all available plugins")

    monkeypatch.setattr(pydicom.Dataset, "pixel_array", property(refuse))
    with pytest.raises(DataFileError, match="pip install pylibjpeg"):
        load_images(tmp_path / "x.dcm")


def test_palettes_are_refused(tmp_path):
    write_dicom(tmp_path / "x.dcm", STACK[0])
    data = pydicom.dcmread(tmp_path / "x.dcm")
    data.PhotometricInterpretation = "PALETTE COLOR"
    data.save_as(tmp_path / "x.dcm")
    with pytest.raises(DataFileError, match="palette"):
        load_images(tmp_path / "x.dcm")


def test_a_missing_library_is_named_with_what_brings_it(tmp_path, monkeypatch):
    write_dicom(tmp_path / "x.dcm", STACK)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(DataFileError, match=r"cannot be read yet: .*rhohat\[medical\]"):
        load_images(tmp_path / "x.dcm")
