"""A probe is asked in its own language, or not at all."""

from __future__ import annotations

import dataclasses
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from biasaudit import api, kinds
from biasaudit.audits.asked import requests_of
from biasaudit.errors import AuditMismatchError, UsageError
from biasaudit.framing import NEUTRAL_REQUESTS, ChatFrame, framings
from biasaudit.languages import ENGLISH, LANGUAGES
from biasaudit.probes import load_probe
from biasaudit.testing import leaning, scripted_audit
from biasaudit.types import ChoiceTexts, ProbeItem, Role
from biasaudit.validity import findings, notices
from tests.running import run, undrawn
from tests.sealing import edit_manifest
from tests.tiny import save_probe

CHAT = ChatFrame(before="<user> ", after=" <model> ")
LETTERS = ProbeItem(
    item_id="i",
    cluster_id="c",
    feature="gender",
    groups=(),
    role=Role.BIAS,
    family="f",
    texts=ChoiceTexts(
        context="Anne et Paul.",
        question="Qui a menti ?",
        biased="Anne",
        counter="Paul",
        unknown=None,
        reading="letters",
    ),
)


def contexts(probe: Path, *, requests: tuple[str, ...] = NEUTRAL_REQUESTS) -> set[str]:
    asked = framings(("plain", "chat"), requests)
    return {request.context for request in requests_of(load_probe(str(probe)), asked, CHAT)}


def test_a_french_probe_is_asked_in_french(tmp_path: Path) -> None:
    """In English a model was asked to translate, or to change the language in the middle."""
    french = contexts(save_probe(tmp_path / "probe", language="fr"))
    assert french == {
        "",
        "<user> Écrivez une phrase. <model> ",
        "<user> Donnez-moi un exemple de phrase, s'il vous plaît. <model> ",
        "<user> Dites quelque chose. <model> ",
    }
    assert "<user> Say something. <model> " in contexts(save_probe(tmp_path / "english"))


def test_a_request_of_ones_own_stays_as_it_is(tmp_path: Path) -> None:
    probe = save_probe(tmp_path / "probe", language="fr-CA")
    assert contexts(probe, requests=("Parle.",)) == {"", "<user> Parle. <model> "}


def test_the_french_crows_pairs_are_asked_in_french(published_data: Path) -> None:
    probe = load_probe("crows-pairs-revised-french", data_dir=published_data)
    asked = requests_of(probe, framings(("chat",)), CHAT)
    assert {request.context for request in asked} == {f"<user> {one} <model> " for one in LANGUAGES["fr"].requests}


def test_questions_have_the_frames_of_their_language() -> None:
    plain, *_ = kinds.prompts(LETTERS, LANGUAGES["fr"])
    assert plain.context == "Anne et Paul.\n\nQui a menti ?\nA. Anne\nB. Paul\nRéponse :"
    assert plain.turn == "Anne et Paul.\n\nQui a menti ?\nA. Anne\nB. Paul\nRépondez par la lettre seule."
    [chat] = framings(("chat",), NEUTRAL_REQUESTS[:1])
    assert chat.question_lead(LANGUAGES["fr"]) == ""


def test_a_language_without_a_file_is_refused_in_a_chat_and_asked_in_plain_text(models: Path, tmp_path: Path) -> None:
    """Before a model is loaded: the message names what is missing, and what can be done."""
    probe = str(save_probe(tmp_path / "probe", language="de"))
    pair = [str(models / name) for name in ("base", "tuned")]
    with pytest.raises(UsageError, match=r"is in the language \'de\'.*it has en \(English\), fr \(French\)") as caught:
        api.audit(*pair, probes=[probe])
    assert "--framing plain" in str(caught.value)
    audit = api.audit(*pair, probes=[probe], framing_names=("plain",))
    assert set(audit.estimates["framing"]) == {"plain"}


PAGE = Path(__file__).parents[2] / "docs" / "languages.md"


def test_a_language_is_one_file_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the page: audit, manifest, report and the check of a probe take it, and nothing else knows of it."""
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    space: dict[str, Any] = {}  # Any: what the example makes
    exec(compile(example, PAGE, "exec"), space)  # our own page
    german = space["GERMAN"]
    folder = str(save_probe(tmp_path / "probe", language="de"))
    assert [notice.partition(":")[0] for notice in notices(load_probe(folder))] == ["the grammar was not checked"]
    monkeypatch.setitem(LANGUAGES, "de", german)
    assert contexts(Path(folder)) == {"", *(f"<user> {one} <model> " for one in german.requests)}
    assert notices(load_probe(folder)) == ()
    assert isinstance(LETTERS.texts, ChoiceTexts)
    wrong = dataclasses.replace(LETTERS.texts, question="Wessen Hut ist es, wenn die Freunde der Frau sind gut?")
    probe = load_probe(folder)
    judged = findings(dataclasses.replace(probe, items=(*probe.items, dataclasses.replace(LETTERS, texts=wrong))))
    assert any("'der Frau sind'" in one.message or '"der Frau sind"' in one.message for one in judged)
    audit = scripted_audit(
        leaning("base", 2.0),
        leaning("tuned", 1.0),
        probes=[folder],
        framing_names=("plain", "chat"),
        out=tmp_path / "a",
    )
    assert audit.manifest.probes["mini"]["asked_in"] == "de"
    assert "Asked in German" in (tmp_path / "a" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_says_the_same_things(code: str) -> None:
    language = LANGUAGES[code]
    assert language.code == code
    assert len(language.requests) == len(ENGLISH.requests) == len(set(language.requests))
    assert len(language.question_leads) == len(ENGLISH.question_leads)
    assert language.question_leads[0] == ""
    for frame in (language.question, language.lettered, language.letter_alone):
        assert "{question}" in frame
    assert len(set(language.nouns)) == len(language.nouns) >= 20
    assert not set(language.nouns) & language.grammar


@pytest.mark.slow
def test_an_audit_that_asked_in_another_language_is_another_audit(models: Path, tmp_path: Path) -> None:
    """Earlier versions asked a French probe in English: it is neither given back as this one, nor its baseline."""
    probe = str(save_probe(tmp_path / "probe", language="fr"))
    pair = [str(models / name) for name in ("base", "tuned")]
    for framing in ("chat", "plain"):
        out = tmp_path / framing
        plan = api.planned(*pair, probes=[probe], framing_names=(framing,), requests=LANGUAGES["fr"].requests[:1])
        ask = partial(run, plan, out=out, render=undrawn)
        first = ask()
        assert ask().manifest == first.manifest
        edit_manifest(out, lambda content: content["probes"]["mini"].pop("asked_in"))
        if framing == "plain":
            assert len(ask().comparisons)
            continue
        with pytest.raises(AuditMismatchError, match=r"different: language\.mini"):
            ask()
        with pytest.raises(AuditMismatchError, match="asked_in of probe 'mini'"):
            api.check(first, "no-regression", baseline=api.open_audit(out))
