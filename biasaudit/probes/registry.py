"""Which probes there are, and how one is loaded."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from biasaudit.errors import ProbeError
from biasaudit.probes.card import Card, Data, read_card
from biasaudit.probes.crows_pairs import items_of, read_crows_pairs
from biasaudit.probes.items_file import read_items
from biasaudit.probes.templates import read_templates
from biasaudit.types import ProbeItem

DATA_VARIABLE: Final = "BIASAUDIT_DATA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A probe, loaded.

    Attributes
    ----------
    card : Card
    items : tuple of ProbeItem
    origin : str
        Where the data came from, in words.
    sha256 : str
        Of the items' content, whatever file or hub they came from.
    notices : tuple of str
        What a reader must hear about the data: a checksum or a number of items that differs.
    """

    card: Card
    items: tuple[ProbeItem, ...]
    origin: str
    sha256: str
    notices: tuple[str, ...] = ()


def shipped_folder() -> Path:
    """Return the folder of the probes that come with the package."""
    packaged = Path(str(resources.files("biasaudit"))) / "_probes"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[2] / "probes"


def available() -> dict[str, Path]:
    """Return the shipped probes: id -> folder, sorted by id."""
    folder = shipped_folder()
    return {path.parent.name: path.parent for path in sorted(folder.glob("*/card.yaml"))}


def folder_of(name: str) -> Path:
    """Return the folder that `name` means: a shipped probe, or a folder with a card.

    Raises
    ------
    ProbeError
        If there is neither.
    """
    shipped = available()
    if name in shipped:
        return shipped[name]
    folder = Path(name).expanduser()
    if (folder / "card.yaml").is_file():
        return folder
    raise ProbeError(
        f"there is no probe {name!r}.",
        fix=f"Shipped probes: {', '.join(shipped)}. A folder of your own needs a card.yaml.",
    )


def load_probe(name: str, *, data_dir: Path | None = None) -> Probe:
    """Load a probe by id or folder.

    Parameters
    ----------
    name : str
    data_dir : Path, optional
        Folder with published data sets; else the environment variable BIASAUDIT_DATA, else the hub.

    Raises
    ------
    ProbeError
        If the probe, its card or its data are absent or wrong.
    """
    folder = folder_of(name)
    card = read_card(folder / "card.yaml")
    if card.data.format == "templates":
        items, origin = read_templates(folder / card.data.file, card), f"{card.id}/{card.data.file}"
        notices: tuple[str, ...] = ()
    elif card.data.format == "items":
        items, origin, notices = read_items(folder / card.data.file, card), f"{card.id}/{card.data.file}", ()
    else:
        items, origin, notices = _published(card, data_dir)
    return Probe(card=card, items=items, origin=origin, sha256=content_sha256(items), notices=notices)


def content_sha256(items: Iterable[ProbeItem]) -> str:
    """Return the hash of the items' content, in their order."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(json.dumps(asdict(item), sort_keys=True, ensure_ascii=True).encode("ascii"))
    return digest.hexdigest()


def _published(card: Card, data_dir: Path | None) -> tuple[tuple[ProbeItem, ...], str, tuple[str, ...]]:
    path = _local_copy(card.data, data_dir)
    if path is not None:
        notices = _checksum_notices(card, path)
        return read_crows_pairs(path, card), card.data.file, notices
    if card.data.hub is not None:
        return _from_hub(card)
    raise ProbeError(
        f"probe {card.id!r} needs the file {card.data.file}, and no data folder holds it.",
        fix=(
            f"Download it from {card.data.url}, lay it into a folder under that name, and name the folder "
            f"with --data-dir or the environment variable {DATA_VARIABLE}."
        ),
    )


def _local_copy(data: Data, data_dir: Path | None) -> Path | None:
    named = data_dir or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if named is None:
        return None
    for path in (named / data.file, named / Path(data.file).name):
        if path.is_file():
            return path
    if data.hub is None:
        raise ProbeError(
            f"the data folder {named} does not hold {data.file}.",
            fix=f"Download it from {data.url} and lay it there.",
        )
    return None


def _checksum_notices(card: Card, path: Path) -> tuple[str, ...]:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if card.data.sha256 is None or found == card.data.sha256:
        return ()
    return (
        (
            f"The file {path.name} of probe {card.id!r} is not the one that its card describes: "
            f"sha256 {found[:12]}…, expected {card.data.sha256[:12]}…."
        ),
    )


def _from_hub(card: Card) -> tuple[tuple[ProbeItem, ...], str, tuple[str, ...]]:
    hub = card.data.hub
    if hub is None:  # narrowed by the caller
        raise ProbeError(f"probe {card.id!r} is not on the hub.")
    import datasets  # noqa: PLC0415  # slow to import; only where the hub is asked

    where = f"hub:{hub.id}" + (f"@{hub.revision}" if hub.revision else "")
    try:
        rows = datasets.load_dataset(hub.id, hub.config, split=hub.split, revision=hub.revision)
    except (OSError, ValueError, RuntimeError) as exc:
        raise ProbeError(
            f"probe {card.id!r} could not be read from {where}: {exc}",
            fix=f"Name a folder that holds {card.data.file} with --data-dir or {DATA_VARIABLE}.",
        ) from exc
    numbered = ((number, {key: str(value) for key, value in row.items()}) for number, row in enumerate(rows, start=1))
    items = items_of(numbered, card, Path(where))
    notices: tuple[str, ...] = ()
    n_bias = sum(item.role.value == "bias" for item in items)
    if card.data.n_items is not None and n_bias != card.data.n_items:
        notices = (f"{where} holds {n_bias} items; the card of {card.id!r} expects {card.data.n_items}.",)
    return items, where, notices
