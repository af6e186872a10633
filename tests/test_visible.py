"""What a terminal would obey, or nobody would see, is shown; what people write in any script is left alone."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from biasaudit.visible import visible, visible_line, visible_stream

ACTING = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))} - {"\n", "\t"}
DIRECTIONS = {
    chr(code) for code in range(sys.maxunicode) if unicodedata.bidirectional(chr(code)) in {
        "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
    }
} | set("\u061c\u200e\u200f")  # fmt: skip


@pytest.mark.parametrize("change", [visible, visible_line, visible_stream])
def test_no_control_and_no_mark_of_direction_is_left(change: object) -> None:
    assert callable(change)
    for letter in ACTING | DIRECTIONS:
        if change is visible_stream and letter == "\r":
            continue
        shown = change(f"a{letter}b")
        assert letter not in shown, ascii(letter)
        assert shown.isascii()


def test_what_is_shown_says_what_was_there() -> None:
    assert visible("\x1b]0;t\x07 \x9b31m \u202e \u2066 \U000e0041") == (
        "\\x1b]0;t\\x07 \\x9b31m <U+202E> <U+2066> <U+E0041>"
    )
    assert visible("a\nb\tc\rd") == "a\nb\tc\\x0dd"
    assert visible_line("a\nb\tc") == "a\\x0ab\\x09c"
    assert visible_stream("50 %\r51 %\x1b[A") == "50 %\r51 %\\x1b[A"
    # A byte of a file name that is not UTF-8, as Python hands it on; and a half of a pair.
    assert visible("a\udcff\ud800") == "a\\xff<U+D800>"


@pytest.mark.parametrize(
    "text",
    [
        "Grüße, naïve – “quotes” … 日本語 한국어 ไทย हिन्दी",
        "می\u200cخواهم",  # Persian, with a joiner that separates
        "שלום עולם العربية",
        "👩\u200d⚕️ 🏳️\u200d🌈 é̂",
        "✓ ✗ → │ ─ ░",
    ],
)
def test_writing_of_any_script_is_left_alone(text: str) -> None:
    assert visible(text) == visible_line(text) == visible_stream(text) == text
