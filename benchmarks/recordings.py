"""Hours of recordings in bounded memory: what `rhohat learn` holds at most, and how long it takes.

    python benchmarks/recordings.py [--hours 10] [--minutes 60] [--limit 1000] [--folder DIR]

Writes WAV files of 16,000 samples per second, speech-like pulses that never repeat, and learns from
their folder. Exits with 1 if the process held more than the limit, in MB (10^6 bytes).
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

RATE = 16_000


def write(path, minutes, seed):
    """One recording: every second pulses that ring at some frequencies, and noise."""
    rng = np.random.RandomState(seed)
    t = np.arange(RATE) / RATE
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for _ in range(round(60 * minutes)):
            pulses = (np.arange(RATE) % rng.randint(80, 200) == 0).astype(float)
            ring = sum(
                np.exp(-t[:800] * 120) * np.sin(2 * np.pi * hertz * t[:800])
                for hertz in rng.uniform(200, 4000, 3)
            )
            spectrum = np.fft.rfft(pulses, 2 * RATE) * np.fft.rfft(ring, 2 * RATE)
            voice = np.fft.irfft(spectrum)[:RATE]
            x = 0.2 * voice / np.abs(voice).max() + 0.005 * rng.standard_normal(RATE)
            file.writeframes(np.rint(32767 * x).astype("<i2").tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=10)
    parser.add_argument("--minutes", type=float, default=60, help="length of each file")
    parser.add_argument("--limit", type=float, default=1000)
    parser.add_argument("--folder", type=Path, help="where to write, and remove, the files")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        (folder / "recordings").mkdir()
        n_files = max(round(60 * arguments.hours / arguments.minutes), 1)
        for number in range(n_files):
            write(folder / "recordings" / f"{number}.wav", arguments.minutes, number)
        size = sum(file.stat().st_size for file in (folder / "recordings").iterdir())
        command = [sys.executable, "-m", "rhohat", "learn", "recordings", "--json"]
        started = time.perf_counter()
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True)
        seconds = time.perf_counter() - started
        page = (folder / "rhohat-out" / "report.html").stat().st_size
    summary = json.loads(done.stdout)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    print(f"{n_files} files of {arguments.minutes:g} minutes, {size / 1e9:.2f} GB")
    print(f"{summary['data']['examples']} parts, {summary['training']['rows']:,} windows")
    print(f"learned in {seconds:.0f} s; page of {page / 1e6:.1f} MB")
    print(f"memory at most {peak:.0f} MB, interpreter and libraries included")
    sys.exit(peak > arguments.limit)


if __name__ == "__main__":
    main()
