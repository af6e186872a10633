from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit import gate
from biasaudit.errors import PolicyError
from biasaudit.types import Contrast

GOOD = "version: 1\nrules:\n  - {id: r, max_index: 0.3}\n"
NESTED = "".join(
    f"{name}: &{name} [{','.join([f'*{last}'] * 9)}]\n" for last, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = "".join(
    f"{name}: &{name} {{<<: [{','.join([f'*{last}'] * 9)}]}}\n"
    for last, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def message_for(path: Path, content: bytes | str) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    with pytest.raises(PolicyError) as caught:
        gate.read_policy(path)
    return str(caught.value)


def test_every_key_is_read_and_the_defaults_are_as_deployed(tmp_path: Path) -> None:
    path = tmp_path / "limits.yaml"
    path.write_text(
        "version: 1\nrules:\n  - id: whole\n    probes: [occupations]\n    features: [gender, all]\n"
        "    framing: plain\n    contrast: weights, plain\n    max_index: -1\n    max_increase: 2\n"
        "    min_coverage: 1\n  - id: short\n    max_index: 1\n",
        encoding="utf-8",
    )
    policy = gate.read_policy(path)
    whole, short = policy.rules
    assert (policy.name, policy.version) == ("limits.yaml", 1)
    assert (whole.probes, whole.features) == (("occupations",), ("gender", "all"))
    assert (whole.framing, whole.contrast) == ("plain", Contrast.WEIGHTS_PLAIN)
    assert (whole.max_index, whole.max_increase, whole.min_coverage) == (-1, 2, 1)
    assert (short.probes, short.features, short.framing, short.contrast) == (None, None, "chat", Contrast.AS_DEPLOYED)


def test_a_policy_cannot_be_changed_or_name_itself(tmp_path: Path) -> None:
    """What was judged is what was read."""
    assert hash(gate.Policy.model_validate({"version": 1, "rules": [{"id": "r", "max_index": 0.1}]}).rules)
    assert "_name is not a known key" in message_for(tmp_path / "p.yaml", GOOD + "_name: other\n")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("version: 1\nrule:\n  - {id: r, max_index: 0.3}\n", "rule is not a known key. Did you mean 'rules'?"),
        ("version: 1\nrules:\n  - {id: r, zzz: 1}\n", "Known keys: id, probes, features, framing, contrast, max_index"),
        ("version: 1\nrules:\n  - {max_index: 0.3}\n", "rules[0].id is missing. Known keys: id,"),
        ("version: 1\nrules:\n  - {id: r, max_index: -1.1}\n", "rules[0].max_index"),
        ("version: 1\nrules:\n  - {id: r, max_increase: -0.1}\n", "rules[0].max_increase"),
        ("version: 1\nrules:\n  - {id: r, max_increase: 2.1}\n", "rules[0].max_increase"),
        ("version: 1\nrules:\n  - {id: r, min_coverage: 1.1}\n", "rules[0].min_coverage"),
        ("version: 1\nrules:\n  - {id: r, min_coverage: 95%}\n", "(found '95%')"),
        ("version: 1\nrules:\n  - {id: r, max_index: true}\n", "(found True)"),
        ("version: 1\nrules:\n  - {id: r, max_index: .inf}\n", "rules[0].max_index"),
        ("version: 1\nrules:\n  - {id: r, framing: sung, max_index: 0}\n", "'plain' or 'chat'"),
        ("version: 1\nrules:\n  - {id: r, contrast: interaction, max_increase: 0}\n", "described, not judged"),
        ("version: 1\nrules:\n  - {id: r, probes: occupations, max_index: 0}\n", "rules[0].probes"),
        ("version: 1\nrules:\n  - {id: r, probes: [], max_index: 0}\n", "rules[0].probes"),
        ("version: 1\nrules:\n  - {id: r, probes: [''], max_index: 0}\n", "rules[0].probes[0]"),
        ("version: 1\nrules:\n  - {id: r, probes: !!set {a, b}, max_index: 0}\n", "rules[0].probes"),
        ("version: 1\nrules:\n  - {id: 7, max_index: 0}\n", "rules[0].id"),
        ("version: 1\nrules:\n  - text\n", "rules[0]"),
        ("version: 1\nrules: {id: r}\n", "rules: "),
        (GOOD.replace("1", "true", 1), "(found True)"),
        (GOOD.replace("1", "1.0", 1), "(found 1.0)"),
        (GOOD.replace("1", f"0x{'F' * 6000}", 1), "thousands of digits"),
        (GOOD.replace("1", f'"{"v" * 200}"', 1), "vvv…"),
        (GOOD.replace("1", "2001-99-99", 1), "not valid YAML"),
        ("version: 1\nrules:\n  - {id: r, max_index: 0.1, max_index: 0.9}\n", "'max_index' is given twice"),
        ("1: 1\n" + GOOD, "[1]"),
        ('"a\\e[31m": 1\n' + GOOD, r"a\x1b[31m is not a known key"),
        (GOOD + "---\n" + GOOD, "not valid YAML"),
        ("a: \x07\n", "not valid YAML"),
        ("# only a comment\n", "holds nothing"),
        ("just text", "holds str"),
        ("? [a]\n: 1\n", "not valid YAML"),
        (b"\xff\xfev\x00", "Save it as UTF-8."),
        ("#" * 100_001, "longer than 100,000 characters"),
    ],
)
def test_a_bad_policy_gets_one_message(tmp_path: Path, content: bytes | str, expected: str) -> None:
    """File, place and what was found: the reader corrects it without the source of this package."""
    message = message_for(tmp_path / "p.yaml", content)
    assert expected in message
    assert message.startswith(str(tmp_path / "p.yaml"))
    assert "Value error" not in message
    assert "errors.pydantic.dev" not in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: &a [x,x,x,x,x,x,x,x,x]\n" + NESTED + "version: *i\nrules: *i\n", "aliases unfold"),
        ("a: &a {k: 1, l: 2}\n" + MERGED + GOOD, "aliases unfold"),
        ("&a [*a]\n", "aliases unfold"),
        ("version: 1\nrules: &a [*a]\n", "aliases unfold"),
        ("[" * 90_000, "nested too deeply"),
        ("{a: " * 20_000, "nested too deeply"),
        ("- " * 40_000, "nested too deeply"),
    ],
    ids=["aliases", "merges", "itself", "rules in itself", "lists", "mappings", "dashes"],
)
def test_a_bomb_is_refused_at_once(tmp_path: Path, content: str, expected: str) -> None:
    """A few lines can ask for billions of values; the check runs where strangers open pull requests."""
    started = time.monotonic()
    assert expected in message_for(tmp_path / "p.yaml", content)
    assert time.monotonic() - started < 10


def test_aliases_and_merges_that_stay_small_are_allowed(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        "version: 1\nrules:\n  - &r {id: a, probes: &p [x], max_index: 0.1}\n  - {<<: *r, id: b}\n"
        "  - {id: c, probes: *p, min_coverage: 1}\n",
        encoding="utf-8",
    )
    assert [(rule.id, rule.probes) for rule in gate.read_policy(path).rules] == [(name, ("x",)) for name in "abc"]


@pytest.mark.parametrize(
    ("name", "expected"), [("none.yaml", "no such file"), ("", "cannot be read"), ("a\0b", "cannot be read")]
)
def test_a_path_that_is_no_file_gets_one_message(tmp_path: Path, name: str, expected: str) -> None:
    """Missing, a folder, and a name that no system allows."""
    with pytest.raises(PolicyError, match=expected):
        gate.read_policy(tmp_path / name)


@settings(deadline=None)  # a loaded machine is no failure
@given(content=st.one_of(st.binary(max_size=60), st.text("version: 1rulesidmax_-[]{}&*!?|>#'\"\n\t", max_size=80)))
def test_any_bytes_give_a_policy_or_a_policy_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes | str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    answer: gate.Policy | str
    try:
        answer = gate.read_policy(path)
    except PolicyError as error:
        answer = str(error)
    assert isinstance(answer, gate.Policy) or str(path) in answer
