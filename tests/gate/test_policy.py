from __future__ import annotations

import time
from datetime import date
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


WHOLE = """
version: 1
family: holm
defaults:
  {framing: plain, contrast: "weights, plain", severity: warning, margin: 0.01, min_items: 9, min_clusters: 7,
   inconclusive: fail}
rules:
  - {id: whole, probes: [hiring], features: [gender, all], groups: [woman], framing: chat, min_ratio: 0.8, margin: 0.02,
     severity: error, min_items: 50, min_clusters: 10, inconclusive: pass}
  - {id: rise, contrast: as deployed, max_increase: 2}
  - {id: short, max_index: -1}
waivers:
  - {rule: whole, probe: hiring, feature: gender, group: woman, reason: " known ", owner: an, expires: 2027-01-31}
  - {rule: short, reason: r, owner: o, expires: "2027-02-01"}
"""


def test_every_key_is_read_and_defaults_fill_what_a_rule_leaves_out(tmp_path: Path) -> None:
    path = tmp_path / "limits.yaml"
    path.write_text(WHOLE, encoding="utf-8")
    policy = gate.read_policy(path)
    whole, rise, short = (policy.settled(rule) for rule in policy.rules)
    assert (policy.name, policy.version, policy.family.value) == ("limits.yaml", 1, "holm")
    assert (whole.probes, whole.features, whole.groups) == (("hiring",), ("gender", "all"), ("woman",))
    assert (whole.criterion.name, whole.limit, whole.margin, whole.arm) == ("min_ratio", 0.8, 0.02, "chat")
    assert whole.bound == pytest.approx(0.78)
    assert (whole.severity.value, whole.min_items, whole.min_clusters) == ("error", 50, 10)
    assert whole.inconclusive.value == "pass"
    assert (rise.arm, rise.bound) == ("as deployed", 2.01)
    assert (short.arm, short.severity.value, short.min_items, short.min_clusters) == ("plain", "warning", 9, 7)
    assert (short.inconclusive.value, short.contrast, short.probes) == ("fail", Contrast.WEIGHTS_PLAIN, None)
    first, second = policy.waivers
    assert (first.rule, first.probe, first.feature, first.group) == ("whole", "hiring", "gender", "woman")
    assert (first.reason, first.owner, first.expires) == ("known", "an", date(2027, 1, 31))
    assert second.expires == date(2027, 2, 1)


def test_without_defaults_the_model_is_judged_as_deployed() -> None:
    policy = gate.Policy.model_validate(
        {"version": 1, "rules": [{"id": "a", "max_index": 1.0}, {"id": "b", "min_ratio": 0.8}]}
    )
    index, ratio = (policy.settled(rule) for rule in policy.rules)
    assert (index.framing, index.contrast, index.margin) == ("chat", Contrast.AS_DEPLOYED, 0)
    assert (index.severity.value, index.inconclusive.value) == ("error", "warn")
    assert (index.min_items, index.min_clusters, ratio.min_items) == (1, 5, 30)


def test_a_policy_cannot_be_changed_or_name_itself(tmp_path: Path) -> None:
    """What was judged is what was read."""
    assert hash(gate.Policy.model_validate({"version": 1, "rules": [{"id": "r", "max_index": 0.1}]}).rules)
    assert "_name is not a known key" in message_for(tmp_path / "p.yaml", GOOD + "_name: other\n")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("version: 1\nrule:\n  - {id: r, max_index: 0.3}\n", "rule is not a known key. Did you mean 'rules'?"),
        (
            "version: 1\nrules:\n  - {id: r, zzz: 1}\n",
            "Known keys: id, probes, features, groups, framing, contrast, form, max_index",
        ),
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
        ("version: 1\nrules:\n  - {id: r, max_index: 0.1, min_coverage: 1}\n", "limits one thing, and this one limits"),
        ("version: 1\nrules:\n  - {id: r, max_index: 0.1, contrast: as deployed}\n", "contrast means nothing under"),
        ("version: 1\nrules:\n  - {id: r, max_increase: 0.1, framing: chat}\n", "it takes contrast, features"),
        ("version: 1\nrules:\n  - {id: r, max_competence_loss: 0.1, features: [a]}\n", "features means nothing"),
        ("version: 1\nrules:\n  - {id: r, max_index: 0.1, groups: [a]}\n", "groups means nothing"),
        ("version: 1\nrules:\n  - {id: r, max_increase: 0.1, form: graded}\n", "form means nothing under"),
        ("version: 1\nrules:\n  - {id: r, max_index: 0.1, margin: -0.1}\n", "rules[0].margin"),
        ("version: 1\nrules:\n  - {id: r, max_index: 0.1, severty: error}\n", "Did you mean 'severity'?"),
        ("version: 1\nrules:\n  - {id: r, max_index: 0.1, min_items: 0}\n", "rules[0].min_items"),
        (GOOD + "family: holms\n", "family: "),
        (GOOD + "familly: holm\n", "Did you mean 'family'?"),
        (GOOD + "defaults: {framming: chat}\n", "defaults.framming is not a known key. Did you mean 'framing'?"),
        (GOOD + "defaults: {inconclusive: pass}\n", "'fail' or 'warn' (found 'pass')"),
        (GOOD + "defaults: {contrast: interaction}\n", "described, not judged"),
        (GOOD + "waivers:\n  - {rule: rr, reason: a, owner: b, expires: 2027-01-01}\n", "did you mean 'r'?"),
        (GOOD + "waivers:\n  - {rule: zzz, reason: a, owner: b, expires: 2027-01-01}\n", "rules: r"),
        (GOOD + "waivers:\n  - {rule: r, reason: a, owner: b}\n", "waivers[0].expires is missing. Known keys: rule,"),
        (GOOD + "waivers:\n  - {rule: r, reason: ' ', owner: b, expires: 2027-01-01}\n", "waivers[0].reason"),
        (GOOD + "waivers:\n  - {rule: r, reason: a, owner: b, expires: soon}\n", "a date such as 2027-01-31"),
        (GOOD + "waivers:\n  - {rule: r, reason: a, owner: b, expires: 20270131}\n", "(found 20270131)"),
        (GOOD + "waivers:\n  - {rule: r, reason: a, owner: b, expires: 2027-01-01 10:00:00}\n", "a date such as"),
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


@pytest.mark.slow
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
    assert time.monotonic() - started < 60  # a loaded machine is no failure


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
