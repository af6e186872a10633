"""The command `biasaudit`."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer
from typer.exceptions import TyperException

from biasaudit import __version__
from biasaudit.cli import (
    align,
    attack,
    audit,
    bundle,
    check,
    compare,
    demo,
    doctor,
    explain,
    init,
    model,
    probes,
    report,
    score,
    terminal,
    transfer,
)
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
app.command("transfer")(transfer.transfer)
app.command("attack")(attack.attack)
app.command("explain")(explain.explain)


def _version(asked: bool) -> None:
    if asked:
        terminal.say_line(f"biasaudit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Hold options that belong to no verb."""


def main() -> None:
    """Run the command; every known error becomes one message and its exit code.

    A reader of standard output that goes (``| head``) changes no code; a full disk in its place does.
    """
    with terminal.guarded() as out:
        code = _code()
        out.flush()
        if out.failure is not None:
            terminal.tell(f"biasaudit: standard output cannot be written: {out.failure.strerror}.")
            code = code or BiasauditError.exit_code
    sys.exit(code)


def _code() -> int:
    try:
        code = int(app(standalone_mode=False) or 0)
    except BiasauditError as error:
        terminal.tell(f"biasaudit: {error}")
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except TyperException as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        terminal.tell(f"biasaudit: {message}")
        return 2
    except MemoryError:
        terminal.tell(
            "biasaudit: the memory does not suffice.\n"
            "What was computed is kept: run the same command again where there is more of it."
        )
        return BiasauditError.exit_code
    except Exception:  # noqa: BLE001  # the outermost layer: Python's own code 1 would say that a policy is violated
        terminal.tell(traceback.format_exc().rstrip("\n"))
        terminal.tell("biasaudit: this is a fault of biasaudit itself; what was computed is in the cache.")
        return BiasauditError.exit_code
    if code == INTERRUPTED:  # typer, too, makes this of Ctrl-C
        terminal.tell(
            "\nbiasaudit: interrupted; run the same command again,\nit goes on from the cache or the last checkpoint."
        )
    return code
