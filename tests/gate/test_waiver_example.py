"""The waiver of docs/check.md, run as it stands there: on its last day, and on the day after."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Final

import pytest

import biasaudit
from biasaudit.gate import Effect, Outcome, WaiverState
from biasaudit.testing import leaning, noisy, scripted_audit
from tests.cli.test_shell import Shell, shell
from tests.scripted_audits import LARGE
from tests.tiny import save_probe

__all__ = ["shell"]

# An audit, and its report.
pytestmark = pytest.mark.slow

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "check.md"
START, END = "<!-- waiver-example -->", "<!-- /waiver-example -->"


def example() -> str:
    return PAGE.read_text(encoding="utf-8").split(START)[1].split(END)[0]


def policy_of_the_page() -> str:
    [found] = re.findall(r"^```yaml\n# policy\.yaml\n(.*?)^```", example(), re.DOTALL | re.MULTILINE)
    return str(found)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an audit of a model that leans twice as much as its base, and the policy of the page."""
    place = tmp_path_factory.mktemp("waiver")
    (place / "reports").mkdir()
    probe = save_probe(place / "hobbies", LARGE, id="hobbies")
    models = [leaning(name, noisy(value, item_sd_nats=2.0)) for name, value in (("base", 1.0), ("tuned", 2.0))]
    scripted_audit(*models, probes=[str(probe)], framing_names=("plain", "chat"), out=place / "reports" / "mine")
    (place / "policy.yaml").write_text(policy_of_the_page(), encoding="utf-8")
    return place


def test_the_commands_end_as_the_page_says(made: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waived on the last day; violated on the next, with the name of whom to ask; as it is without any waiver."""
    monkeypatch.chdir(made)
    commands = re.findall(r"^biasaudit (.+?)\s+# exit code (\d)$", example(), re.MULTILINE)
    assert [int(code) for _, code in commands] == [0, 1]
    printed = []
    for command, code in commands:
        found, out, told = shell.run(*command.split())
        assert found == int(code), (command, out, told)
        printed.append(out)
    assert "waived" in printed[0]
    assert "expired on 2027-01-31; Ada Lovelace answered for it" in printed[1]
    (made / "bare.yaml").write_text(policy_of_the_page().partition("waivers:")[0], encoding="utf-8")
    assert shell.run("check", "reports/mine", "--policy", "bare.yaml")[0] == 1


def test_in_python_a_decision_says_what_became_of_the_waiver(made: Path) -> None:
    """By hand: one cell fails, which the waiver covers until it has expired."""
    audit = biasaudit.open_audit(made / "reports" / "mine")
    on_the_day, after = (
        biasaudit.check(audit, made / "policy.yaml", today=date(2027, month, day)) for month, day in ((1, 31), (2, 1))
    )
    assert (on_the_day.outcome, on_the_day.waivers[0].state) == (Outcome.PASSED, WaiverState.USED)
    assert [result.effect for result in on_the_day.results] == [Effect.WAIVED]
    assert (after.outcome, after.waivers[0].state) == (Outcome.VIOLATED, WaiverState.EXPIRED)
    assert [result.effect for result in after.results] == [Effect.VIOLATED]
