"""Make the pictures of README and docs anew, with today's code.

    python docs/pictures.py           # all but those that benchmarks draw
    python docs/pictures.py unit.png  # or some

What the commands write is taken as it is, and pages are photographed by Chromium. Needs the extra
[test], and Chromium. scaling.png and sweeps.png are drawn by benchmarks/scaling.py and sweeps.py.
"""

import argparse
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import skimage
from playwright.sync_api import sync_playwright

TOP = Path(__file__).parents[1]
IMAGES = TOP / "docs" / "images"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DATA = Path(skimage.__file__).parent / "data"
PHOTOGRAPHS = sorted(map(str, [*DATA.glob("*.png"), *DATA.glob("*.jpg")]))

#: Commands, by the folders or files that they write.
COMMANDS = {
    "rhohat-out": ["learn"],
    "own": ["learn", *PHOTOGRAPHS, "--patch-size", "12", "--units", "144", "--out", "own"],
    "color": ["learn", "--color", "--patch-size", "8", "--out", "color"],
    "other": ["learn", "--seed", "1", "--out", "other"],
    "explore.html": ["explore"],
    "compare.html": ["compare", "rhohat-out", "other", "--out", "compare.html"],
}
#: What each picture is a copy of.
COPIES = {
    "features.png": "rhohat-out/features.png",
    "training.png": "rhohat-out/training.png",
    "own.png": "own/features.png",
    "color.png": "color/features.png",
}
#: What each picture is a photograph of: page, place on it, and size.
PAGES = {
    "report.png": ("rhohat-out/report.html", "units", (1280, 790)),
    "unit.png": ("rhohat-out/report.html", "unit-3", (1280, 1010)),
    "explore.png": ("explore.html", "", (1460, 1330)),
    "compare.png": ("compare.html", "", (1460, 1060)),
}
#: Which figure of the example about sounds is its picture.
FIGURE_OF_SOUNDS = 0
#: Commands that a page or copy needs, besides the one that writes it.
NEEDED = {"compare.html": ["rhohat-out", "other"]}


def made(path, folder):
    """The file, made by its command unless it is there."""
    name = Path(path).parts[0]
    for needed in [*NEEDED.get(name, []), name]:
        if not (folder / needed).exists():
            print("rhohat", *COMMANDS[needed][:2], "...", flush=True)
            subprocess.run(
                [sys.executable, "-m", "rhohat", *COMMANDS[needed]],
                cwd=folder,
                check=True,
                stdout=subprocess.DEVNULL,
            )
    return folder / path


def photograph(page, place, size, out):
    """What Chromium shows of a page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        view = browser.new_page(viewport=dict(zip(("width", "height"), size, strict=True)))
        view.goto(f"{page.as_uri()}#{place}")
        view.wait_for_timeout(1500)
        view.screenshot(path=out)
        browser.close()


def sounds(out):
    """The units of the example about sounds."""
    matplotlib.use("Agg")
    runpy.run_path(str(TOP / "examples" / "measurements" / "plot_sounds.py"))
    plt.figure(plt.get_fignums()[FIGURE_OF_SOUNDS]).savefig(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*COPIES, *PAGES, "sound.png"]
    parser.add_argument("pictures", nargs="*", choices=[[], *names], metavar="PICTURE")
    parser.add_argument("--out", type=Path, default=IMAGES, help="default: docs/images")
    args = parser.parse_args()
    wanted, images = args.pictures or names, args.out.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in wanted:
            if name in COPIES:
                shutil.copy(made(COPIES[name], folder), images / name)
            elif name in PAGES:
                path, place, size = PAGES[name]
                photograph(made(path, folder), place, size, images / name)
            else:
                sounds(images / name)
            print(images / name, flush=True)


if __name__ == "__main__":
    main()
