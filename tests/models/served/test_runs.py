"""Runs against servers: what dies, what goes on, what is only a bound, and where the key goes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import biasaudit
import biasaudit.report
from biasaudit.api import planned
from biasaudit.audits.dry_run import dry_run
from biasaudit.audits.plan import Plan
from biasaudit.cli.main import main
from biasaudit.errors import LineageError, LyingServerError, ModelReferenceError, ServerError, UsageError
from biasaudit.models import cache_folder
from biasaudit.models.served import client, scoring
from biasaudit.types import Reading
from tests.models.served.conftest import Serve
from tests.models.served.fake import Fake, Scripted
from tests.tiny import save_probe


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(biasaudit.report, "render_html", lambda _: "page")
    monkeypatch.setattr(biasaudit.report, "render_markdown", lambda _: "text")


def audited(fake: Fake, models: Path, probe: str, **settings: Any) -> biasaudit.Audit:  # those of a plan
    names = [fake.reference(name, models / "base") for name in ("base", "tuned")]
    return biasaudit.audit(names[0], names[1], probes=[probe], framing_names=("plain",), **settings)


def test_a_server_that_dies_loses_nothing_and_a_second_run_goes_on(
    models: Path, serve: Serve, probe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message says how many are answered; what was answered is not asked again, a few of them aside."""
    monkeypatch.setattr(scoring, "BLOCK", 1000)
    whole = serve()
    expected = audited(whole, models, probe)
    fake = serve()
    fake.dies_after = whole.n_asked - 8
    with pytest.raises(
        ServerError, match=r"\d+ of \d+ requests are answered, and kept(.|\n)*The same command goes on"
    ) as caught:
        audited(fake, models, probe)
    assert fake.url in str(caught.value)
    died_at, fake.dies_after = fake.dies_after, None
    fake.n_asked = 0
    again = audited(fake, models, probe)
    assert fake.n_asked < died_at
    for one, other in zip(
        expected.responses["token_logprobs_nats"], again.responses["token_logprobs_nats"], strict=True
    ):
        assert list(one) == pytest.approx(list(other), abs=1e-9)


def test_a_finished_run_is_asked_again_for_known_strings_alone(models: Path, serve: Serve, probe: str) -> None:
    """The handshake costs the same each time; every answer to an item comes from what is kept."""
    fake = serve()
    audited(fake, models, probe)
    first, fake.n_asked = fake.n_asked, 0
    audited(fake, models, probe)
    n_again, fake.n_asked = fake.n_asked, 0
    dry_run(
        planned(
            fake.reference("base", models / "base"),
            fake.reference("tuned", models / "base"),
            probes=[probe],
            framing_names=("plain",),
        )
    )
    assert n_again == fake.n_asked < first


def test_what_a_run_that_broke_off_left_is_not_believed_where_the_model_is_another(
    models: Path, serve: Serve, probe: str
) -> None:
    """Under the same name at the same address: known strings differ from those that were kept."""
    fake = serve()
    audited(fake, models, probe)
    fake.weights["base"] = Scripted(models / "base", 99)
    with pytest.raises(LyingServerError, match="there is another model now"):
        audited(fake, models, probe)


def test_a_text_that_the_server_refuses_has_failed_with_its_words(models: Path, serve: Serve, probe: str) -> None:
    """The others are scored: "she" makes a text one token longer than the server takes."""
    fake = serve()
    fake.longest = 16
    rows = audited(fake, models, probe).responses.query("item_id == 'i0' and checkpoint == 'base'")
    assert dict(zip(rows["part"], rows["status"] == "ok", strict=True)) == {"first": False, "second": True}
    (reason,) = rows["reason"].dropna()
    assert 'answered with status 400, \'{"error": "the text is too long' in reason
    assert "\x1b" not in reason


def test_a_server_that_is_busy_now_and_then_is_asked_again(models: Path, serve: Serve, probe: str) -> None:
    fake = serve()
    fake.fail_next = 2
    found = audited(fake, models, probe)
    assert fake.n_failed == 2
    assert set(found.responses["status"]) == {"ok"}


def test_of_what_lies_outside_the_most_likely_only_a_bound_is_known(models: Path, serve: Serve, tmp_path: Path) -> None:
    """One letter after a text: inside the five most likely it is the model's number, outside it is a failure."""
    one_letter: list[dict[str, object]] = [
        {
            "id": f"i{n}",
            "cluster": f"c{n}",
            "feature": "gender",
            "groups": ["woman", "man"],
            "first": first,
            "second": "the cat",
        }
        for n, first in enumerate("abcdefgh")
    ]
    fake = serve(dialect="top")
    found = audited(fake, models, str(save_probe(tmp_path / "letters", one_letter)))
    rows = found.responses.query("checkpoint == 'base'")
    scripted = fake.weights["base"]
    for row in rows.to_dict("records"):
        if row["status"] == "ok":
            assert row["token_logprobs_nats"][0] == pytest.approx(float(scripted.after([0])[0, row["token_ids"][0]]))
    reasons = " ".join(map(str, rows["reason"].dropna()))
    assert re.search(r"the next token alone, and 7 are asked for", reasons)
    assert re.search(r"not among the 5 most likely tokens, .* at most -\d+\.\d\d nats", reasons)
    assert {one["reading"] for one in found.manifest.fingerprints.values()} == {Reading.TOP_K}
    assert set(found.comparisons["status"]) == {"not measured"}


def test_levels_are_never_mixed(models: Path, serve: Serve, probe: str) -> None:
    one, other = serve(dialect="prompt"), serve(dialect="forced")
    with pytest.raises(UsageError, match="base as exact-prompt, tuned as exact-forced"):
        biasaudit.audit(
            one.reference("base", models / "base"),
            other.reference("tuned", models / "base"),
            probes=[probe],
            framing_names=("plain",),
        )


def test_the_key_is_sent_and_stands_nowhere(
    models: Path, serve: Serve, probe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the audit nor in the cache nor in an error, also where the server says it back."""
    key = "sk-very-secret-0123456789"
    monkeypatch.setenv(client.KEY_VARIABLE, key)
    fake = serve()
    audited(fake, models, probe, out=tmp_path / "out")
    assert fake.keys == {f"Bearer {key}"}
    for path in (*(tmp_path / "out").rglob("*"), *cache_folder().rglob("*")):
        assert not path.is_file() or key.encode() not in path.read_bytes()
    with pytest.raises(ServerError) as caught:
        audited(serve(lie="tells the key"), models, probe)
    assert key not in str(caught.value) + repr(caught.value)
    assert key not in repr(client.Client(fake.url))
    assert client.KEY_VARIABLE in str(caught.value)
    monkeypatch.setenv(client.KEY_VARIABLE, "two words")
    with pytest.raises(UsageError, match="holds what is no key") as refused:
        audited(fake, models, probe)
    assert "two words" not in str(refused.value)


def test_a_model_that_the_server_does_not_have_is_named_with_those_that_it_has(
    models: Path, serve: Serve, probe: str
) -> None:
    fake = serve()
    with pytest.raises(ModelReferenceError, match=r"has no model 'other'; there is base, tuned"):
        biasaudit.audit(
            fake.reference("base", models / "base"),
            fake.reference("other", models / "base"),
            probes=[probe],
            framing_names=("plain",),
        )


def test_a_model_without_a_tokenizer_or_with_one_of_another_vocabulary_is_refused(
    models: Path, serve: Serve, probe: str, tmp_path: Path
) -> None:
    from biasaudit.models import tiny

    fake = serve()
    with pytest.raises(ModelReferenceError, match=r"names no tokenizer(.|\n)*\+tokenizer=FOLDER"):
        biasaudit.audit(f"{fake.url}#base", fake.reference("tuned", models / "base"), probes=[probe])
    words = tiny.train(tmp_path / "words", ["the cat"], words=["the", "cat"], seed=1, parent=None)
    with pytest.raises(LineageError, match="tuned has another vocabulary than the base"):
        biasaudit.audit(fake.reference("base", models / "base"), fake.reference("tuned", words), probes=[probe])


@pytest.fixture
def run_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """The command line in this process."""

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


def test_the_command_audits_what_is_served(
    models: Path, serve: Serve, probe: str, tmp_path: Path, run_command: Callable[..., tuple[int, str]]
) -> None:
    fake = serve()
    names = [fake.reference(name, models / "base") for name in ("base", "tuned")]
    code, said = run_command(
        "audit", *names, "--probe", probe, "--framing", "plain", "--concurrency", 2, "--out", tmp_path / "out"
    )
    assert (code, "read as exact-prompt" in said) == (0, True), said
    assert biasaudit.open_audit(tmp_path / "out").manifest.run["asked"]["concurrency"] == 2


@pytest.mark.parametrize(
    ("reference", "code", "said"),
    [
        ("http://127.0.0.1:9/v1", 2, "names a server and no model of it"),
        ("http://127.0.0.1:99999/v1#m", 2, "cannot be read"),
        ("http://user:hush@127.0.0.1:9/v1#m", 2, "carries a user or a password"),
        ("http://127.0.0.1:9/v1?key=hush#m", 2, "has a query"),
        ("http://127.0.0.1:9/v1#m+tokenizer=", 2, "names no tokenizer after"),
        ("http://127.0.0.1:9/v1#m+tokenizer={base}", 4, "cannot be reached, 3 times"),
    ],
)
def test_wrong_references_are_one_message(
    models: Path, run_command: Callable[..., tuple[int, str]], reference: str, code: int, said: str
) -> None:
    """What may be a password is not repeated. Nothing listens on port 9."""
    named = reference.format(base=models / "base")
    ended, told = run_command("audit", named, named, "--probe", "occupations", "--framing", "plain")
    assert (ended, said in told) == (code, True), told
    assert "hush" not in told


def test_settings_that_the_server_decides_are_refused(
    models: Path, serve: Serve, probe: str, run_command: Callable[..., tuple[int, str]]
) -> None:
    names = [serve().reference("base", models / "base")] * 2
    code, told = run_command("audit", *names, "--probe", probe, "--dtype", "float32", "--batch-tokens", 5)
    assert (code, "--dtype and --batch-tokens mean nothing to models behind a server" in told) == (2, True), told
    with pytest.raises(UsageError, match="the concurrency is 0"):
        Plan(base=names[0], tuned=(names[1],), probes=(probe,), concurrency=0)


def test_control_c_says_how_many_are_answered(
    models: Path, serve: Serve, probe: str, monkeypatch: pytest.MonkeyPatch, run_command: Callable[..., tuple[int, str]]
) -> None:
    """It comes while answers do; those that came are kept."""
    names = [serve().reference(name, models / "base") for name in ("base", "tuned")]
    told = scoring.Scoring._block

    def interrupted(self: Any, block: Any) -> Any:
        told(self, block)
        raise KeyboardInterrupt

    monkeypatch.setattr(scoring, "BLOCK", 5)
    monkeypatch.setattr(scoring.Scoring, "_block", interrupted)
    code, said = run_command("audit", *names, "--probe", probe, "--framing", "plain")
    assert code == 130, said
    assert "Traceback" not in said
