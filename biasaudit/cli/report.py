"""`biasaudit report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from biasaudit.cli import terminal
from biasaudit.visible import visible_line

if TYPE_CHECKING:
    from biasaudit.facade import Audit

PAGES: Final = (".html", ".htm")
MARKDOWN: Final = (".md", ".markdown")
IMAGES: Final = (".svg", ".png")


def report(
    folders: Annotated[list[Path], typer.Argument(help="A finished audit; of several, one page side by side.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File, .html or .md; default FOLDER/report.html and FOLDER/report.md."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Folder for every table as CSV; alone, only they are written.")
    ] = None,
    card: Annotated[
        Path | None, typer.Option("--model-card", help="File for a model card; alone, only it is written.")
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option("--image", help="File for one picture for sharing, .svg or .png; alone, only it is written."),
    ] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Compute every table again first, from the responses.")
    ] = False,
) -> None:
    """Write the report of a finished audit again, or one page with several audits side by side."""
    from biasaudit import api
    from biasaudit.errors import UsageError
    from biasaudit.outputs import check_outputs, suffix_of

    if out is not None:
        suffix_of(out, PAGES if len(folders) > 1 else (*PAGES, *MARKDOWN), default=PAGES[0])
    if image is not None:
        suffix_of(image, IMAGES, default=IMAGES[0])
    several = len(folders) > 1
    if several and (out is None or csv is not None or card is not None or image is not None):
        raise UsageError(
            "several audits make one page.",
            fix="Name its file with --out; --csv, --model-card and --image take one audit.",
        )
    check_outputs((out, card, image), inputs=folders)
    if recompute:
        for folder in folders:
            api.recompute(folder)
        if out is csv is card is image is None:
            # The reports are among what was computed again.
            for name in api.REPORTS:
                terminal.say_line(str(folders[0] / name))
            return
    if several and out is not None:
        _say_paths([api.side_by_side(folders, out)])
        return
    audit = api.open_audit(folders[0])
    _say_paths(_written(audit, folders[0], out=out, csv=csv, card=card, image=image))


def _say_paths(paths: list[Path]) -> None:
    from biasaudit.outputs import is_stream
    from biasaudit.report.charts.pictures import UNDRAWN

    for path in paths:
        if path.suffix.lower() in PAGES and not is_stream(path):
            missing = path.read_text(encoding="utf-8").count(UNDRAWN)
            if missing:
                terminal.tell(
                    f"biasaudit: {missing} charts of {visible_line(str(path))} could not be drawn; their tables are "
                    "there. Without a limit of the memory (ulimit -v), the same command draws them."
                )
        # What went to standard output is read there, and nothing else is to stand in it.
        if not is_stream(path):
            terminal.say_line(str(path))


def _written(
    audit: Audit, folder: Path, *, out: Path | None, csv: Path | None, card: Path | None, image: Path | None
) -> list[Path]:
    from biasaudit import api

    paths: list[Path] = []
    if out is not None:
        paths.append(audit.to_markdown(out) if out.suffix.lower() in MARKDOWN else audit.to_html(out))
    if csv is not None:
        paths += audit.to_csv(csv)
    if card is not None:
        paths.append(audit.to_model_card(card))
    if image is not None:
        paths.append(audit.to_image(image))
    return paths or list(api.write_reports(folder))
