"""What goes wrong, by its cause: a file, the data, a model, a checkpoint, a worker, a device."""


class DataFileError(ValueError):
    """A file cannot be read, or none of them can."""


class DataChangedError(OSError):
    """The data have changed since training began: they were edited, shortened or removed."""


class ModelFileError(ValueError):
    """The file is not a model, is damaged, or was written by a newer version."""


class CheckpointError(ValueError):
    """There is a checkpoint, but it is damaged or belongs to another run."""


class DeviceMemoryError(MemoryError):
    """A device does not have enough memory for a block of rows."""


class WorkerError(ConnectionError):
    """Dask workers are gone, or are killed by the work that they are given."""
