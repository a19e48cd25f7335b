"""Numbers in the unit that suits, and lines that fit."""

import ast
import shlex

import pytest

from rhohat.cli.text import count, duration, gibibytes, wrapped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (count(1, "row"), "1 row"),
        (count(0, "row"), "0 rows"),
        (count(6000, "row"), "6,000 rows"),
        (gibibytes(2**30 - 2**20), "1023 MiB"),
        (gibibytes(3 * 2**29), "1.5 GiB"),
        (duration(0.2), "1 s"),
        (duration(89), "89 s"),
        (duration(90), "2 min"),
        (duration(5400), "1.5 h"),
    ],
)
def test_numbers_have_the_unit_that_suits(text, expected):
    assert text == expected


LINES = [
    "A sentence of several-words that is longer than a narrow terminal, by far.",
    "  loss                0.2179 = 0.1820 reconstruction + 0.0330 weight decay + 0.0028 sparsity",
    "  1. A finding that is longer than a line. Change: SparseAutoencoder(max_iter=100).",
    "  rhohat encode rhohat-out/model.safetensors 'my photographs' --convolve -o features.npy",
]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("line", LINES)
def test_lines_fit_and_words_stay_whole(line, width):
    text = wrapped(line, width)
    assert [word for word in text.split() if word != "\\"] == line.split()
    assert all(len(part) <= width for part in text.split("\n"))


def test_further_lines_are_indented_like_what_they_continue():
    assert wrapped(LINES[1], 60).split("\n")[1].index("0.0330") == LINES[1].index("0.2179")
    assert wrapped(LINES[2], 40).split("\n")[1].startswith("     ")


def test_commands_and_code_can_still_be_copied():
    broken = wrapped(LINES[3], 40)
    assert shlex.split(broken.replace("\\\n", " ")) == shlex.split(LINES[3])
    assert "-o features.npy" in broken
    code = "  data = rhohat.load_images(['one', 'two', 'three'], key='x').images"
    assert "\n" in wrapped(code, 40)
    assert ast.dump(ast.parse(wrapped(code, 40).strip())) == ast.dump(ast.parse(code.strip()))
