"""`biasaudit check`: what it writes, what it refuses, what it imports, and how long it takes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from biasaudit import gate
from tests.fuzz.hostile import Ended, run
from tests.scripted_audits import save_audit

RULE = "version: 1\nrules:\n  - {id: r, max_index: %s}\n"


@pytest.fixture(scope="module")
def audits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`audit`, and `later`, which leans more than it."""
    folder = tmp_path_factory.mktemp("audits")
    save_audit(folder)
    save_audit(folder, tuned=1.8, out="later")
    return folder


@pytest.fixture
def judge(audits: Path, tmp_path: Path) -> Judge:
    return Judge(audits, tmp_path)


class Judge:
    def __init__(self, audits: Path, folder: Path) -> None:
        self.audits, self.folder = audits, folder

    def __call__(self, text: str, *options: object, audit: str = "audit") -> Ended:
        path = self.folder / "policy.yaml"
        path.write_text(text, encoding="utf-8")
        return run("check", self.audits / audit, "--policy", path, *options)


@pytest.mark.parametrize(("limit", "code"), [("1.0", 0), ("-1.0", 1), ("0.25", 3)])
def test_every_file_says_what_the_exit_code_says(judge: Judge, tmp_path: Path, limit: str, code: int) -> None:
    files = {name: tmp_path / f"out.{name}" for name in ("json", "junit", "markdown", "html")}
    options = [word for name, path in files.items() for word in (f"--{name}", path)]
    ended = judge(RULE % limit, *options)
    assert ended.code == code, ended.err
    word = {0: "passed", 1: "violated", 3: "inconclusive"}[code]
    assert ended.out.startswith(word.upper())
    assert json.loads(files["json"].read_text(encoding="utf-8"))["outcome"] == word
    suite = ET.fromstring(files["junit"].read_text(encoding="utf-8"))
    assert (len(suite.findall(".//failure")), len(suite.findall(".//error"))) == (code == 1, code == 3)
    assert f"**biasaudit: {word}**" in files["markdown"].read_text(encoding="utf-8")
    page = files["html"].read_text(encoding="utf-8")
    assert 'id="policy"' in page
    assert f"<bdi>{word}</bdi>" in page[page.index('id="policy"') :]


def test_the_report_without_a_decision_has_no_such_section(audits: Path) -> None:
    assert 'id="policy"' not in (audits / "audit" / "report.html").read_text(encoding="utf-8")


def test_exit_zero_hides_the_outcome_and_no_fault(judge: Judge, audits: Path, tmp_path: Path) -> None:
    ended = judge(RULE % "-1.0", "--exit-zero")
    assert (ended.code, ended.out.startswith("VIOLATED")) == (0, True)
    assert judge("version: 1\n", "--exit-zero").code == 2
    assert judge(RULE % "1.0", "--exit-zero", audit="none").code == 4


def test_warnings_can_be_errors(judge: Judge) -> None:
    text = "version: 1\nrules:\n  - {id: r, max_index: -1.0, severity: warning}\n"
    assert [judge(text).code, judge(text, "--warnings-as-errors").code] == [0, 1]


def test_the_day_is_an_argument(judge: Judge) -> None:
    text = RULE % "-1.0" + "waivers:\n  - {rule: r, reason: a, owner: b, expires: 2027-01-31}\n"
    assert [judge(text, "--today", day).code for day in ("2027-01-31", "2027-02-01")] == [0, 1]
    assert "judged on 2027-01-31" in judge(text, "--today", "2027-01-31").out
    wrong = judge(text, "--today", "tomorrow")
    assert (wrong.code, "2027-01-31" in wrong.err) == (2, True)


def test_a_summary_is_written_where_github_wants_it(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Appended, because other steps write there too; and only if asked for."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    judge(RULE % "1.0")
    assert summary.read_text(encoding="utf-8") == "before\n"
    judge(RULE % "1.0", "--github-summary")
    ended = judge(RULE % "-1.0", "--format", "github")
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert [word in text for word in ("biasaudit: passed", "biasaudit: violated")] == [True, True]
    assert ended.out.startswith("::error title=biasaudit%3A violated::")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    assert "is not set" in judge(RULE % "1.0", "--github-summary").err


def test_a_person_at_a_terminal_sees_a_table(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    import biasaudit.cli.check

    monkeypatch.setattr(biasaudit.cli.check, "_at_terminal", lambda: True)
    ended = judge(RULE % "1.0")
    assert ended.out.startswith("PASSED: 1 passed")
    assert "│" in ended.out


def test_a_baseline_is_paired_item_by_item(judge: Judge, audits: Path) -> None:
    text = "version: 1\nrules:\n  - {id: r, max_increase_over_baseline: 0.05}\n"
    worse = judge(text, "--baseline", audits / "audit", audit="later")
    better = judge(text, "--baseline", audits / "later")
    same = judge(text, "--baseline", audits / "audit")
    assert [worse.code, better.code, same.code, judge(text).code] == [1, 0, 0, 3]
    assert "baseline audit" in worse.out
    assert judge(text, "--baseline", audits / "none").code == 4


def test_the_audit_itself_is_not_written_over(judge: Judge, audits: Path, tmp_path: Path) -> None:
    """The next check would find it altered."""
    link = tmp_path / "link.html"
    link.symlink_to(audits / "audit" / "report.html")
    for option, path in (("--html", audits / "audit" / "report.html"), ("--html", link)):
        ended = judge(RULE % "1.0", option, path)
        assert (ended.code, "a file of the audit itself" in ended.err) == (2, True)
    assert judge(RULE % "1.0", "--json", tmp_path / "no" / "such.json").code == 2


def test_the_schema_is_printed_without_an_audit() -> None:
    ended = run("check", "--schema")
    assert (ended.code, ended.out) == (0, gate.policy_schema())


def test_a_page_that_was_altered_is_refused(audits: Path, judge: Judge, tmp_path: Path) -> None:
    """It would show other numbers than those that were judged."""
    judge.audits = tmp_path
    shutil.copytree(audits / "audit", tmp_path / "audit")
    (tmp_path / "audit" / "report.html").write_text("all is well", encoding="utf-8")
    ended = judge(RULE % "1.0")
    assert (ended.code, "report.html was altered" in ended.err, "biasaudit report" in ended.err) == (4, True, True)


CODE = """
import sys
sys.argv = ["biasaudit", "check", *sys.argv[1:]]
from biasaudit.cli.main import main
try:
    main()
except SystemExit as ended:
    heavy = "torch transformers datasets pandas pandera fairlearn sklearn altair scipy jinja2".split()
    print("loaded", [name for name in heavy if name in sys.modules], ended.code)
"""


def test_a_check_loads_no_library_that_it_does_not_need(audits: Path) -> None:
    """And takes under two seconds, of which the interpreter and its imports are nearly all."""
    arguments = [str(audits / "audit"), "--policy", "no-regression"]
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", CODE, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded [] 0", done.stdout
    assert time.monotonic() - started < 20  # a loaded machine is no failure


def test_a_probe_that_the_audit_lacks_is_wrong_usage(judge: Judge) -> None:
    """Inconclusive would look like evidence that is still to come."""
    ended = judge("version: 1\nrules:\n  - {id: r, probes: [minni], max_index: 1}\n")
    assert (ended.code, ended.out) == (2, "")
    assert "rule 'r' names probe 'minni'" in ended.err
    assert "Did you mean 'mini'?" in ended.err
    assert judge("version: 1\nrules:\n  - {id: r, features: [colour], max_index: 1}\n").code == 3


def test_a_ready_policy_for_another_probe_says_so(audits: Path) -> None:
    ended = run("check", audits / "audit", "--policy", "hiring-impact-ratio")
    assert (ended.code, "names probe 'hiring'" in ended.err) == (2, True)
