"""Files that are not read, by their endings: why, and how to convert them."""

from __future__ import annotations

from pathlib import Path

_PICKLE = (
    "is a pickle, which can run any code when loaded and so is never loaded. If you trust it, load "
    "it in Python and save its array: numpy.save('x.npy', array)"
)
_PICTURE = "is an image in a format that is not supported. Convert it to PNG or TIFF"
_VIDEO = (
    "is a video, which is not supported. Save its frames as images: ffmpeg -i FILE frames/%05d.png"
)
_R = "is an R file. Save the numbers from R: write.csv(x, 'x.csv', row.names = FALSE)"
_SHEET = "is a spreadsheet. Save the sheet as CSV"
_SOUND = "is a sound in a format that is not supported. Convert it: ffmpeg -i FILE x.wav"
_PACKED = "is an archive. Unpack it and name the folder"
_LABELS = (
    "holds labels, judging by its name, not rows or images. Labels are given to evaluate --labels"
)

#: Why files are not read, and the way round, by endings of their names.
WAYS_ROUND = {
    **dict.fromkeys((".pkl", ".pickle", ".p", ".joblib", ".pt", ".pth", ".dill"), _PICKLE),
    **dict.fromkeys((".psd", ".svg", ".cr2", ".nef", ".arw", ".dng", ".raf", ".orf"), _PICTURE),
    **dict.fromkeys((".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v"), _VIDEO),
    **dict.fromkeys((".rds", ".rdata", ".rda"), _R),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), _SHEET),
    **dict.fromkeys((".m4a", ".aac", ".wma", ".amr"), _SOUND),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".tar.gz", ".7z", ".rar"), _PACKED),
    **dict.fromkeys(("idx1-ubyte", "idx1-ubyte.gz"), _LABELS),
    ".img": "holds raw numbers without a description. Name its header, of the same name with .hdr",
    ".raw": "holds raw numbers without a description. Put an ENVI header (.hdr) beside it and name "
    "that, or in Python: numpy.save('x.npy', numpy.fromfile(FILE, TYPE).reshape(SHAPE))",
    ".bin": "holds raw numbers without a description. In Python: numpy.save('x.npy', "
    "numpy.fromfile(FILE, TYPE).reshape(SHAPE))",
    ".json": "is JSON. In Python: numpy.save('x.npy', numpy.array(json.load(open(FILE))))",
    ".sav": (
        "is an SPSS or IDL file. In Python: pandas.read_spss(FILE).to_csv('x.csv', index=False)"
    ),
    ".dta": "is a Stata file. In Python: pandas.read_stata(FILE).to_csv('x.csv', index=False)",
    ".tfrecord": "is a TensorFlow file. Save its numbers as .npy from there",
    ".loom": "is a loom file. In Python: anndata.read_loom(FILE).write_h5ad('x.h5ad')",
    ".mtx": "is a sparse matrix in text form. In Python: numpy.save('x.npy', "
    "scipy.io.mmread(FILE).toarray())",
}
#: How pickles begin: a mark, and the version of the protocol.
_PICKLE_BEGINS = tuple(bytes([0x80, version]) for version in range(2, 6))


def way_round(path: Path) -> str | None:
    """Why a file is not read, and what to do; None if nothing is known of such files.

    Files without an ending, such as CIFAR's, are known by how they begin.
    """
    name = path.name.lower()
    known = [ending for ending in WAYS_ROUND if name.endswith(ending)]
    if known:
        return WAYS_ROUND[max(known, key=len)]
    if not path.suffix and path.is_file():
        try:
            with path.open("rb") as stream:
                begin = stream.read(2)
        except OSError:
            return None
        if begin in _PICKLE_BEGINS:
            return _PICKLE
    return None
