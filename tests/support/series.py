"""Series to learn from, and the EDF and BDF files that hold them."""

import edfio
import numpy as np


def pulses(n=6000, channels=2, seed=0):
    """Noise with impulses that ring, (channels, n), each channel louder than the one before."""
    rng = np.random.RandomState(seed)
    t = np.arange(n)
    ringing = (t % 200 < 30) * np.exp(-(t % 200) / 8.0) * np.sin(t * 1.2)
    return np.stack([(c + 1) * (ringing + 0.2 * rng.randn(n)) for c in range(channels)])


def write_edf(path, series, rates=100, names=None, **options):
    """An EDF or BDF file of these channels, which may have rates of their own."""
    signal, file = (
        (edfio.BdfSignal, edfio.Bdf) if str(path).endswith("bdf") else (edfio.EdfSignal, edfio.Edf)
    )
    rates = np.broadcast_to(rates, len(series))
    names = names or [f"EEG {number}" for number in range(len(series))]
    signals = [
        signal(np.asarray(x), rate, label=name, physical_dimension="uV")
        for x, rate, name in zip(series, rates, names, strict=True)
    ]
    file(signals, **options).write(path)


def physical(path):
    """What edfio reads of the channels of a file, (channels, samples)."""
    read = edfio.read_bdf if str(path).endswith("bdf") else edfio.read_edf
    return np.stack([signal.data for signal in read(path).signals])
