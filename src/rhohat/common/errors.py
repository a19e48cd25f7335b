"""What goes wrong, by whose fault it is: a file's, the data's, a checkpoint's or a worker's."""


class DataFileError(ValueError):
    """A file that cannot be read, or none that can."""


class DataChangedError(OSError):
    """The data are not what they were when training began: edited, shortened or gone."""


class ModelFileError(ValueError):
    """The file is not a model, is damaged, or was written by a newer version."""


class CheckpointError(ValueError):
    """There is a checkpoint, but it is damaged or that of another run."""


class WorkerError(ConnectionError):
    """Workers are gone, or die of what they are given."""
