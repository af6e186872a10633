"""Whether a cell was held out from the training: by a card made by hand, through whole audits of scripted models."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import biasaudit
from biasaudit.align.trained import trained_words
from biasaudit.facade import Audit
from biasaudit.probes import load_probe
from biasaudit.probes.sample import limited
from biasaudit.testing import leaning
from biasaudit.types import Status
from tests.cards import audited, save_card
from tests.tiny import save_probe

GROUPS = (("the woman", "the man"), ("the aunt", "the uncle"))
WORDS = (("a nurse", "a pilot"), ("a midwife", "an engineer"))
VERBS = ("works", "served", "began", "retired", "trained", "came", "left", "shone", "stayed", "failed")
FRAMES = tuple(f"{{group}} {verb} as {{word}}." for verb in VERBS)


def own_probe(folder: Path, name: str = "own", frames: tuple[str, ...] = FRAMES) -> str:
    """Save an association probe of a user's own: two pairs of groups by two pairs of words in each frame."""
    rows: list[dict[str, object]] = [
        {
            "id": f"{number}-{groups[0]}-{words[0]}",
            "cluster": f"c{number}",
            "feature": "gender",
            "groups": ["woman", "man"],
            "contexts": [frame.split("{word}")[0].format(group=group).rstrip() for group in groups],
            "continuations": [f" {word}." for word in words],
        }
        for number, frame in enumerate(frames)
        for groups in GROUPS
        for words in WORDS
    ]
    return str(save_probe(folder / name, rows, id=name, kind="association"))


def trained(*templates: str, words: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> dict[str, Any]:
    return trained_words(features=["gender"], groups=groups, words=words, templates=templates).as_dict()


def compared(probe: str, *, containment: float = 0.2, words: tuple[str, ...] = ()) -> dict[str, Any]:
    return {probe: {"sha256": load_probe(probe).sha256, "containment": containment, "words": list(words)}}


def audit_of(probe: str, card: Path | None, out: Path | None = None) -> Audit:
    """Audit two models whose leans differ; in memory, where no folder is named."""
    adapters = {} if card is None else {"tuned": card}
    return audited(leaning("base", 2.0), leaning("tuned", 1.0), probes=(probe,), adapters=adapters, out=out)


def only(audit: Audit) -> Mapping[Any, Any]:  # cells of pandas
    [row] = audit.further["exposure"].to_dict("records")
    return row


def state(tmp_path: Path, probe: str, **card: Any) -> tuple[str, str, str]:
    """Return state, words and groups of the one cell, after a whole audit."""
    row = only(audit_of(probe, save_card(tmp_path / "adapter", **card)))
    return row["exposure"], row["words_seen"], row["groups_seen"]


def test_a_template_that_was_trained_is_trained_on_whatever_filled_it(tmp_path: Path) -> None:
    """Its words and groups are others; only the hash of its skeleton stands on the card."""
    given = trained("{group} served as {word}.", words=("a florist",), groups=("the bride",))
    assert state(tmp_path, own_probe(tmp_path), trained=given) == ("trained on", "", "")


def test_words_of_the_attributes_in_other_templates_are_words_seen(tmp_path: Path) -> None:
    """`a` and `as` say nothing; `uncle` names a group, and stands beside."""
    given = trained("Ask {word} what {group} said.", words=("a nurse", "a florist"), groups=("the uncle",))
    assert state(tmp_path, own_probe(tmp_path), trained=given) == ("words seen", "nurse", "uncle")


def test_groups_in_common_are_a_label_and_change_nothing(tmp_path: Path) -> None:
    given = trained("Ask {word} what {group} said.", words=("a florist",), groups=("the uncle", "the woman"))
    assert state(tmp_path, own_probe(tmp_path), trained=given) == ("held out", "", "uncle, woman")


def test_instructions_say_nothing_of_a_probe_that_they_were_not_compared_with(tmp_path: Path) -> None:
    """The card compares our own probes alone: of a user's nothing is known, and 0.00 would be made up."""
    probe = own_probe(tmp_path)
    assert state(tmp_path, probe, overlap=compared("occupations"))[0] == "unknown"
    given = trained(words=("a nurse",))
    assert state(tmp_path / "again", probe, trained=given)[0] == "unknown", "no templates to compare"


def test_contrasts_with_instructions_beside_them_do_not_tell_of_a_probe_of_ones_own(tmp_path: Path) -> None:
    """The list of templates and words is of the contrasts alone; the instructions were compared with shipped probes."""
    given = trained("The {group} is not here.", words=("a welder",))
    probe = own_probe(tmp_path)
    alone, beside = tmp_path / "alone", tmp_path / "beside"
    save_card(alone, trained=given)
    save_card(beside, instructions={"licence": "x", "trained": given, "instructions": "rows.jsonl"})
    states = [audit_of(probe, card).further["exposure"]["exposure"].tolist() for card in (alone, beside)]
    assert [set(one) for one in states] == [{"held out"}, {"unknown"}]


@pytest.mark.parametrize(("containment", "expected"), [(0.2, "held out"), (0.95, "unknown")])
def test_another_version_that_was_trained_on_is_not_held_out(tmp_path: Path, containment: float, expected: str) -> None:
    """Whose template stood in the data stands there in the next version too, as far as anybody knows."""
    given = trained("The {group} is not here.", words=("a welder",))
    other = {"occupations": {"sha256": "0" * 64, "containment": containment, "words": []}}
    assert state(tmp_path, "occupations", overlap=other, trained=given)[0] == expected


@pytest.mark.parametrize(
    ("containment", "words", "expected"),
    [
        (0.5999, (), ("held out", "", "")),
        (0.6, ("nurse",), ("trained on", "nurse", "")),
        (0.2, ("aunt", "nurse", "she", "plumber"), ("words seen", "nurse, plumber", "aunt, she")),
        (0.2, ("aunt", "she"), ("held out", "", "aunt, she")),
    ],
)
def test_instructions_tell_of_a_shipped_probe(
    tmp_path: Path, containment: float, words: tuple[str, ...], expected: tuple[str, str, str]
) -> None:
    """The card has groups and occupations in one list; the probe says which is which."""
    overlap = compared("occupations", containment=containment, words=words)
    assert state(tmp_path, "occupations", overlap=overlap) == expected


def test_a_part_of_a_probe_is_near_what_the_whole_is_near(tmp_path: Path) -> None:
    """A sample has a hash of its own; the card is about the probe that it was drawn from."""
    probe = limited(load_probe("occupations"), 60, seed=1)
    assert probe.sha256 != load_probe("occupations").sha256
    card = save_card(tmp_path / "adapter", overlap=compared("occupations", containment=0.75))
    found = audited(leaning("base", 2.0), leaning("tuned", 1.0), probes=(probe,), adapters={"tuned": card})
    assert only(found)["exposure"] == "trained on"


def test_a_card_about_another_version_of_the_probe_does_not_tell(tmp_path: Path) -> None:
    """Nor does it where it says 0; only trained templates can be compared with any version."""
    other = {"occupations": {"sha256": "0" * 64, "containment": 0.0, "words": ["nurse"]}}
    assert state(tmp_path, "occupations", overlap=other) == ("unknown", "", "")
    given = trained("{group} sells {word}.", words=("a plumber",))
    assert state(tmp_path / "again", "occupations", overlap=other, trained=given) == ("words seen", "plumber", "")
    much = {"occupations": {**other["occupations"], "containment": 1.0}}
    found = audit_of("occupations", save_card(tmp_path / "much", overlap=much))
    assert only(found)["unknown_because"] == (
        "its training card is about another version of the probe, of which its data had a template (1.00)"
    )


def test_without_a_card_nothing_is_held_out(tmp_path: Path) -> None:
    row = only(audit_of(own_probe(tmp_path), None))
    assert (row["exposure"], row["unknown_because"]) == ("unknown", "there is no training card")


def test_a_card_without_facts_about_probes_tells_nothing(tmp_path: Path) -> None:
    """Such as that of the demo's adapter, from before data were compared."""
    assert state(tmp_path, "occupations") == ("unknown", "", "")


def test_each_checkpoint_has_its_own_card_and_headlines_leave_out_what_it_trained(tmp_path: Path) -> None:
    """By hand: two probes of one lean each; `first` halves d in one that it trained, and leaves the other as it was.

    The share over both would be half of 1 - tanh(.25) / tanh(.5) = .47; over what was held out it is 0.
    """
    near = own_probe(tmp_path, "near")
    far = own_probe(tmp_path, "far", tuple(f"{{group}} was late and {verb} {{word}}." for verb in "abcdefghij"))
    cards = {
        "tuned": save_card(tmp_path / "first", trained=trained(FRAMES[0])),
        "tuned-2": save_card(tmp_path / "second", trained=trained("{group} was late and b {word}.")),
    }

    def halved(probe: str) -> Any:
        # A little noise, or clusters that do not differ at all would have no interval.
        return lambda item, request: (1.0 if request.probe_id == probe else 2.0) + 0.05 * (len(item.item_id) % 3)

    base = leaning("base", lambda item, _: 2.0 + 0.05 * (len(item.item_id) % 3))
    models = (leaning("first", halved("near")), leaning("second", halved("near")))
    found = audited(base, models, probes=(near, far), adapters=cards)
    table = found.further["exposure"].set_index(["tuned", "probe"])["exposure"]
    assert table.to_dict() == {
        ("tuned", "far"): "held out",
        ("tuned", "near"): "trained on",
        ("tuned-2", "far"): "trained on",
        ("tuned-2", "near"): "held out",
    }
    shares = {one.tuned: one for one in found.headlines}
    assert {name: one.left_out for name, one in shares.items()} == {name: {"trained on": 1} for name in shares}
    assert {name: one.n_cells for name, one in shares.items()} == dict.fromkeys(shares, 2)
    first, second = (shares[name].relative_reduction for name in ("tuned", "tuned-2"))
    assert first.value == pytest.approx(0.0, abs=1e-9)
    assert second.value == pytest.approx(1 - math.tanh(0.25) / math.tanh(0.5), abs=0.02)
    verdicts = found.comparisons.query("metric == 'graded' and declared and contrast == 'weights, plain'")
    assert set(verdicts["verdict"]) == {"reduced", "unchanged"}, "those that were trained keep theirs"


def test_where_all_was_trained_there_is_no_share_and_it_says_why(tmp_path: Path) -> None:
    card = save_card(tmp_path / "adapter", trained=trained(FRAMES[0]))
    [headline] = audit_of(own_probe(tmp_path), card).headlines
    assert headline.relative_reduction.status is Status.NOT_ESTIMABLE
    assert headline.relative_reduction.method == "no cell can be counted (1 trained on)"


@pytest.mark.slow
def test_it_is_computed_again_without_adapter_and_card(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    card = save_card(tmp_path / "adapter", trained=trained(FRAMES[1], words=("a nurse",)))
    before = only(audit_of(own_probe(tmp_path), card, folder))
    for path in card.iterdir():
        path.unlink()
    table = (folder / "exposure.parquet").read_bytes()
    (folder / "exposure.parquet").unlink()
    again = biasaudit.recompute(folder)
    assert str(only(again)) == str(before)
    assert (folder / "exposure.parquet").read_bytes() == table
    assert only(biasaudit.open_audit(folder))["exposure"] == "trained on"


def test_it_is_among_the_csv_files_and_described(tmp_path: Path) -> None:
    card = save_card(tmp_path / "adapter", trained=trained("Ask {word} what {group} said.", words=("a nurse",)))
    found = audit_of(own_probe(tmp_path), card)
    found.to_csv(tmp_path / "csv")
    [row] = pd.read_csv(tmp_path / "csv" / "exposure.csv", keep_default_na=False).to_dict("records")
    assert (row["exposure"], row["words_seen"]) == ("words seen", "nurse")
    described = found.describe("exposure").set_index("column")["meaning"]
    assert "`held out`, `words seen`, `trained on` or `unknown`" in described["exposure"]


@pytest.mark.slow
def test_an_audit_from_before_cards_were_read_says_so_when_it_is_computed_again(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    audit_of(own_probe(tmp_path), None, folder)
    path = folder / "manifest.json"
    manifest = {k: v for k, v in json.loads(path.read_text("utf-8")).items() if k not in {"exposure", "own_sha256"}}
    path.write_text(json.dumps(manifest), encoding="utf-8")
    row = only(biasaudit.recompute(folder))
    assert (row["exposure"], row["unknown_because"]) == (
        "unknown",
        "training cards were not read when this audit was made",
    )
