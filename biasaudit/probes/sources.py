"""Where the data of a published set come from: original files in a data folder, else the hub."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from biasaudit.errors import ProbeError
from biasaudit.plain_files import excerpt, is_plain, plain_bytes, plain_name
from biasaudit.probes.card import Card, Data
from biasaudit.probes.layouts.external import EXTERNAL_LAYOUTS, Reader, Reading
from biasaudit.probes.layouts.external.reading import CONFIG

DATA_VARIABLE: Final = "BIASAUDIT_DATA"


def read_external(card: Card, data_dir: Path | None) -> tuple[Reading, str]:
    """Read a published set, and say where it came from.

    Parameters
    ----------
    card : Card
    data_dir : Path or None
        Folder with published sets; None takes the environment variable BIASAUDIT_DATA, then the hub.

    Raises
    ------
    ProbeError
        If no data folder holds the files and the hub cannot give them, or if they are wrong.
    """
    reader = EXTERNAL_LAYOUTS[card.data.format]
    paths = _local_files(card.data, data_dir, or_hub=reader.of_hub is not None)
    if paths is not None:
        found = reader.read(paths, card)
        return replace(found, unexpected=_other_checksums(card, paths)), _origin(card.data)
    if card.data.hub is not None and reader.of_hub is not None:
        return _from_hub(card, reader)
    raise ProbeError(
        f"probe {card.id!r} needs {_named(card.data)}, and no data folder holds it.",
        fix=(
            f"Download it from {card.data.url}, lay it into a folder under that name, and name the folder "
            f"with --data-dir or the environment variable {DATA_VARIABLE}."
        ),
    )


def _origin(data: Data) -> str:
    names = list(data.files)
    of_folder = f"{data.folder}/" if data.folder else ""
    return of_folder + (names[0] if len(names) == 1 else f"({len(names)} files)")


def _named(data: Data) -> str:
    names = [f"{data.folder}/{name}" if data.folder else name for name in data.files]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more files"


def _local_files(data: Data, data_dir: Path | None, *, or_hub: bool) -> dict[str, Path] | None:
    named = data_dir or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if named is None:
        return None
    wrong = [name for name in (data.folder, *data.files) if name and not plain_name(name)]
    if wrong:
        raise ProbeError(
            f"the card names {excerpt(wrong[0])} under data, which leads out of the data folder.",
            fix="Name files and their folder as they lie in the data folder.",
        )
    for folder in (named / data.folder, named):
        paths = {name: folder / name for name in data.files}
        absent = [name for name, path in paths.items() if not is_plain(path)]
        if not absent:
            return paths
        if len(absent) < len(paths):
            raise ProbeError(
                f"the folder {folder} does not hold {absent[0]}.", fix=f"Download it from {data.url} and lay it there."
            )
    if data.hub is None or not or_hub:
        raise ProbeError(
            f"the data folder {named} does not hold {_named(data)}.",
            fix=f"Download it from {data.url} and lay it there.",
        )
    return None


def _other_checksums(card: Card, paths: Mapping[str, Path]) -> tuple[str, ...]:
    notices = []
    for name, path in paths.items():
        content = plain_bytes(path, error=ProbeError, fix="Restore the file from its source.")
        found = hashlib.sha256(content).hexdigest()
        expected = card.data.files[name]
        if found != expected:
            notices.append(
                f"The file {name} of probe {card.id!r} is not the one that its card describes: "
                f"sha256 {found[:12]}…, expected {expected[:12]}…."
            )
    return tuple(notices)


def _from_hub(card: Card, reader: Reader) -> tuple[Reading, str]:
    hub = card.data.hub
    if hub is None or reader.of_hub is None:  # narrowed by the caller
        raise ProbeError(f"probe {card.id!r} is not on the hub.")
    import datasets  # noqa: PLC0415  # slow to import; only where the hub is asked

    where = f"hub:{hub.id}" + (f"@{hub.revision}" if hub.revision else "")
    rows: list[dict[str, Any]] = []
    try:
        for config in hub.configs or (None,):
            found_rows = datasets.load_dataset(hub.id, config, split=hub.split, revision=hub.revision)
            rows += [{**row, CONFIG: config} for row in found_rows]
    except (OSError, ValueError, RuntimeError) as exc:
        raise ProbeError(
            f"probe {card.id!r} could not be read from {where}: {exc}",
            fix=f"Name a folder that holds {_named(card.data)} with --data-dir or {DATA_VARIABLE}.",
        ) from exc
    found = reader.of_hub(enumerate(rows, start=1), card, Path(where))
    n_bias = sum(item.role.value == "bias" for item in found.items)
    unexpected: tuple[str, ...] = ()
    if card.data.n_items is not None and n_bias != card.data.n_items:
        unexpected = (f"{where} holds {n_bias} items; the card of {card.id!r} expects {card.data.n_items}.",)
    return replace(found, unexpected=unexpected), where
