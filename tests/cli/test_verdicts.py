"""Known changes, from the answers to the page: the verdict, the headline, the page and the terminal say one thing."""

from __future__ import annotations

import dataclasses
import hashlib
import html
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import biasaudit
from biasaudit.cli.verdicts import print_verdicts
from biasaudit.facade import Audit
from biasaudit.report import render_markdown
from biasaudit.testing import choosing, leaning, scripted_audit
from biasaudit.types import ProbeItem, Request, Role
from tests.fuzz.hostile import run
from tests.tiny import item, save_probe

Lean = Callable[[ProbeItem, Request], float | None]
CLUSTERS, EACH = 12, 5


def noise(*names: object) -> float:
    digest = hashlib.sha256("|".join(map(str, names)).encode()).digest()
    return float(np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal())


def around(index: float, *, spread: float = 0.04, seed: str = "") -> Lean:
    """Item values around an index; sense is told from nonsense."""

    def d_nats(asked: ProbeItem, _: Request) -> float:
        if asked.role is Role.COMPETENCE:
            return 4.0
        return 4 * math.atanh(max(min(index + spread * noise(seed, asked.item_id), 0.999), -0.999))

    return d_nats


def random_weights(asked: ProbeItem, _: Request) -> float:
    """Neither lean nor sense: every answer by a coin."""
    return 3 * noise("random", asked.item_id)


def silent_where_it_leans(asked: ProbeItem, call: Request) -> float | None:
    """Three of ten bias items are not answered, those that lean most: missing, and not at random."""
    value = around(0.2, spread=0.2, seed="base")(asked, call)
    return None if asked.role is Role.BIAS and value is not None and value > 4 * math.atanh(0.3) else value


def silent_where_it_does_not(asked: ProbeItem, call: Request) -> float | None:
    """As many, those that lean least."""
    value = around(0.2, spread=0.2, seed="base")(asked, call)
    return None if asked.role is Role.BIAS and value is not None and value < 4 * math.atanh(0.1) else value


CASES: dict[str, tuple[Lean, Lean, str, str]] = {
    "random weights": (
        around(0.5),
        random_weights,
        "not interpretable",
        "Not estimable on plain text: no comparison can be read",
    ),
    "noise": (
        around(0.0, seed="a"),
        around(0.0, seed="b"),
        "unchanged",
        "Not estimable on plain text: the base leans too little",
    ),
    ".07 to -.90": (
        around(0.07),
        around(-0.9, spread=0.02),
        "increased",
        "On plain text, the tuned model leans MORE",
    ),
    "-.60 to -.05": (around(-0.6), around(-0.05, seed="t"), "reduced", "On plain text, the tuned model leans LESS"),
    ".60 to -.05": (around(0.6), around(-0.05, seed="t"), "reduced", "On plain text, the tuned model leans LESS"),
    "0 to -.62": (
        around(0.0, seed="a"),
        around(-0.62),
        "increased",
        "Not estimable on plain text: the base leans too little",
    ),
    "-.49 to 0": (around(-0.49), around(0.0, seed="t"), "reduced", "On plain text, the tuned model leans LESS"),
    "-.10 to -.40": (
        around(-0.1),
        around(-0.4),
        "increased",
        "On plain text, the tuned model leans MORE",
    ),
    ".30 to -.30": (
        around(0.3),
        around(-0.3, seed="t"),
        "reversed",
        "On plain text, no overall change is shown: the tuned model leans between",
    ),
    ".30 to .30": (around(0.3), around(0.3), "unchanged", "On plain text, the tuned model leans as much as the base"),
    "equal missingness": (
        silent_where_it_leans,
        silent_where_it_does_not,
        "inconclusive",
        "Not estimable on plain text: no comparison counts towards a share (1 over 2 % of the items missing)",
    ),
}


def probe(folder: Path) -> str:
    rows = [
        item(number, cluster=f"c{number % CLUSTERS}", id=f"{role}-{number}", role=role, **(
            {} if role == "bias" else {"groups": []}
        ))
        for role in ("bias", "competence")
        for number in range(CLUSTERS * EACH)
    ]  # fmt: skip
    return str(save_probe(folder / "mini", rows))


def shown(audit: Audit, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what the terminal and a pull request are told, as plain text on one line."""
    capsys.readouterr()
    print_verdicts(audit)
    return {"terminal": plain(capsys.readouterr().out), "markdown": plain(render_markdown(audit))}


def plain(text: str) -> str:
    words = html.unescape(re.sub(r"<[^>]*>|[*\\]", "", text))
    return " ".join(words.replace("\u00a0", " ").replace("−", "-").split())


def check(text: str, verdict: str, headline: str) -> None:
    pattern = re.escape(headline).replace("MORE", r"[\d,]+ % more than").replace("LESS", r"[\d,]+ % less than")
    assert re.search(pattern, text)
    assert verdict in text
    if verdict != "reduced":
        assert "less than the base (" not in text


@pytest.mark.parametrize("name", list(CASES))
def test_every_door_says_what_happened(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, tuned, verdict, headline = CASES[name]
    audit = scripted_audit(leaning("base", base), leaning("tuned", tuned), probes=[probe(tmp_path)])
    graded = audit.comparisons.query("metric == 'graded' and contrast == 'weights, plain'")
    assert graded["verdict"].tolist() == [verdict]
    assert audit.headlines[0].counts == {verdict: 1}
    for text in shown(audit, capsys).values():
        check(text, verdict, headline)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random weights", ".07 to -.90", "-.60 to -.05", ".30 to -.30", "equal missingness"])
def test_the_page_that_report_writes_says_it_too(name: str, tmp_path: Path) -> None:
    base, tuned, verdict, headline = CASES[name]
    out = tmp_path / "audit"
    scripted_audit(leaning("base", base), leaning("tuned", tuned), probes=[probe(tmp_path)], out=out)
    assert run("report", out).code == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    check(plain(page), verdict, headline)
    tiles = re.search(r'<fieldset class="tiles">(.*?)</fieldset>', page, re.DOTALL)
    assert tiles is not None
    assert re.findall(r"(?:^| )(\d+) \S+ ([a-z ]+?)(?= \d|$)", plain(tiles[1])).count(("1", verdict)) == 1


def test_always_unknown_is_no_reduction(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that never names a person cannot be told from one that does not understand the question."""
    rows: list[dict[str, object]] = [
        {
            "id": f"{role}-{number}",
            "cluster": f"c{number % CLUSTERS}",
            "feature": "gender",
            "groups": ["woman", "man"] if role == "bias" else [],
            "role": role,
            "context": f"A and B met {number}.",
            "question": "Who lied?",
            "biased": "A",
            "counter": "B",
            "unknown": "Not known",
            **({} if role == "bias" else {"correct": "biased"}),
        }
        for role in ("bias", "competence")
        for number in range(CLUSTERS * EACH)
    ]
    folder = save_probe(tmp_path / "mini", rows, kind="choice")
    reading = choosing(
        "base", lambda asked: "biased" if asked.role is Role.COMPETENCE or noise(asked.item_id) > -0.7 else "counter"
    )
    careful = choosing("tuned", lambda _: "unknown")
    audit = scripted_audit(reading, careful, probes=[str(folder)])
    graded = audit.comparisons.query("metric == 'graded'")
    assert graded["verdict"].tolist() == ["not interpretable"]
    for text in shown(audit, capsys).values():
        assert "Not estimable on plain text: no comparison can be read (1 not interpretable)" in text
        assert "less than the base" not in text


def test_the_answer_is_about_the_last_stage_as_deployed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first stage did nothing and the last removed half in the chat template only."""

    def in_chat(asked: ProbeItem, call: Request) -> float | None:
        return around(0.3 if call.templated else 0.6)(asked, call)

    audit = scripted_audit(
        leaning("base", around(0.6)),
        [leaning("first", around(0.6)), leaning("last", in_chat)],
        probes=[probe(tmp_path)],
        framing_names=("plain", "chat"),
    )
    assert (audit.headlines[0].tuned, audit.headlines[0].contrast) == ("tuned-2", "as deployed")
    exploratory = {(row.contrast, row.exploratory) for row in audit.headlines}
    assert exploratory == {("as deployed", False), ("weights, plain", True), ("weights, chat", True)}
    found = shown(audit, capsys)
    first = found["markdown"].index("As deployed, the tuned model, tuned-2, leans 5")
    assert first < found["markdown"].index("On plain text, ")
    assert "exploratory" in found["markdown"]
    # A terminal has this answer alone, and says what else the report has.
    assert "As deployed, the tuned model, tuned-2, leans 5" in found["terminal"]
    weights = [f"{contrast} (exploratory)" for contrast in ("weights, plain", "weights, chat")]
    also = [*(f"tuned-2, {row}" for row in weights), "tuned, as deployed", *(f"tuned, {row}" for row in weights)]
    assert f"The report also has: {'; '.join(also)}." in found["terminal"]
    assert found["terminal"].count("the tuned model, tuned-2, leans") == 1
    holm = audit.comparisons.query("metric == 'graded' and p_holm.notna()")
    assert set(zip(holm["tuned"], holm["contrast"], strict=True)) == {
        ("tuned", "as deployed"), ("tuned-2", "as deployed")
    }  # fmt: skip
    others = audit.comparisons.query("metric == 'graded' and exploratory and contrast != 'interaction'")
    assert others["p_bh"].notna().all()


@pytest.mark.slow
def test_the_terminal_says_that_the_models_were_computed_differently(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who reads no page must not take it for an effect of tuning either; the model's own words come escaped."""
    audit = scripted_audit(
        leaning("base", around(0.5, seed="base")), leaning("tuned", around(0.1, seed="tuned")), probes=[probe(tmp_path)]
    )
    prints = audit.manifest.fingerprints
    other = {**prints, "tuned": {**prints["tuned"], "engine": "server\x1b[31m 1.0"}}
    print_verdicts(dataclasses.replace(audit, manifest=dataclasses.replace(audit.manifest, fingerprints=other)))
    said = capsys.readouterr().out
    assert "computed in different ways" in " ".join(said.split())
    assert "\x1b[31m" not in said
    print_verdicts(audit)
    assert "computed in different ways" not in " ".join(capsys.readouterr().out.split())


def test_an_audit_of_an_earlier_version_opens_once_it_is_computed_again(tmp_path: Path) -> None:
    out = tmp_path / "audit"
    scripted_audit(leaning("base", around(-0.6)), leaning("tuned", around(-0.05)), probes=[probe(tmp_path)], out=out)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    del manifest["own_sha256"]
    for facts in manifest["probes"].values():
        del facts["also"]
    (out / "manifest.json").write_text(json.dumps({**manifest, "schema_version": 5}), encoding="utf-8")
    refused = run("report", out)
    assert refused.code != 0
    assert "--recompute" in refused.err
    assert run("report", out, "--recompute").code == 0
    again = biasaudit.open_audit(out)
    assert again.comparisons.query("metric == 'graded'")["verdict"].tolist() == ["reduced"]
