"""Measure adapters and write docs/alignment.md.

::

    python -m tests.alignment                                   the page anew, from tests/alignment/measured
    python -m tests.alignment adapters WORK NAME=ADAPTER ...    measure these on --base, keep, then the page
    python -m tests.alignment opened WORK NAME=ADAPTER ...      audit these after openings, keep, then the page
    python -m tests.alignment attacked WORK                     train under attack on tiny models, keep, then the page
    python -m tests.alignment doses WORK                        train the dose curve on tiny models, keep, then the page

WORK is a folder for audits and trainings; what is finished in it is not done again.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import biasaudit
from tests.alignment import opened, page
from tests.alignment.attacked import trained_attacked
from tests.alignment.tiny_doses import trained_doses


def main() -> None:
    """Do what was asked for, then write the page from what is kept."""
    asked = _asked()
    page.MEASURED.mkdir(exist_ok=True)
    if asked.do == "adapters":
        for given in asked.adapters:
            name, _, adapter = given.partition("=")
            _measure(name, adapter, asked)
    if asked.do == "doses":
        page.saved_doses(trained_doses(asked.work))
    if asked.do == "opened":
        named = dict(one.split("=", 1) for one in asked.adapters)
        page.saved_opened(opened.measured(asked.base, named, asked.work))
    if asked.do == "attacked":
        page.saved_attacked(trained_attacked(asked.work))
    curve = page.doses()
    if curve:
        page.PICTURE.write_text(page.picture(curve), encoding="utf-8")
    text = page.PAGE.read_text(encoding="utf-8")
    page.PAGE.write_text(page.rendered(text, page.measured(), curve, page.attacked(), page.opened()), encoding="utf-8")


def _measure(name: str, adapter: str, asked: argparse.Namespace) -> None:
    folder = asked.work / name
    found = folder / "transfer.json"
    if not found.is_file():
        biasaudit.transfer(
            asked.base,
            adapter,
            out=folder,
            contrasts=asked.contrasts,
            instructions=asked.instructions,
            chat_template=asked.chat_template,
        )
    shutil.copyfile(found, page.MEASURED / f"{name}.json")
    print(f"{name}: measured", flush=True)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.alignment", description=__doc__)
    verbs = parser.add_subparsers(dest="do")
    for name in ("adapters", "opened"):
        adapters = verbs.add_parser(name)
        adapters.add_argument("work", type=Path)
        adapters.add_argument("adapters", nargs="+", metavar="NAME=ADAPTER")
        adapters.add_argument("--base", default="demo:base")
    adapters = verbs.choices["adapters"]
    adapters.add_argument("--contrasts", type=Path)
    adapters.add_argument("--instructions", type=Path)
    adapters.add_argument("--chat-template", default="gemma")
    for name in ("doses", "attacked"):
        verbs.add_parser(name).add_argument("work", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
