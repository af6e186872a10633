"""Two models number against number: what is measured, and that it is no verdict."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import biasaudit
from biasaudit.cli.main import main
from biasaudit.errors import EvidenceError, UsageError
from biasaudit.models import BACKENDS, Way
from biasaudit.models.backend import Settings
from biasaudit.models.backends.scripted import Script, scripted
from tests.models.backends.test_door import EXAMPLE
from tests.tiny import item, save_probe

N = 6


@pytest.fixture
def probe(tmp_path: Path) -> str:
    """Six pairs whose first text is one letter longer."""
    return str(save_probe(tmp_path / "mini", [item(n) for n in range(N)]))


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> Way:
    """The example of docs/models.md: a letter costs ln(number of letters)."""
    assert EXAMPLE is not None
    names: dict[str, Any] = {}  # Any: the page's own code
    exec(EXAMPLE[1], names)
    way: Way = names["LETTERS"]
    monkeypatch.setitem(BACKENDS, "letters", way)
    return way


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["biasaudit", "model", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


@pytest.mark.usefixtures("letters")
def test_differences_are_those_of_each_token_and_of_each_text(probe: str) -> None:
    """Each of n letters differs by ln(26/20); "she is a nurse 0" has 16 of them, "he is a nurse 0" 15."""
    found = biasaudit.model_against("letters:26", "letters:20", probes=[probe])
    one = math.log(26 / 20)
    assert found.n_texts == found.n_compared == 2 * N
    assert found.n_tokens == N * (16 + 15)
    assert found.largest_token_nats == pytest.approx(one)
    assert found.median_token_nats == pytest.approx(one)
    assert found.largest_text_nats == pytest.approx(16 * one)
    assert (found.n_items, found.equal_signs) == (N, 1.0)
    assert found.differing == ()
    same = biasaudit.model_against("letters:26", "letters:26", probes=[probe])
    assert (same.largest_token_nats, same.largest_text_nats, same.equal_signs) == (0.0, 0.0, 1.0)


@pytest.mark.usefixtures("letters")
def test_other_tokens_are_compared_by_their_sum_and_signs_by_item(probe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that prefers the longer text has the other sign in every item; it counts no letters."""
    script = Script(name="x", answer=lambda request: -1.0 if request.continuation.startswith("she") else -9.0)
    monkeypatch.setitem(BACKENDS, "scripted", scripted({"base": script}))
    found = biasaudit.model_against("letters:26", "scripted:x", probes=[probe])
    assert (found.n_tokens, found.largest_token_nats, found.n_other_tokens) == (0, None, 2 * N)
    assert found.largest_text_nats == pytest.approx(16 * math.log(26) - 1)
    assert found.equal_signs == 0.0


@pytest.mark.usefixtures("letters")
def test_nothing_that_both_scored_is_no_agreement(probe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty comparison would read as a difference of 0."""
    silent = scripted({"base": Script(name="silent", answer=lambda _: None)})
    monkeypatch.setitem(BACKENDS, "scripted", silent)
    with pytest.raises(EvidenceError, match="none of 12 texts was scored by both models"):
        biasaudit.model_against("letters:26", "scripted:silent", probes=[probe])


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(("limit", "n_texts"), [(1, 2), (4, 4), (300, 12)])
def test_the_limit_takes_whole_items(probe: str, limit: int, n_texts: int) -> None:
    """Half an item has no index."""
    found = biasaudit.model_against("letters:26", "letters:20", probes=[probe], limit=limit)
    assert (found.n_texts, found.n_items) == (n_texts, n_texts // 2)


@pytest.mark.usefixtures("letters")
def test_a_limit_of_nothing_is_refused(probe: str) -> None:
    with pytest.raises(UsageError, match="the limit is 0 texts"):
        biasaudit.model_against("letters:26", "letters:20", probes=[probe], limit=0)


def test_number_formats_of_one_checkpoint_are_compared(models: Path, probe: str) -> None:
    """bfloat16 has 8 bits of a number: the same weights give other nats, and that is what is told."""
    base = str(models / "base")
    coarse = Settings(dtype="bfloat16")
    found = biasaudit.model_against(base, base, probes=[probe], settings_other=coarse)
    assert found.differing == ("number format float32 in the one and bfloat16 in the other",)
    assert found.largest_token_nats is not None
    assert 0 < found.largest_token_nats < 1
    exact = biasaudit.model_against(base, base, probes=[probe], settings=Settings(dtype="float32"))
    assert (exact.largest_token_nats, exact.differing) == (0.0, ())


@pytest.mark.usefixtures("letters")
def test_the_command_prints_writes_and_ends_with_its_code(
    shell: Callable[..., tuple[int, str]], probe: str, tmp_path: Path
) -> None:
    """0 compared, 1 further apart than asked for, 2 usage, 3 nothing scored by both."""
    asked = ("letters:26", "--against", "letters:20", "-p", probe)
    code, said = shell(*asked, "--json", tmp_path / "found.json", "--within", "0.3")
    assert code == 0, said
    assert re.search(r"a token +largest difference 0.262 nats, median 0.262, of 186", said)
    assert re.search(r"signs +equal in 100.0 % of 6 items", said)
    assert "nothing of bias" in said
    content = json.loads((tmp_path / "found.json").read_text())
    assert (content["n_compared"], content["one"]["reference"]) == (12, "letters:26")
    assert shell(*asked, "--within", "0.2")[0] == 1
    assert shell(*asked, "--limit", "0")[0] == 2
    assert shell("letters:26", "--against", "scripted:x", "-p", probe)[0] == 2
