"""Probes of strangers: whatever their files are or hold, one error that names the file, and no wait."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest
import yaml

from biasaudit.errors import BiasauditError, ProbeError
from biasaudit.probes import Probe, available, load_probe
from tests.tiny import CARD, item, save_probe

SECRET = "root:x:0:0:the secret line"


@pytest.mark.parametrize("kind", ["absolute", "up", "up and down", "a link", "a folder that is a link", "null", "back"])
def test_data_outside_the_probes_folder_is_not_read(tmp_path: Path, kind: str) -> None:
    """The error printed a line of the file that the card named, wherever it lay."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text(SECRET + "\n")
    folder = save_probe(tmp_path / "mini")
    names = {
        "absolute": str(outside / "secret"),
        "up": "../outside/secret",
        "up and down": "sub/../../outside/secret",
        "a link": "items.jsonl",
        "a folder that is a link": "sub/secret",
        "null": "items\0.jsonl",
        "back": "..\\outside\\secret",
    }
    if kind == "a link":
        (folder / "items.jsonl").unlink()
        (folder / "items.jsonl").symlink_to(outside / "secret")
    elif kind == "a folder that is a link":
        (folder / "sub").symlink_to(outside, target_is_directory=True)
    (folder / "card.yaml").write_text(json.dumps({**CARD, "data": {"format": "items", "file": names[kind]}}))
    with pytest.raises(ProbeError, match=r"does not lie in this folder|leads out of its folder") as caught:
        load_probe(str(folder))
    assert "secret line" not in str(caught.value)


def test_a_card_that_is_a_link_to_elsewhere_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    folder = save_probe(tmp_path / "mini")
    (folder / "card.yaml").unlink()
    (folder / "card.yaml").symlink_to(tmp_path / "secret")
    with pytest.raises(ProbeError, match="leads out of its folder") as caught:
        load_probe(str(folder))
    assert "secret line" not in str(caught.value)


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    folder = save_probe(tmp_path / "mini")
    (folder / "items.jsonl").rename(folder / "rows")
    (folder / "items.jsonl").symlink_to("rows")
    assert len(load_probe(str(folder)).items) == 18


@pytest.mark.parametrize(("folder", "name"), [("..", "passwd"), ("/etc", "passwd"), ("", "/etc/passwd"), ("", "../x")])
def test_a_published_set_lies_in_the_data_folder(tmp_path: Path, folder: str, name: str) -> None:
    data = {"format": "crows-pairs", "folder": folder, "files": {name: "0" * 64}}
    place = save_probe(tmp_path / "mini", data=data)
    with pytest.raises(ProbeError, match="leads out of the data folder"):
        load_probe(str(place), data_dir=tmp_path)


@pytest.mark.parametrize("name", ["card.yaml", "items.jsonl"])
@pytest.mark.parametrize(("what", "said"), [("pipe", "it is a pipe"), ("folder", "it is a folder")])
def test_what_is_no_file_is_refused_without_a_wait(tmp_path: Path, name: str, what: str, said: str) -> None:
    """Opening a pipe waits for somebody to write into it."""
    folder = save_probe(tmp_path / "mini")
    (folder / name).unlink()
    os.mkfifo(folder / name) if what == "pipe" else (folder / name).mkdir()
    with pytest.raises(ProbeError, match=said):
        load_probe(str(folder))


def test_a_device_is_refused(tmp_path: Path) -> None:
    """/dev/zero never ends; a link to it leads out of the folder, and would be refused inside too."""
    folder = save_probe(tmp_path / "mini")
    (folder / "items.jsonl").unlink()
    (folder / "items.jsonl").symlink_to("/dev/zero")
    with pytest.raises(ProbeError, match="leads out"):
        load_probe(str(folder))


NESTED = "".join(
    f"{one}: &{one} [*{two},*{two},*{two},*{two},*{two},*{two},*{two},*{two},*{two}]\n"
    for two, one in zip("abcdefgh", "bcdefghi", strict=True)
)
TEXT = json.dumps(CARD)[1:-1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("a: &a [x,x,x,x,x,x,x,x,x]\n" + NESTED, "aliases unfold to more than 200,000 values", id="bomb"),
        pytest.param("a: &a {k: 1}\nb: &b {<<: [*a, *a]}\nid: *b\n", "field", id="merges"),
        pytest.param("&a [*a]\n", "aliases unfold", id="itself"),
        pytest.param("[" * 90_000, "nested too deeply", id="lists"),
        pytest.param("{a: " * 20_000, "nested too deeply", id="mappings"),
        pytest.param("{" + TEXT + ", version: 2001-99-99}", "key 'version' is given twice", id="repeated"),
        pytest.param("id: x\nversion: 2001-99-99\n", r"'2001-99-99' is no value.*line 2, column 10", id="date"),
        pytest.param("id: x\nversion: " + "9" * 5000 + "\n", "thousands of digits.*line 2", id="digits"),
        pytest.param("id: x\nversion: " + "1:" * 200 + "1\n", "a number of 401 digits", id="sixties"),
        pytest.param("id: x\nversion: 0x" + "f" * 5000 + "\n", "thousands of digits", id="sixteens"),
        pytest.param("id: a\0b\n", r"the character U\+0000 is not allowed \(line 1\)", id="null"),
        pytest.param('id: "a\\0b"\n', "field 'id'", id="escaped null"),
        pytest.param('id: x\nname: "\\ud800"\n', r"half of a character.*\(line 2, column 7\)", id="surrogate"),
        pytest.param("id: !!python/object/apply:os.system [true]\n", "not valid YAML", id="python"),
        pytest.param("? [a]\n: 1\n", "not valid YAML", id="key"),
        pytest.param("id: [\n", "not valid YAML", id="open"),
        pytest.param("- a\n", "holds list; expected a mapping", id="list"),
        pytest.param("# nothing\n", "holds nothing", id="nothing"),
        pytest.param("id: " + "x" * 5_000_000, "larger than 4,000,000 bytes", id="large"),
        pytest.param(b"id: \xff\n", "is not UTF-8 text: line 1 has the byte 0xff", id="bytes"),
        pytest.param("id: mini\n".encode("utf-16"), "it looks like UTF-16", id="utf-16"),
        pytest.param("id: mini\nn\x1b[2Jame: x\n", r"U\+001B is not allowed \(line 2\)", id="escape"),
        pytest.param("id: mini\nname: '" + "q" * 500 + "\n", "not valid YAML", id="quote"),
    ],
)
def test_a_hostile_card_is_one_error_with_file_and_place(tmp_path: Path, content: str | bytes, said: str) -> None:
    folder = save_probe(tmp_path / "mini")
    (folder / "card.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    started = time.monotonic()
    with pytest.raises(ProbeError, match=said) as caught:
        load_probe(str(folder))
    assert time.monotonic() - started < 60
    check_message(caught.value, folder / "card.yaml")


def check_message(error: BiasauditError, path: Path) -> None:
    """The file is named, no more than a short excerpt is quoted, and what is quoted cannot act on a terminal."""
    text = str(error)
    assert str(path) in text
    assert len(text) < 700 + len(str(path))
    assert "qqqqqqqqqq" * 10 not in text
    assert not [letter for letter in text if letter < " " and letter != "\n"]
    assert error.fix


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "a", "id": "b"}', "given twice"),
        ('{"id": ' + "9" * 5000 + "}", "(the whole line)"),
        ('{"id": "\\ud800"}', "half of a character"),
        ("[" * 5000, "nested too deeply"),
        (json.dumps(item(0, tags=[["x"] * 50] * 50)), "tags"),
        (json.dumps(item(0, first={"a": "\x1b[2J"})), "first"),
        (json.dumps(item(0, feature="q" * 3000)), "feature"),
        (json.dumps({**item(0), "q" * 3000: 1}), "qqq"),
        ('{"id": NaN}', "id"),
        ("\x00", "(the whole line)"),
    ],
)
def test_a_hostile_item_is_one_error_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    folder = save_probe(tmp_path / "mini")
    path = folder / "items.jsonl"
    path.write_text(json.dumps(item(5)) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(ProbeError) as caught:
        load_probe(str(folder))
    assert said in str(caught.value)
    assert f"{path}:2" in str(caught.value)
    check_message(caught.value, path)


@pytest.mark.parametrize("letter", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_a_line_feed_ends_an_item(tmp_path: Path, letter: str, mark: str, end: str) -> None:
    """Inside a string JSON may hold them, some as escapes only; a text with one was taken for two lines."""
    folder = save_probe(tmp_path / "mini")
    rows = [item(0, first=f"she{letter}is"), item(1)]
    lines = [json.dumps(row, ensure_ascii=letter < " ") for row in rows]
    (folder / "items.jsonl").write_bytes((mark + end.join(lines) + end).encode())
    found = load_probe(str(folder)).items
    assert [one.item_id for one in found] == ["i0", "i1"]
    assert getattr(found[0].texts, "first") == f"she{letter}is"  # noqa: B009  # the texts of a pair


@pytest.mark.slow
def test_a_file_that_asks_for_billions_of_items_is_refused(tmp_path: Path) -> None:
    """Words, templates and groups multiply: a file of a few kilobytes can ask for more than there is memory."""
    source = available()["traits"]
    card = yaml.safe_load((source / "card.yaml").read_text(encoding="utf-8"))
    content = yaml.safe_load((source / "associations.yaml").read_text(encoding="utf-8"))
    content["words"] = [{**words, "id": f"{words['id']}-{n}"} for words in content["words"] for n in range(300)]
    content["templates"] = [{**content["templates"][0], "id": f"t{number}"} for number in range(400)]
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False), encoding="utf-8")
    (folder / card["data"]["file"]).write_text(json.dumps(content), encoding="utf-8")
    started = time.monotonic()
    with pytest.raises(ProbeError, match=r"crosses|more than"):
        load_probe(str(folder))
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("name", ["~nobody-of-that-name/probe", "a\0b", "x" * 5000, "", ".", "/dev/stdin", "\x1b[2J"])
def test_a_name_that_no_system_allows_is_one_error(name: str) -> None:
    with pytest.raises(ProbeError) as caught:
        load_probe(name)
    assert not [letter for letter in str(caught.value) if letter < " " and letter != "\n"]


SOURCES = ("ambiguous-qa", "decisions", "dialect", "hiring", "identity-toxicity", "occupations", "pronouns", "traits")


@pytest.mark.slow
def test_300_damaged_probes_are_read_or_refused(tmp_path: Path) -> None:
    """Bytes changed, cut, put in or doubled anywhere in card or data of every form: a probe, or one error."""
    draw = random.Random(20)
    # The largest takes seconds to read.
    forms = [available()[name] for name in SOURCES if name != "ambiguous-qa"]
    small = save_probe(tmp_path / "mini")
    outcomes = {"read": 0, "refused": 0}
    longest = 0
    for number in range(300):
        source = small if number % 2 else forms[draw.randrange(len(forms))]
        names = sorted(path.name for path in source.iterdir() if path.suffix in {".yaml", ".jsonl"})
        folder = tmp_path / f"damaged-{number}"
        folder.mkdir()
        broken = names[draw.randrange(len(names))]
        for name in names:
            content = (source / name).read_bytes()
            # Most of a card is prose, which may be anything.
            (folder / name).write_bytes(damaged(content, draw) if name == broken else content)
        started = time.monotonic()
        try:
            assert isinstance(load_probe(str(folder)), Probe)
            outcomes["read"] += 1
        except BiasauditError as error:
            longest = max(longest, len(str(error)))
            outcomes["refused"] += 1
        assert time.monotonic() - started < 60
    assert longest < 1000
    assert outcomes["refused"] > 100, outcomes
    assert outcomes["read"] > 10, outcomes


def damaged(content: bytes, draw: random.Random) -> bytes:
    place, length = draw.randrange(len(content)), draw.choice([1, 1, 3, 30])
    noise = draw.randbytes(length)
    pieces = [
        b"\0",
        b"\xe2\x80\xa8",
        b"&a [*a]",
        b"9" * 5000,
        b"2001-99-99",
        b"\\ud800",
        b"{",
        b"}",
        b'"',
        b": ",
        b"\n- ",
    ]
    put_in = draw.choice(pieces)
    return draw.choice(
        [
            content[:place] + noise + content[place + length :],
            content[:place],
            content[:place] + content[place + length :],
            content[:place] + put_in + content[place:],
            content[:place] + put_in + content[place + length :],
            content + content[:place],
        ]
    )
