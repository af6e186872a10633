"""`biasaudit explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biasaudit.cli import terminal


def explain(
    audit: Annotated[Path, typer.Argument(help="Folder of a finished audit of models that lie on this machine.")],
    probe: Annotated[str, typer.Option("--probe", "-p", help="Id of a probe of the audit.")],
    feature: Annotated[str | None, typer.Option(help="One feature of the probe; default all.")] = None,
    tuned: Annotated[
        str | None, typer.Option(help="Name of a tuned checkpoint of the audit; default the one of its answer.")
    ] = None,
    framing: Annotated[str, typer.Option(help="plain or chat; the audit must have asked it.")] = "plain",
    cut: Annotated[
        int | None, typer.Option(help="Blocks below the cut, fixed before a look; default all but the last third.")
    ] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option(help="Beside the parts: components, words, layers, records, or none; repeatable; default all."),
    ] = None,
    records: Annotated[
        Path | None,
        typer.Option(help="File that the adapter was trained on: which records raise the lean, which lower it."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for tables and page; default AUDIT-explained-PROBE.")
    ] = None,
    chat_template: Annotated[str | None, typer.Option(help="As the audit was given it: Jinja file or name.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder with published data sets.")] = None,
    batch_tokens: Annotated[
        int | None, typer.Option(help="Tokens that run at once; changes the time, not the numbers.")
    ] = None,
    trust_remote_code: Annotated[bool, typer.Option(help="Let code that comes with a model run.")] = False,
) -> None:
    """Say where in the model a change sits: which parts bring it about, from the embeddings to the head."""
    from biasaudit import tuned as looked_at
    from biasaudit.cli import choices
    from biasaudit.cli.progress import Shown
    from biasaudit.explanations import PAGE
    from biasaudit.report.words import wording
    from biasaudit.report.words.explained.depths import cut_words, depth_sentence
    from biasaudit.report.words.explained.evidence import evidence_sentences

    name = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in probe)
    folder = out or _beside(audit, name)
    with Shown() as shown:
        found = looked_at.explain(
            audit,
            probe=probe,
            feature=feature,
            tuned=tuned,
            framing=choices.framings([framing])[0],
            cut=cut,
            evidence=None if evidence is None else tuple(name for name in evidence if name != "none"),
            records=records,
            out=folder,
            chat_template=chat_template,
            data_dir=data_dir,
            batch_tokens=batch_tokens,
            trust_remote_code=trust_remote_code,
            progress=shown,
        )
    terminal.say_line(f"Cut, fixed beforehand: {cut_words(found)}.")
    for row in wording.records(found.cells):
        terminal.say_line(depth_sentence(row))
    for line in evidence_sentences(found):
        terminal.say_line(line)
    terminal.say_line(f"Page: {folder / PAGE}")


def _beside(audit: Path, name: str) -> Path:
    """Return a folder beside an audit's; of one that is named by dots, where it really lies."""
    there = audit if audit.name not in {"", ".."} else audit.resolve()
    return there.with_name(f"{there.name}-explained-{name}")
