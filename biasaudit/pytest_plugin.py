"""Plugin of pytest: the audit as a fixture, and what policies said of it at the end of the run.

pytest loads this in every project of an environment, so that nothing heavy is imported before a test asks.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from biasaudit.facade import Audit
    from biasaudit.gate import GateDecision

OPTION: Final = "--bias-audit"
INI: Final = "bias_audit"
_PROPERTY: Final = "biasaudit"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the ini value that name the audit."""
    group = parser.getgroup("biasaudit", "audits of social bias")
    group.addoption(OPTION, metavar="DIR", help="folder of a finished audit, for the fixture bias_audit")
    parser.addini(INI, "folder of a finished audit, relative to this file, for the fixture bias_audit", type="string")


def pytest_configure(config: pytest.Config) -> None:
    """Register what gathers the decisions."""
    config.pluginmanager.register(_Summary(), "biasaudit-summary")


@pytest.fixture(scope="session")
def bias_audit(pytestconfig: pytest.Config) -> Audit:
    """Open the finished audit that ``--bias-audit DIR`` or the ini value ``bias_audit`` names."""
    folder = _folder(pytestconfig)
    if folder is None:
        # Not a skip: a check that did not run must not look green.
        pytest.fail(f"no audit is named: run pytest with {OPTION} DIR, or set {INI} in its ini file", pytrace=False)
    from biasaudit.api import open_audit  # noqa: PLC0415  # slow to import
    from biasaudit.errors import BiasauditError  # noqa: PLC0415

    try:
        return open_audit(folder)
    except BiasauditError as exc:
        pytest.fail(str(exc), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Hand what a test's policies said to its report, which finds its way from xdist's workers too."""
    assertions = sys.modules.get("biasaudit.testing.assertions")
    if assertions is not None:
        for decision in assertions.take_judged():
            item.user_properties += [(_PROPERTY, line) for line in _lines(decision)]
    return (yield)


class _Summary:
    """Lines for the end of the run, in the order of the tests."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # The report of the teardown comes once a test, and has what all phases added.
        if report.when == "teardown":
            found = [str(line) for name, line in report.user_properties if name == _PROPERTY]
            self._lines += [f"{line}  [{report.nodeid}]" for line in found]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._lines:
            terminalreporter.section("social bias by policy")
            for line in self._lines:
                terminalreporter.write_line(line)


def _folder(config: pytest.Config) -> Path | None:
    named: str | None = config.getoption(OPTION)
    if named:
        return config.invocation_params.dir / named
    value: str = config.getini(INI)
    start = config.inipath.parent if config.inipath is not None else config.rootpath
    return start / value if value else None


def _lines(decision: GateDecision) -> list[str]:
    """Return one line per rule, and one per note of the decision: names are foreign text, and stay on their line."""
    lines = []
    for rule in dict.fromkeys(result.rule_id for result in decision.results):
        counts = Counter(result.effect.value for result in decision.results if result.rule_id == rule)
        told = ", ".join(f"{count} {effect}" for effect, count in sorted(counts.items()))
        lines.append(f"{decision.policy_name}: {rule}: {told}")
    lines += [f"{decision.policy_name}: {note.effect.value}: {note.subject}: {note.message}" for note in decision.notes]
    return [ascii(line)[1:-1] for line in lines]
