"""Shared settings: private caches, no stray skips in CI, and small real data."""

import os
import signal
from pathlib import Path

# Nothing outside the checkout: neither temporary files nor matplotlib's list of fonts.
CACHE = Path(__file__).parents[1] / ".pytest_cache"
CACHE.mkdir(exist_ok=True)
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(CACHE))
os.environ.setdefault("MPLCONFIGDIR", str(CACHE / "matplotlib"))
os.environ["MPLBACKEND"] = "Agg"
# A width of the terminal would wrap what is piped; readline sets it where os.environ is not told.
os.environ.pop("COLUMNS", None)
os.unsetenv("COLUMNS")
# Jobs in the background and under nohup ignore signals, which tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)
for _name in ("SIGTERM", "SIGHUP"):
    if getattr(signal, _name, None) and signal.getsignal(getattr(signal, _name)) is signal.SIG_IGN:
        signal.signal(getattr(signal, _name), signal.SIG_DFL)
os.environ["SOURCE_DATE_EPOCH"] = "0"  # pages do not say when they were made, and in what time
os.environ["SCIPY_ARRAY_API"] = "1"  # scikit-learn's checks of it run only if SciPy sees it first
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    # Processes that test side by side share the cores: threads that wait for one another's do not.
    _share = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, _share)))

import numpy as np
import pytest
from PIL import Image
from skimage import data
from sklearn.datasets import load_digits

from rhohat import (
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseObjective,
    load_photographs,
)
from rhohat.common import devices
from rhohat.common.devices import PROCESSOR, TorchDevice
from rhohat.objective.network import NetworkObjective
from rhohat.rows.cluster import DaskEngine
from rhohat.rows.engines import ThreadEngine
from support.fits import grow_early
from support.sounds import RATE, chirp


def pytest_addoption(parser):
    """Laws of the processor hold on other devices, too."""
    parser.addoption("--device", help="compute there whatever says nothing else, such as torch")


@pytest.fixture(autouse=True)
def device(request, monkeypatch):
    """The device that --device names, in place of the processor."""
    name = request.config.getoption("--device")
    if name is None:
        return PROCESSOR
    device = TorchDevice(name)
    monkeypatch.setattr(devices, "PROCESSOR", device)
    for engine in (ThreadEngine, DaskEngine):
        defaults = engine.__init__.__defaults__[:-1]
        monkeypatch.setattr(engine.__init__, "__defaults__", (*defaults, device))
    for objective in (SparseObjective, NetworkObjective):
        for method in ("terms", "activities", "losses"):
            if hasattr(objective, method):
                monkeypatch.setattr(objective, method, placing(getattr(objective, method), device))
    return device


def placing(sums, device):
    """Sums over rows on a device, whatever memory the rows are in."""

    def on_device(objective, X, *args, **named):
        if not isinstance(X, np.ndarray):
            return sums(objective, X, *args, **named)
        given = (name for name in ("held", "out", "target") if named.get(name) is not None)
        arrays = {name: device.place(named[name]) for name in given}
        return sums(objective, device.place(X), *args, **named | arrays).widened()

    return on_device


@pytest.fixture(scope="session")
def digits():
    """8x8 digits in [0, 1], (1797, 64)."""
    return load_digits().data / 16


@pytest.fixture(scope="session")
def photographs():
    """The built-in photographs."""
    return load_photographs()


@pytest.fixture(scope="session")
def whitened(photographs):
    """The built-in photographs after 1/f whitening."""
    return OneOverFWhitening().fit_transform(photographs.images)


@pytest.fixture(scope="session")
def patches(whitened):
    """Normalized patches of the built-in photographs: ``patches(side, number, seed)``."""

    def draw(side=10, n_patches=2000, seed=0):
        extractor = PatchExtractor(side, n_patches=n_patches, random_state=seed)
        return PatchNormalizer().fit_transform(extractor.fit_transform(whitened))

    return draw


@pytest.fixture(scope="session")
def photograph_folder(tmp_path_factory):
    """Photographs, one of them cut off, and a stack of images."""
    folder = tmp_path_factory.mktemp("photographs")
    for name in ("camera", "moon", "coins"):
        Image.fromarray(getattr(data, name)()).save(folder / f"{name}.png")
    (folder / "broken.png").write_bytes((folder / "moon.png").read_bytes()[:9000])
    np.save(folder / "stack.npy", np.random.RandomState(0).uniform(size=(3, 40, 50)))
    return folder


@pytest.fixture
def rng():
    return np.random.RandomState(0)


@pytest.fixture
def early_growth(monkeypatch):
    """Training grows from few rows, so that 6,000 have three stages."""
    grow_early(monkeypatch)


@pytest.fixture
def recordings(rng):
    """Five tones that rise, of different lengths."""
    return [
        chirp(0.3 + 0.1 * i, 200 + 100 * i) + 0.01 * rng.randn(round((0.3 + 0.1 * i) * RATE))
        for i in range(5)
    ]


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    """In CI, a test that is skipped although it could have run is a failure: say so."""
    if os.environ.get("CI") and terminalreporter.stats.get("skipped"):
        terminalreporter.section("skipped tests fail in CI", red=True)


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped") and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
