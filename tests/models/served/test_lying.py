"""Servers that lie: each is found before the first item or at its first lie, and none yields a number."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

import biasaudit
import biasaudit.report
from biasaudit.errors import BiasauditError, LyingServerError, ModelFilesError, NotOfferedError, ServerError
from biasaudit.models import cache_folder
from biasaudit.models.served import client, scoring
from tests.models.served.conftest import Serve
from tests.models.served.fake import Fake


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(biasaudit.report, "render_html", lambda _: "page")
    monkeypatch.setattr(biasaudit.report, "render_markdown", lambda _: "text")


def audited(fake: Fake, models: Path, probe: str, out: Path | None = None) -> biasaudit.Audit:
    """An audit of two names of one server, in plain framing."""
    return biasaudit.audit(
        fake.reference("base", models / "base"),
        fake.reference(next(reversed(fake.weights)), models / "base"),
        probes=[probe],
        framing_names=("plain",),
        out=out,
    )


def kept() -> int:
    """How many responses lie in the cache under the name by which they are looked up, known strings aside."""
    path = cache_folder() / "responses.sqlite"
    if not path.exists():
        return 0
    with sqlite3.connect(path) as connection:
        (n_rows,) = connection.execute("SELECT count(*) FROM checked_responses WHERE reason IS NULL").fetchone()
    connection.close()
    return int(n_rows)


HANDSHAKES = [
    ("echo", "ignores echo", "gives text alone"),
    ("prompt", "[None]", "gives text alone"),
    *((dialect, "drops the beginning", "beginning token: it drops it") for dialect in ("prompt", "echo", "forced")),
    *((dialect, "clips", "the same log-probability") for dialect in ("prompt", "echo", "generate", "forced")),
    *((dialect, "certain", "every token of every text is certain") for dialect in ("prompt", "generate", "forced")),
    *(
        (dialect, "shifts later", "another token's|shifted by one place|whatever stands before|differ by")
        for dialect in ("prompt", "forced")
    ),
    ("prompt", "shifts earlier", "shifted by one place|differ by"),
    *(
        (dialect, "hidden prompt", r"read \d+ tokens where \d+ were sent: it puts text of its own before")
        for dialect in ("prompt", "echo", "generate", "forced", "top")
    ),
    ("prompt", "other tokens", "it reads another text"),
    ("echo", "other tokens", "it reads another text"),
    *((dialect, "cuts otherwise", "and the tokenizer") for dialect in ("prompt", "forced", "top")),
    *(
        (dialect, "one answer", "different texts with the same|the same log-probability|same number|together")
        for dialect in ("prompt", "forced", "top")
    ),
    ("prompt", "rounds", "rounds its log-probabilities to two decimals"),
    ("forced", "rounds", "rounds its log-probabilities to two decimals"),
    ("prompt", "html", r"what is no JSON: '<html><script>.{0,80}'"),
    ("prompt", "cut json", "what is no JSON"),
    ("prompt", "nan", "NaN, which is no number"),
    ("prompt", "nested", "nested without reason"),
    ("prompt", "busy", "status 429, .*, 3 times"),
    ("prompt", "elsewhere", "status 307, to go elsewhere"),
    ("prompt", "endless", "more than 8,388,608 bytes"),
]


@pytest.mark.parametrize(("dialect", "lie", "said"), HANDSHAKES)
def test_a_server_that_lies_from_the_beginning_is_refused(  # noqa: PLR0917  # fixtures and rows
    models: Path, serve: Serve, probe: str, dialect: str, lie: str, said: str
) -> None:
    """Before the first item: no response is kept, and the message names the server and what it did."""
    fake = serve(dialect=dialect, lie=lie)
    if dialect == "generate":
        fake.weights.pop("tuned")
    with pytest.raises(BiasauditError, match=said) as caught:
        audited(fake, models, probe)
    assert fake.url in str(caught.value)
    assert kept() == 0


@pytest.mark.parametrize("dialect", ["prompt", pytest.param("forced", marks=pytest.mark.slow)])
@pytest.mark.parametrize("lie", ["other weights", "rounds", "clips", "one answer"])
def test_a_server_that_begins_to_lie_is_stopped_and_nothing_of_its_lies_is_kept(  # noqa: PLR0917  # as above
    models: Path, serve: Serve, probe: str, monkeypatch: pytest.MonkeyPatch, dialect: str, lie: str
) -> None:
    """A second run that asks the server once it is honest again has what it has without the first."""
    monkeypatch.setattr(scoring, "BLOCK", 5)
    honest = audited(serve(dialect=dialect), models, probe)
    fake = serve(dialect=dialect, lie=lie, lies_after=10**9)
    asked_in_handshakes = counted(fake, models, probe)
    fake.lies_after = asked_in_handshakes + (12 if dialect == "prompt" else 200)
    with pytest.raises(LyingServerError, match=r"known strings otherwise than before|where .* were sent") as caught:
        audited(fake, models, probe)
    assert "were answered before it was last seen to tell the truth, and kept" in str(caught.value)
    fake.lie = ""
    again = audited(fake, models, probe)
    for one, other in zip(honest.responses["token_logprobs_nats"], again.responses["token_logprobs_nats"], strict=True):
        assert list(one) == pytest.approx(list(other), abs=1e-9)


def counted(fake: Fake, models: Path, probe: str) -> int:
    """How many questions the two handshakes take, which is known from a plan that is not carried out."""
    from biasaudit.api import planned
    from biasaudit.audits.dry_run import dry_run

    references = [fake.reference(name, models / "base") for name in ("base", "tuned")]
    before = fake.n_asked
    dry_run(planned(references[0], references[1], probes=[probe], framing_names=("plain",)))
    found = fake.n_asked - before
    fake.n_asked = 0
    return found


def test_a_server_that_stalls_is_waited_for_once_more_and_no_longer(
    models: Path, serve: Serve, probe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "BOUNDS", client.Bounds(answer_s=0.3, tries=3, longest_wait_s=0.01))
    with pytest.raises(ServerError, match=r"did not answer within 0\.3 s, 2 times"):
        audited(serve(lie="stalls"), models, probe)


def test_a_hidden_prompt_that_comes_later_is_found_at_the_first_answer(models: Path, serve: Serve, probe: str) -> None:
    """Each answer says how many tokens were read."""
    fake = serve(lie="hidden prompt", lies_after=10**9)
    fake.lies_after = counted(fake, models, probe) + 5
    with pytest.raises(LyingServerError, match="it puts text of its own before them"):
        audited(fake, models, probe)


def test_text_alone_and_chats_alone_are_refused_with_what_to_do(models: Path, serve: Serve, probe: str) -> None:
    with pytest.raises(NotOfferedError, match=r"gives text alone, .*\(sampled\)(.|\n)*Serve the model with vLLM"):
        audited(serve(dialect="text"), models, probe)
    with pytest.raises(NotOfferedError, match=r"answers chats alone.*plain framing"):
        audited(serve(dialect="chat"), models, probe)


def test_what_is_shown_of_an_answer_cannot_act(models: Path, serve: Serve, probe: str) -> None:
    """80 characters at most, and no control among them."""
    with pytest.raises(ServerError) as caught:
        audited(serve(lie="html"), models, probe)
    assert "\x1b" not in str(caught.value)
    assert "x" * 80 not in str(caught.value)


def test_a_tokenizer_of_another_model_is_refused(models: Path, serve: Serve, probe: str, tmp_path: Path) -> None:
    """Where the server says how it cuts texts: it is named, before any text is scored."""
    from biasaudit.models import tiny

    other = tiny.train(tmp_path / "words", ["the cat"], words=["the", "cat", "."], seed=1, parent=None)
    fake = serve(dialect="forced")
    with pytest.raises(ModelFilesError, match=r"cuts 'The cat sat on the mat\.' into the tokens"):
        biasaudit.audit(
            fake.reference("base", other), fake.reference("tuned", other), probes=[probe], framing_names=("plain",)
        )
