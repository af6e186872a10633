"""Renders chat templates, in a process of its own: run as a script, and importing nothing of the package.

A template is a program that came with a model. Its loops cannot be stopped from within the process that runs them, so
:mod:`biasaudit.models.text.rendering` starts this one, and ends it when it takes too long. What a template may call is
what transformers lets it call; one line of JSON asks, one line of JSON answers.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any, Final

MAX_CHARACTERS: Final = 1_000_000
MAX_BYTES: Final = 1 << 29
CPU_SECONDS: Final = 15
SHOWN: Final = 300

_BROKEN: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


class TooLongError(ValueError):
    """What is rendered has no end, or none that a text for a model could have."""


def environment(now: datetime, dated: list[str]) -> Any:  # noqa: C901  # Any: jinja2 comes late; so do its classes
    """Return the environment that transformers gives chat templates, with a clock that was set.

    Parameters
    ----------
    now : datetime
        What ``strftime_now`` tells.
    dated : list
        Gets an entry when it is asked.
    """
    import jinja2  # noqa: PLC0415
    import jinja2.ext  # noqa: PLC0415
    import jinja2.nodes  # noqa: PLC0415
    import jinja2.sandbox  # noqa: PLC0415

    class Generation(jinja2.ext.Extension):
        """``{% generation %}``: marks what the assistant wrote; its text is as it stands."""

        tags = {"generation"}  # noqa: RUF012  # as jinja2 declares it

        def parse(self, parser: Any) -> Any:  # Any: as above
            line = next(parser.stream).lineno
            body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
            return jinja2.nodes.CallBlock(self.call_method("_as_it_stands"), [], [], body).set_lineno(line)

        def _as_it_stands(self, caller: Any) -> Any:  # Any: a macro of the template
            return caller()

    class Namespace(jinja2.utils.Namespace):
        """Takes no name that begins with an underscore."""

        def __init__(*args: Any, **kwargs: Any) -> None:  # Any: values of the template, `self` among them
            for name in dict(*args[1:], **kwargs):
                _check_name(name)
            jinja2.utils.Namespace.__init__(*args, **kwargs)

        def __setitem__(self, name: str, value: Any) -> None:  # Any: as above
            _check_name(name)
            super().__setitem__(name, value)

    class Dictionary:
        """``dict`` without its attributes."""

        def __call__(self, *args: Any, **kwargs: Any) -> Any:  # Any: as above
            return dict(*args, **kwargs)

        def fromkeys(self, *args: Any) -> Any:  # Any: as above
            return dict.fromkeys(*args)

    def _check_name(name: object) -> None:
        if isinstance(name, str) and name.startswith("_"):
            msg = f"a namespace takes no name like {name!r}"
            raise jinja2.exceptions.SecurityError(msg)

    def raise_exception(message: str) -> None:
        raise jinja2.exceptions.TemplateError(message)

    def strftime_now(form: str) -> str:
        dated.append(form)
        return now.strftime(form)

    def tojson(x: object, ensure_ascii: bool = False, **options: Any) -> str:  # noqa: FBT001, FBT002  # as transformers'
        return json.dumps(x, ensure_ascii=ensure_ascii, **options)

    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # the text is for a model, as transformers renders it
        extensions=[Generation, jinja2.ext.loopcontrols],
    )
    made.filters["tojson"] = tojson
    made.globals.update(
        raise_exception=raise_exception, strftime_now=strftime_now, dict=Dictionary(), namespace=Namespace
    )
    return made


def rendered(asked: dict[str, Any]) -> dict[str, object]:  # Any: JSON values
    """Render one template; see :meth:`biasaudit.models.text.rendering.Renderer.render` for the fields."""
    dated: list[str] = []
    now = datetime.fromisoformat(asked["now"])
    template = environment(now, dated).from_string(asked["template"])
    variables = {"tools": None, "documents": None, **asked["variables"]}
    pieces: list[str] = []
    length = 0
    for piece in template.generate(
        **variables, messages=asked["messages"], add_generation_prompt=asked["add_generation_prompt"]
    ):
        length += len(piece)
        if length > MAX_CHARACTERS:
            msg = f"it writes more than {MAX_CHARACTERS:,} characters"
            raise TooLongError(msg)
        pieces.append(piece)
    return {"text": "".join(pieces), "dated": bool(dated)}


def answer(line: bytes) -> dict[str, object]:
    """Answer one line: with the text, or with why there is none."""
    import jinja2  # noqa: PLC0415

    try:
        return rendered(json.loads(line))
    except MemoryError:
        return {"error": "it takes more memory than a template may have"}
    except RecursionError:
        return {"error": "it calls itself without end"}
    except (jinja2.TemplateError, *_BROKEN) as exc:
        return {"error": (str(exc) or type(exc).__name__)[:SHOWN]}


def bound(seconds: int) -> None:
    """Let the system end this process when it takes more memory, or computes longer than `seconds` from now on."""
    import resource  # noqa: PLC0415

    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + seconds
    for what, most in ((resource.RLIMIT_AS, MAX_BYTES), (resource.RLIMIT_CPU, limit)):
        _, hard = resource.getrlimit(what)
        try:
            resource.setrlimit(what, (most, hard))
        except (OSError, ValueError):  # not every system has every limit; the time is kept by the other process too
            continue


def main() -> None:
    """Answer lines until there are no more."""
    sys.path[:] = json.loads(sys.argv[1])
    import jinja2  # noqa: F401, PLC0415  # before memory is bounded and the first line comes

    for line in sys.stdin.buffer:
        bound(CPU_SECONDS)
        sys.stdout.write(json.dumps(answer(line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
