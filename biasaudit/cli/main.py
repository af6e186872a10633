"""The command `biasaudit`."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer
from typer.exceptions import TyperException

from biasaudit import __version__
from biasaudit.cli import align, audit, bundle, check, compare, demo, doctor, init, model, probes, report, score
from biasaudit.errors import BiasauditError

INTERRUPTED = 130

app = typer.Typer(
    name="biasaudit",
    help="How much of the social bias that a language model inherited did instruction tuning reduce?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("audit")(audit.audit)
app.command("demo")(demo.demo)
app.command("report")(report.report)
app.command("check")(check.check)
app.command("init")(init.init)
app.command("bundle")(bundle.bundle)
app.command("verify")(bundle.verify)
app.command("score")(score.score)
app.command("compare")(compare.compare)
app.command("model")(model.model)
app.command("doctor")(doctor.doctor)
app.add_typer(probes.app, name="probes")
app.add_typer(align.app, name="align")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"biasaudit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Hold options that belong to no verb."""


def main() -> None:
    """Run the command; every known error becomes one message and its exit code."""
    try:
        code = app(standalone_mode=False)
    except BiasauditError as error:
        typer.echo(f"biasaudit: {error}", err=True)
        sys.exit(error.exit_code)
    except typer.Abort:
        code = INTERRUPTED
    except KeyboardInterrupt:
        code = INTERRUPTED
    except TyperException as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        typer.echo(f"biasaudit: {message}", err=True)
        sys.exit(2)
    except Exception:  # noqa: BLE001  # the outermost layer: Python's own code 1 would say that a policy is violated
        traceback.print_exc()
        typer.echo("biasaudit: this is a fault of biasaudit itself; what was computed is in the cache.", err=True)
        sys.exit(BiasauditError.exit_code)
    if code == INTERRUPTED:
        typer.echo(
            "\nbiasaudit: interrupted; run the same command again, it goes on from the cache or the last checkpoint.",
            err=True,
        )
    sys.exit(code or 0)
