"""Printable text: nothing in it controls a terminal, breaks the line or cannot be written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhohat.common.printable import (
    encodable,
    enumerated,
    first_of,
    listed,
    printable,
    printable_lines,
    shortened,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\n\udcff\u202e ρ̂", "\\x1b[31mred\\n\\udcff\\u202e ρ̂"),
        ("a\r\nb\x85c\u2028d\te", "a\\r\\nb\\x85c\\u2028d\\te"),
        ("plain text", "plain text"),
    ],
)
def test_what_commands_a_terminal_is_an_escape(text, expected):
    assert printable(text) == expected


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_one_line_that_can_be_written(text):
    shown = printable(text)
    assert len(shown.encode().splitlines()) <= 1
    assert shown.isprintable()
    assert encodable(text).encode().decode() == encodable(text)


def test_own_lines_stay():
    assert printable_lines("a\n\x1bb\n") == "a\n\\x1bb\n"


def test_long_texts_tell_how_much_is_left_out():
    assert shortened("x" * 20, 20) == "x" * 20
    assert shortened("x" * 1020, 20) == "x" * 20 + "... (1,000 characters more)"


@pytest.mark.parametrize(
    ("words", "told"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_words_are_listed_as_in_a_sentence(words, told):
    assert enumerated(words) == told


@pytest.mark.parametrize(
    ("n", "told"), [(1, "0"), (2, "0, 1"), (3, "0, 1 and 1 more"), (1002, "0, 1 and 1,000 more")]
)
def test_of_many_words_the_first_are_told_and_how_many_more_there_are(n, told):
    assert first_of([str(number) for number in range(n)], 2) == told


def test_names_are_listed_in_quotes_and_shortened():
    assert listed(["a b", 70 * "x"]) == '"a b", "' + 60 * "x" + '"'
    assert listed([*"abcdefghijk"]).endswith('"h" and 3 more')
