"""`biasaudit align`: one command a method, made from the methods that there are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_origin, get_type_hints

import typer
from typer.core import TyperGroup
from typer.main import get_command

from biasaudit.cli import terminal

if TYPE_CHECKING:
    from biasaudit.align.method import Method
    from biasaudit.align.run import TunedAdapter

_AGAIN = "Again: goes on from the last checkpoint."


class _Methods(TyperGroup):
    """The methods as commands; read when the command is run, so that others do not wait for it."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # noqa: ARG002  # typer's own
        """Return the names of the methods."""
        from biasaudit.align import METHODS

        return list(METHODS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ARG002  # typer's own
        """Return the command of a method, or None."""
        from biasaudit.align import METHODS

        return _command(METHODS[cmd_name]) if cmd_name in METHODS else None


app = typer.Typer(cls=_Methods, help="Tune a base model, to audit what that does.", no_args_is_help=True)


@app.callback()
def _methods() -> None:
    """Tune a base model, to audit what that does."""


def _command(method: Method[Any, Any, Any]) -> object:  # whatever it trains on
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(method.name, help=f"{method.summary} {_AGAIN}")(_function(method))
    return get_command(alone)


def _function(method: Method[Any, Any, Any]) -> Callable[..., None]:  # as above
    """Return the function whose parameters are the arguments and options of a method."""

    def tune(
        *,
        base: str,
        data: Path | None,
        out: Path,
        data_license: str | None,
        chat_template: str | None,
        allow_overlap: bool,
        audit: list[str] | None,
        **chosen: Any,  # values of the settings
    ) -> None:
        common = {"data_license": data_license, "chat_template": chat_template, "allow_overlap": allow_overlap}
        _tune(method, base, data, out, common=common, chosen=chosen, probes=audit or ())

    parameters = [*_common(method), *_settings(method)]
    tune.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect
    tune.__annotations__ = {one.name: one.annotation for one in parameters}
    return tune


def _common(method: Method[Any, Any, Any]) -> list[inspect.Parameter]:  # as above
    data = typer.Option("--data", help=method.data)
    licence = typer.Option(help="Licence of the data, for the card; else from FILE.license.")
    template = typer.Option(help="Jinja file or shipped name (gemma); default the base's own.")
    overlap = typer.Option("--allow-overlap", help="Train on lines with templates of a shipped probe all the same.")
    probes = typer.Option(
        "--audit",
        metavar="PROBE",
        help="Audit base against the finished adapter with this probe, into OUT/audit; repeat for more.",
    )
    return [
        _parameter(
            "base", Annotated[str, typer.Argument(help="Pretrained model: hub id[@revision], folder or .gguf file.")]
        ),
        _parameter("data", Annotated[Path, data])
        if method.needs_data
        else _parameter("data", Annotated[Path | None, data], None),
        _parameter("out", Annotated[Path, typer.Option("--out", "-o", help="Folder for the adapter.")]),
        _parameter("data_license", Annotated[str | None, licence], None),
        _parameter("chat_template", Annotated[str | None, template], None),
        _parameter("allow_overlap", Annotated[bool, overlap], default=False),
        _parameter("audit", Annotated[list[str] | None, probes], None),
    ]


def _settings(method: Method[Any, Any, Any]) -> list[inspect.Parameter]:  # as above
    from biasaudit.align.settings import description_of

    types = get_type_hints(method.settings)
    parameters = []
    for one in method.settings.in_order():
        said = description_of(one)
        # What a word may be is said by the settings themselves, as in a notebook.
        kind = str if get_origin(types[one.name]) is Literal else types[one.name]
        default = inspect.Parameter.empty if one.default is MISSING else one.default
        parameters.append(_parameter(said.option or one.name, Annotated[kind, typer.Option(help=said.text)], default))
    return parameters


def _parameter(name: str, annotation: object, default: object = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _tune(
    method: Method[Any, Any, Any],  # as above
    base: str,
    data: Path | None,
    out: Path,
    *,
    common: dict[str, Any],  # values of what every method is told
    chosen: dict[str, Any],  # values of the settings
    probes: Sequence[str],
) -> None:
    from biasaudit.align import tune
    from biasaudit.align.settings import description_of
    from biasaudit.cli import choices
    from biasaudit.cli.progress import Shown
    from biasaudit.probes import load_probe

    for probe in probes:  # whatever is wrong with one is told before the training, not after it
        load_probe(probe)
    named = {one.name: chosen[description_of(one).option or one.name] for one in method.settings.in_order()}
    settings = method.settings(**{**named, "dtype": choices.dtype(named["dtype"])})
    with Shown() as shown:
        tuned = tune(
            method.name,
            base,
            data,
            out,
            settings=settings,
            progress=shown,
            **common,
        )
    for line in method.told(tuned.card):
        terminal.say_line(line)
    terminal.say_line(f"Adapter: {tuned.folder} (audit it as {base}+{tuned.folder})")
    if probes:
        _audit(base, tuned, probes)


def _audit(base: str, tuned: TunedAdapter, probes: Sequence[str]) -> None:
    from biasaudit import tuned as after
    from biasaudit.cli.progress import Shown
    from biasaudit.cli.verdicts import print_verdicts

    with Shown() as shown:
        found = after.audit_tuned(base, tuned, probes=probes, progress=shown)
    print_verdicts(found)
    terminal.say_line(f"Report: {tuned.folder / after.AUDIT_OF_TUNED / 'report.html'}")
