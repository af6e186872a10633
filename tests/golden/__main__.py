"""Write the golden digests again; with a folder the texts behind them, so that `diff -r` compares two trees."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.golden.test_golden import GOLDEN
from tests.golden.works import WORKS, digests, make, texts


def main() -> None:
    """Make every work; keep the texts where a folder is named."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in WORKS:
            audit = make(name, Path(folder))
            found[name] = digests(audit)
            if len(sys.argv) > 1:
                kept = Path(sys.argv[1]) / name
                kept.mkdir(parents=True, exist_ok=True)
                for file, text in texts(audit):
                    (kept / f"{file}.txt").write_text(text, encoding="utf-8")
    if len(sys.argv) == 1:
        GOLDEN.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
