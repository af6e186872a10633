"""A way to reach models is one file and one line: the example of docs/models.md answers whole audits."""

from __future__ import annotations

import dataclasses
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import biasaudit
import biasaudit.report
from biasaudit import kinds
from biasaudit.cli.main import main
from biasaudit.errors import (
    AuditFolderError,
    AuditMismatchError,
    BackendError,
    ChatTemplateError,
    ImplausibleModelError,
    ModelReferenceError,
    SeveralErrors,
    UsageError,
)
from biasaudit.models import BACKENDS, Backend, Found, Way, way_of
from biasaudit.models.backend import Settings
from biasaudit.testing import ScriptedModel, leaning, scripted_audit
from biasaudit.types import Ability, Failed, ModelFingerprint, Request, Response
from tests.tiny import item, save_probe

PAGE = Path(__file__).resolve().parents[3] / "docs" / "models.md"
EXAMPLE = re.search(
    r"<!-- backend-example -->\n```python\n(.*?)```\n<!-- /backend-example -->",
    PAGE.read_text(encoding="utf-8"),
    re.DOTALL,
)


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> Way:
    """The example of the page, beside the ways of the package."""
    assert EXAMPLE is not None
    names: dict[str, Any] = {}
    exec(EXAMPLE[1], names)  # the page's own code
    way: Way = names["LETTERS"]
    monkeypatch.setitem(BACKENDS, "letters", way)
    return way


@pytest.fixture
def probe(tmp_path: Path) -> str:
    """18 pairs whose first text is one letter longer, and 6 of competence."""
    return str(save_probe(tmp_path / "mini", [item(n) for n in range(18)] + [sense(n) for n in range(6)]))


def sense(number: int) -> dict[str, object]:
    return item(100 + number, role="competence", groups=[], first="the cat is good", second="the good cat is is")


def changed(way: Way, **fields: Any) -> Way:  # Any: fields of Prepared, of several types
    """Return the way with other facts about its checkpoints; `differing` is one of them."""
    differing = fields.pop("differing", None)

    def locate(*arguments: Any) -> Found:  # Any: handed on
        prepared = dataclasses.replace(way.locate(*arguments).prepared(), **fields)
        return Found(prepared=lambda: prepared, differing=differing)

    return dataclasses.replace(way, locate=locate)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports of a word: to draw one takes longer than everything else."""
    monkeypatch.setattr(biasaudit.report, "render_html", lambda _: "page")
    monkeypatch.setattr(biasaudit.report, "render_markdown", lambda _: "text")


def not_opened(*_: object) -> Any:  # Any: it never returns
    pytest.fail("a checkpoint was opened")


@pytest.mark.usefixtures("letters", "undrawn")
def test_a_new_way_answers_a_whole_audit(probe: str, tmp_path: Path) -> None:
    """d = ln(1/26) before and ln(1/20) after: "she" has one letter more than "he". Check works on it."""
    out = tmp_path / "out"
    found = biasaudit.audit("letters:26", "letters:20", probes=[probe], out=out)
    bias = found.scores[found.scores["role"] == "bias"].groupby("checkpoint")["d_nats"]
    assert bias.min().to_dict() == pytest.approx({"base": -math.log(26), "tuned": -math.log(20)})
    assert bias.max().to_dict() == pytest.approx({"base": -math.log(26), "tuned": -math.log(20)})
    row = found.comparisons.query("metric == 'graded' and contrast == 'weights, plain'").iloc[0]
    assert row["reduction"] == pytest.approx(math.tanh(-math.log(26) / 4) - math.tanh(-math.log(20) / 4))
    assert found.manifest.lineage == {"tuned": "letters: nothing was tuned"}
    assert found.manifest.run["chat_frame"]["before"] == "User: "
    assert "torch" not in found.manifest.versions
    read = biasaudit.open_audit(out)
    assert read.comparisons.equals(found.comparisons)
    assert {one.outcome.value for one in biasaudit.check(read, "no-regression").results}


@pytest.mark.slow
@pytest.mark.usefixtures("letters")
def test_a_report_is_drawn_of_whoever_answers(probe: str, tmp_path: Path) -> None:
    """Facts of weights that it lacks are said to be absent, and are no zeros."""
    biasaudit.audit("letters:26", "letters:20", probes=[probe], framing_names=("plain",), out=tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "letters:20" in page
    assert "Letters, size not recorded" in page
    assert "0 parameters" not in page


@pytest.mark.usefixtures("letters")
def test_what_a_way_lacks_is_not_made_up(probe: str, tmp_path: Path) -> None:
    """No token ends: no token ids. No sentences asked: nothing said of them. No cache: none is made."""
    found = biasaudit.audit("letters:26", "letters:20", probes=[probe], framing_names=("plain",))
    assert found.responses["token_ids"].isna().all()
    assert found.responses["token_ends"].isna().all()
    assert found.manifest.sanity == {}
    assert not list(Path(os.environ["BIASAUDIT_CACHE"]).glob("*.sqlite"))


@pytest.fixture
def run_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """The command line in this process, where the new way is known."""

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["biasaudit", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capsys.readouterr()
        return code, " ".join((told.out + told.err).split())

    return run


@pytest.mark.usefixtures("letters", "undrawn")
def test_the_command_line_reaches_it(run_command: Callable[..., tuple[int, str]], probe: str, tmp_path: Path) -> None:
    """24 pairs in plain text and three wordings; what has no files here has no time to forecast, and no facts."""
    asked = ("audit", "letters:26", "letters:20", "-p", probe, "-o", tmp_path / "out")
    code, said = run_command(*asked, "--dry-run")
    assert (code, "each checkpoint: 192 requests, whose time is not known beforehand" in said) == (0, True), said
    assert not (tmp_path / "out").exists()
    code, said = run_command(*asked)
    assert (code, "report.html" in said) == (0, True), said
    code, said = run_command("check", tmp_path / "out", "--policy", "no-regression")
    assert code in {0, 1, 3}, said
    code, said = run_command("model", "letters:26")
    assert (code, "'letters:26' is reached by letters" in said) == (2, True), said


def test_a_way_without_likelihood_is_refused_before_anything_is_looked_for(
    letters: Way, probe: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every probe is named, with what it needs, and what there is; no checkpoint is located."""
    writer = dataclasses.replace(letters, can=frozenset({Ability.GENERATION}), locate=not_opened)
    monkeypatch.setitem(BACKENDS, "letters", writer)
    with pytest.raises(UsageError) as refused:
        biasaudit.audit("letters:26", "letters:20", probes=[probe, "occupations"], out=tmp_path / "out")
    for said in ("reached by letters", "'mini' needs likelihood", "'occupations' needs likelihood", "do: generation"):
        assert said in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_every_kind_says_what_it_needs() -> None:
    assert {kind.name for kind in kinds.KINDS.values() if kind.needs is not Ability.LIKELIHOOD} == {"completion"}


@pytest.mark.usefixtures("letters")
def test_checkpoints_of_one_audit_are_reached_in_one_way(probe: str) -> None:
    """Another way of scoring would look like an effect of tuning."""
    with pytest.raises(UsageError, match=r"several ways: base \(letters:26\) by letters, tuned \(.*\) by local"):
        biasaudit.audit("letters:26", probe, probes=[probe])


def test_a_way_without_a_chat_template_says_so(letters: Way, probe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both framings are the default; it was an error of Python's."""
    monkeypatch.setitem(BACKENDS, "letters", changed(letters, chat=None, opened=not_opened))
    with pytest.raises(ChatTemplateError, match=r"as letters:26 is have no chat template\.\n.*--framing plain"):
        biasaudit.audit("letters:26", "letters:20", probes=[probe])


@pytest.mark.usefixtures("letters")
def test_what_exists_on_this_machine_is_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert way_of("letters:26") is BACKENDS["letters"]
    (tmp_path / "letters:26").mkdir()
    assert way_of("letters:26") is BACKENDS["local"]
    assert way_of("org/model") is BACKENDS["local"]


@pytest.mark.usefixtures("plausible_only")
def test_sentences_are_asked_of_whoever_answers(letters: Way, probe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shuffled words have the letters that they had: to such a model they are as likely, which is refused."""
    monkeypatch.setitem(BACKENDS, "letters", changed(letters, sentences=True))
    with pytest.raises(SeveralErrors) as refused:
        biasaudit.audit("letters:26", "letters:20", probes=[probe])
    assert {type(error) for error in refused.value.errors} == {ImplausibleModelError}


@pytest.mark.usefixtures("undrawn")
def test_a_finished_audit_is_given_back_where_the_way_knows_its_models(
    letters: Way, probe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known: nothing is opened. Others: refused. A way that cannot tell makes the audit anew."""
    out = tmp_path / "out"

    def asked(way: Way) -> biasaudit.Audit:
        monkeypatch.setitem(BACKENDS, "letters", way)
        return biasaudit.audit("letters:26", "letters:20", probes=[probe], framing_names=("plain",), out=out)

    first = asked(letters)
    again = asked(changed(letters, opened=not_opened, differing=lambda _: set()))
    assert again.manifest.to_json() == first.manifest.to_json()
    with pytest.raises(AuditMismatchError, match=r"different: weights\.base"):
        asked(changed(letters, opened=not_opened, differing=lambda _: {"weights.base"}))
    anew = asked(changed(letters, told=("made anew",)))
    assert anew.manifest.told == ("made anew",)


def test_a_way_that_is_wrong_about_its_answers_is_noticed(
    letters: Way, probe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer answers than questions would shift every later one to another item."""

    class Short(Backend):
        @property
        def fingerprint(self) -> ModelFingerprint:
            return ModelFingerprint(
                reference="short",
                weights="none",
                dtype="exact",
                device="none",
                tokenizer_sha256="none",
                architecture="S",
            )

        @property
        def can(self) -> frozenset[Ability]:
            return letters.can

        def respond(self, requests: Sequence[Request], *, on_progress: object = None) -> Iterator[Response]:
            return iter([Failed(key=request.key, reason="none") for request in requests[1:]])

    monkeypatch.setitem(BACKENDS, "letters", changed(letters, opened=lambda _: nullcontext(lambda _: Short())))
    with pytest.raises(BackendError, match=r"gave 47 answers to 48 requests"):
        biasaudit.audit("letters:26", "letters:20", probes=[probe], framing_names=("plain",))


def test_a_scripted_audit_is_checked_before_it_is_asked(probe: str, tmp_path: Path) -> None:
    """It goes through the runner of every audit: what would be said after all answers is said before the first."""

    def asked(*_: object) -> float:
        pytest.fail("a model was asked")

    (tmp_path / "file").write_text("")
    model = ScriptedModel(name="silent", answer=asked)
    with pytest.raises(AuditFolderError, match="is a file"):
        scripted_audit(model, model, probes=[probe], out=tmp_path / "file")


@pytest.mark.usefixtures("undrawn")
def test_another_function_in_a_finished_folder_is_asked(probe: str, tmp_path: Path) -> None:
    """Of one name, and yet another: a function has no hash by which the audit could be known again."""
    out = tmp_path / "out"
    scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=[probe], out=out)
    scripted_audit(leaning("base", 2.0), leaning("tuned", 2.0), probes=[probe], out=out)
    row = biasaudit.open_audit(out).comparisons.query("metric == 'graded'").iloc[0]
    assert (row["reduction"], row["verdict"]) == (0.0, "unchanged")


def test_equal_texts_of_two_items_may_be_answered_otherwise(tmp_path: Path) -> None:
    """A script answers items; answers that went by the text's key would all be those of the last."""
    twins = [item(n, first="she is a nurse", second="he is a nurse") for n in range(6)]
    probe = str(save_probe(tmp_path / "twins", twins))
    model = leaning("twins", lambda one, _: float(one.item_id.removeprefix("i")))
    found = scripted_audit(model, model, probes=[probe]).scores.query("checkpoint == 'base'")
    assert found.set_index("item_id")["d_nats"].to_dict() == pytest.approx({f"i{n}": float(n) for n in range(6)})


def test_a_reference_does_not_lead_to_a_function(probe: str) -> None:
    """On a command line there are no functions; a model of that name is not looked for on the hub."""
    with pytest.raises(ModelReferenceError, match=r"base is 'scripted:a'.*\n.*biasaudit\.testing\.scripted_audit"):
        biasaudit.audit("scripted:a", "scripted:b", probes=[probe])


@pytest.mark.parametrize(
    "spoilt", [lambda found: found[::-1], lambda found: found[:-1], lambda found: [*found, found[-1]]]
)
@pytest.mark.usefixtures("undrawn")
def test_answers_that_are_not_those_to_the_requests_are_an_error(
    letters: Way, probe: str, monkeypatch: pytest.MonkeyPatch, spoilt: Callable[[list[Response]], list[Response]]
) -> None:
    """In another order, one less or one more: every item would have the value of another."""
    opened = letters.locate({"base": "letters:26", "tuned": "letters:20"}, Settings(), lambda _: None).prepared().opened

    def opening(say: Callable[[str], None]) -> Any:  # Any: a context of a function
        with opened(say) as open_one:
            return nullcontext(lambda name: Spoilt(open_one(name), spoilt))

    monkeypatch.setitem(BACKENDS, "letters", changed(letters, opened=opening, sentences=False))
    with pytest.raises(BackendError, match=r"base gave \d+ answers to \d+ requests, or in another order"):
        biasaudit.audit("letters:26", "letters:20", probes=[probe], framing_names=("plain",))


class Spoilt(Backend):
    def __init__(self, inner: Backend, spoilt: Callable[[list[Response]], list[Response]]) -> None:
        self._inner, self._spoilt = inner, spoilt

    @property
    def fingerprint(self) -> ModelFingerprint:
        return self._inner.fingerprint

    @property
    def can(self) -> frozenset[Ability]:
        return self._inner.can

    def respond(self, requests: Sequence[Request], *, on_progress: object = None) -> Iterator[Response]:
        del on_progress
        yield from self._spoilt(list(self._inner.respond(requests)))


@pytest.mark.usefixtures("letters", "undrawn")
def test_a_finished_audit_of_another_plan_is_not_written_over(probe: str, tmp_path: Path) -> None:
    """Also where a way cannot know its models: the responses there may have taken hours."""
    out = tmp_path / "out"
    biasaudit.audit("letters:26", "letters:20", probes=[probe], framing_names=("plain",), out=out)
    before = (out / "responses.parquet").read_bytes()
    with pytest.raises(AuditMismatchError, match=r"different: plan\.tuned"):
        biasaudit.audit("letters:26", "letters:18", probes=[probe], framing_names=("plain",), out=out)
    assert (out / "responses.parquet").read_bytes() == before
