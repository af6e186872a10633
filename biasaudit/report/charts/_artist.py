"""Draws charts in a process of its own; run as a script, with nothing of ours imported.

The first line of standard input is the parent's ``sys.path``, every further one a chart and the version of Vega-Lite,
or an SVG and null; each is answered by one line: the chart as SVG, or the SVG as PNG, which is sent in base64.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import sys


def main() -> None:
    """Answer line by line until standard input ends."""
    # What the drawing library prints goes nowhere, and not between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415  # not on every system

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    os.dup2(2, 1)
    sys.path[:] = json.loads(sys.stdin.readline())
    import vl_convert  # noqa: PLC0415  # found by the path above

    for line in sys.stdin:
        drawn, version = json.loads(line)
        try:
            if version is None:
                answer = {"png": base64.b64encode(vl_convert.svg_to_png(drawn)).decode("ascii")}
            else:
                answer = {"svg": vl_convert.vegalite_to_svg(drawn, vl_version=version)}
        except (ValueError, RuntimeError, MemoryError) as exc:
            answer = {"error": " ".join(str(exc).split())[:200]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
