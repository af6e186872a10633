"""`biasaudit check`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from biasaudit.cli import terminal
from biasaudit.visible import visible_line

if TYPE_CHECKING:
    from biasaudit.gate import GateDecision

FORMATS: Final = ("text", "json", "markdown", "junit", "github")
SUMMARY: Final = "GITHUB_STEP_SUMMARY"


def _schema(asked: bool) -> None:
    if asked:
        from biasaudit.gate import policy_schema

        terminal.say(policy_schema().rstrip("\n"))
        raise typer.Exit


def check(
    folder: Annotated[Path, typer.Argument(help="A finished audit.")],
    policy: Annotated[Path, typer.Option("--policy", help="YAML policy, or the name of one that comes along.")],
    output: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")] = "text",
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", help="An earlier audit of the same plan, for max_increase_over_baseline."),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write JSON to this file too.")] = None,
    junit_file: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML to this file too.")] = None,
    markdown_file: Annotated[Path | None, typer.Option("--markdown", help="Write Markdown to this file too.")] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Write the audit's report, with the decision in it, to this file too.")
    ] = None,
    github_summary: Annotated[
        bool, typer.Option("--github-summary", help=f"Append Markdown to the file that ${SUMMARY} names.")
    ] = False,
    today: Annotated[
        str | None, typer.Option("--today", help="Day by which waivers expire, as 2027-01-31; default: today, UTC.")
    ] = None,
    warnings_as_errors: Annotated[
        bool, typer.Option("--warnings-as-errors", help="Let warnings and waivers that cover nothing fail the run.")
    ] = False,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="End with 0 whatever the outcome; wrong usage still ends with 2, 4.")
    ] = False,
    _schema_only: Annotated[
        bool, typer.Option("--schema", callback=_schema, is_eager=True, help="Print the policy's JSON schema and end.")
    ] = False,
) -> None:
    """Judge a finished audit by a policy. No model is run.

    Exit codes: 0 passed, 1 violated, 2 wrong usage, 3 not enough evidence, 4 the audit cannot be read.
    """
    from biasaudit import gate
    from biasaudit.analysis.baseline import read_baseline
    from biasaudit.errors import UsageError
    from biasaudit.gate.ready import policy_path
    from biasaudit.outputs import append_output, check_outputs, write_output
    from biasaudit.record.checked import read_checked
    from biasaudit.record.sealed import has_own_checksum

    if output not in FORMATS:
        raise UsageError(f"there is no format {output!r}.", fix=f"Use one of: {', '.join(FORMATS)}.")
    day = _day(today)
    rules_file = policy_path(policy)
    rules = gate.read_policy(rules_file)
    files = {json_file: gate.to_json, junit_file: gate.to_junit, markdown_file: gate.to_markdown}
    inputs = [folder, rules_file, *([] if baseline is None else [baseline])]
    check_outputs((json_file, junit_file, markdown_file, html_file), inputs=inputs)
    summary = _summary() if github_summary or output == "github" else None
    check_outputs([summary], inputs=inputs)
    found = read_checked(folder)
    if not has_own_checksum(folder):
        terminal.tell(
            f"biasaudit: {visible_line(str(folder / 'manifest.json'))} has no checksum of its own: an earlier version "
            "wrote it, and an edit of it goes unseen. `biasaudit report FOLDER` writes one."
        )
    decision = gate.decide_audit(
        rules,
        found,
        baseline=None if baseline is None else partial(read_baseline, folder, baseline),
        today=day,
        warnings_as_errors=warnings_as_errors,
        name=folder.name,
        baseline_name="" if baseline is None else baseline.name,
    )
    _print(decision, output)
    for path, write in files.items():
        if path is not None:
            write_output(path, write(decision).rstrip("\n") + "\n", inputs=inputs)
    if html_file is not None:
        write_output(html_file, _page(folder, decision), inputs=inputs)
    if summary is not None:
        append_output(summary, gate.to_markdown(decision) + "\n", inputs=inputs)
    raise typer.Exit(0 if exit_zero else decision.exit_code)


def _print(decision: GateDecision, output: str) -> None:
    from biasaudit import gate

    if output == "text" and _at_terminal():
        from biasaudit.gate.terminal import show

        show(decision, terminal.console())
        return
    writers = {
        "text": gate.to_text,
        "json": gate.to_json,
        "markdown": gate.to_markdown,
        "junit": gate.to_junit,
        "github": gate.to_github,
    }
    terminal.say(writers[output](decision).rstrip("\n"), commands=output == "github")


def _at_terminal() -> bool:
    return sys.stdout.isatty()


def _page(folder: Path, decision: GateDecision) -> str:
    from biasaudit.analysis.derived import read_record
    from biasaudit.report import render_html

    return render_html(read_record(folder), decision=decision)


def _summary() -> Path | None:
    name = os.environ.get(SUMMARY)
    if not name:
        terminal.tell(f"biasaudit: ${SUMMARY} is not set; no summary was written.")
        return None
    return Path(name)


def _day(today: str | None) -> date:
    from biasaudit.errors import UsageError

    if today is None:
        return datetime.now(tz=UTC).date()
    try:
        return date.fromisoformat(today)
    except ValueError as exc:
        raise UsageError(f"--today is {today!r}.", fix="Give a date such as 2027-01-31.") from exc
