"""Wheel and source distribution: how they are made, and that they install.

    python .ci/packages.py [DIST]

Builds both from a clone, from a clone of depth 1, from a copy without history and from the source
distribution, and compares what must be the same. Then the wheel is installed, from an index of
files alone, by every Python from 3.11 on that is on this machine, and learns edges there. Needs
Git, and the package registry for what the wheel depends on. Both are left in the folder DIST.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

TOP = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.14t")
#: What installed packages have to do: print their version, and learn.
SMALL = ["learn", "--patches", "2000", "--units", "9", "--iterations", "10", "--json"]


def run(*command, **options):
    """What a command prints; its errors go where ours do."""
    done = subprocess.run(
        [str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True, **options
    )
    return done.stdout.strip()


def tool(venv, name):
    """A program of a virtual environment."""
    return venv / ("Scripts" if os.name == "nt" else "bin") / name


def built(builder, tree, out):
    """Wheel and source distribution of a tree."""
    options = ["--no-isolation", "--outdir", out, tree]
    run(tool(builder, "python"), "-m", "build", *options, stderr=subprocess.DEVNULL)
    (wheel,), (archive,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, archive


def digest(path):
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def version_of(wheel):
    """The version in a wheel's name."""
    version = wheel.name.split("-")[1]
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?(\.dev\d+)?(\+[\w.]+)?", version), version
    return version


def made(work):
    """Build in every way, and return the wheel of a clone and its source distribution."""
    os.environ["SOURCE_DATE_EPOCH"] = run("git", "-C", TOP, "log", "-1", "--format=%ct")
    builder = work / "builder"
    run(sys.executable, "-m", "venv", builder)
    needed = ["build", "hatchling>=1.26", "hatch-vcs>=0.4"]
    run(tool(builder, "python"), "-m", "pip", "install", "-q", "--no-compile", *needed)
    run("git", "clone", "-q", "--no-hardlinks", TOP, work / "clone")
    wheel, archive = built(builder, work / "clone", work / "1")
    again = built(builder, work / "clone", work / "2")
    assert [digest(wheel), digest(archive)] == [*map(digest, again)], "built twice, they differ"
    print(f"version {version_of(wheel)}, built twice: the same bytes")

    with tarfile.open(archive) as files:
        files.extractall(work / "unpacked", filter="data")
    (unpacked,) = (work / "unpacked").iterdir()
    same, _ = built(builder, unpacked, work / "3")
    assert (same.name, digest(same)) == (wheel.name, digest(wheel)), "that of the sdist differs"
    print("built from the source distribution: the same wheel")

    run("git", "clone", "-q", "--depth", "1", TOP.as_uri(), work / "shallow")
    print("from a clone of depth 1:", version_of(built(builder, work / "shallow", work / "4")[0]))
    shutil.copytree(work / "clone", work / "copy", ignore=shutil.ignore_patterns(".git"))
    print("from a copy without history:", version_of(built(builder, work / "copy", work / "5")[0]))
    return wheel, archive


def interpreter(name):
    """The Python of a version on this machine, pyenv's included, whose shims may lead nowhere."""
    managed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    places = managed.glob(f"{name.rstrip('t')}*/bin/python{name}")
    for path in (shutil.which(f"python{name}"), *sorted(places)):
        if path is not None and not subprocess.call([path, "-c", ""], stderr=subprocess.DEVNULL):
            return path
    return None


def installed(wheel, work):
    """Install the wheel on every Python that there is, and learn with it."""
    version, tried = version_of(wheel), []
    for name in PYTHONS:
        python = interpreter(name)
        if python is None:
            continue
        index, venv = work / f"index-{name}", work / f"venv-{name}"
        run(python, "-m", "venv", venv)
        pip = [tool(venv, "python"), "-m", "pip", "-q"]
        run(*pip, "wheel", "-w", index, wheel)
        run(*pip, "install", "--no-compile", "--no-index", "--find-links", index, "rhohat")
        run(*pip, "check")
        command = tool(venv, "rhohat")
        assert run(command, "--version") == f"rhohat, version {version}"
        learned = run(command, *SMALL, cwd=venv, stderr=subprocess.DEVNULL)
        assert '"dead_units": 0' in learned, learned
        tried.append(name)
    assert tried, "no Python from 3.11 on was found"
    missing = [name for name in PYTHONS if name not in tried]
    print(f"installed from an index of files, and learned: Python {', '.join(tried)}")
    print(f"not on this machine: {', '.join(missing) or 'none'}")


def main():
    """Build, install, and keep what was built."""
    with tempfile.TemporaryDirectory() as folder:
        wheel, archive = made(Path(folder))
        installed(wheel, Path(folder))
        for out in sys.argv[1:]:
            Path(out).mkdir(parents=True, exist_ok=True)
            for file in (wheel, archive):
                shutil.copy(file, out)


if __name__ == "__main__":
    main()
