"""Which files a probe is read from."""

from __future__ import annotations

import os
from pathlib import Path

from biasaudit.probes.licensed import FILE, takes_licensed
from biasaudit.probes.registry import DATA_VARIABLE, card_of, folder_of, shipped_folder


def files_of(name: str, *, data_dir: Path | None = None) -> list[Path]:
    """Return the files that loading a probe reads, whether or not they are there: what no output may replace.

    Parameters
    ----------
    name : str
        Id or folder.
    data_dir : Path, optional
        As in :func:`biasaudit.probes.load_probe`.

    Raises
    ------
    ProbeError
        If the probe or its card is absent or wrong.
    """
    folder, card = folder_of(name), card_of(name)
    data = card.data
    named = data_dir or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    found = [folder / "card.yaml", *([] if data.file is None else [folder / data.file])]
    if takes_licensed(card):
        found.append(shipped_folder() / FILE)
    if named is not None:
        found += [where / name for where in (named, named / data.folder) for name in data.files]
    return found
