"""Which probes there are, and how one is loaded."""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

from biasaudit.errors import ProbeError
from biasaudit.plain_files import excerpt, inside
from biasaudit.probes.card import Card, read_card
from biasaudit.probes.layouts.external import Reading
from biasaudit.probes.layouts.own import read_own
from biasaudit.probes.licensed import FILE, with_licensed
from biasaudit.probes.sources import DATA_VARIABLE, read_external
from biasaudit.types import ProbeItem, Role
from biasaudit.visible import in_short

__all__ = ["DATA_VARIABLE", "Probe", "available", "card_of", "folder_of", "load_probe", "shipped_folder"]


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
        What a reader must hear about the data: what differs from the card, and what was left out or drawn.
    unexpected : tuple of str
        Those of the notices that say in what the data differ from the card.
    """

    card: Card
    items: tuple[ProbeItem, ...]
    origin: str
    sha256: str
    notices: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return what it is and how large; the items are many."""
        roles = Counter(item.role for item in self.items)
        by_role = ", ".join(f"{roles[role]:,} {role.value}" for role in Role if roles[role])
        n_clusters = len({item.cluster_id for item in self.items if item.role is Role.BIAS})
        card = self.card
        return (
            f"Probe({card.id} {in_short([card.version])}, {card.kind}: {len(self.items):,} items "
            f"({by_role or 'none'}), {n_clusters:,} clusters; {in_short(card.features)})"
        )


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
    folder = _expanded(name)
    # Whatever it is: a pipe of that name is told as one.
    if os.path.lexists(folder / "card.yaml"):
        return folder
    raise ProbeError(
        f"there is no probe {excerpt(name)}.",
        fix=f"Shipped probes: {', '.join(shipped)}. A folder of your own needs a card.yaml.",
    )


def _beside(folder: Path, name: str) -> Path:
    """Return the path of a probe's data; nothing but its own folder, except that our own probes may share a file."""
    if folder.parent == shipped_folder():
        return inside(folder.parent, posixpath.normpath(f"{folder.name}/{name}"), error=ProbeError)
    return inside(folder, name, error=ProbeError)


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # ~somebody whom the system does not know
        return Path(name)


def card_of(name: str) -> Card:
    """Return the card of a probe by id or folder.

    Raises
    ------
    ProbeError
        If the probe or its card is absent or wrong.
    """
    return read_card(inside(folder_of(name), "card.yaml", error=ProbeError))


def load_probe(name: str, *, data_dir: Path | None = None) -> Probe:
    """Load a probe by id or folder; an association in English gets the licensed items of its features.

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
    card = read_card(inside(folder, "card.yaml", error=ProbeError))
    if card.data.file is None:
        found, origin = read_external(card, data_dir)
    else:
        found, origin = (
            Reading(items=read_own(_beside(folder, card.data.file), card)),
            f"{card.id}/{card.data.file}",
        )
    _check_second_factor(folder / "card.yaml", card, found.items)
    items = with_licensed(found.items, card, shipped_folder() / FILE)
    return Probe(
        card=card,
        items=items,
        origin=origin,
        sha256=content_sha256(items),
        notices=(*found.unexpected, *found.notices),
        unexpected=found.unexpected,
    )


def _check_second_factor(path: Path, card: Card, items: Iterable[ProbeItem]) -> None:
    """Refuse a second factor that the items do not have: the intervals would silently be those without it.

    Raises
    ------
    ProbeError
        If the tag is on no bias item, or only on some.
    """
    if card.also_clustered_by is None:
        return
    tag = card.also_clustered_by.tag
    bias = [item for item in items if item.role is Role.BIAS]
    without = [item for item in bias if not item.tags.get(tag)]
    if without:
        tags = ", ".join(sorted({name for item in bias for name in item.tags})) or "none"
        raise ProbeError(
            f"{path}: also_clustered_by names the tag {tag!r}, which {len(without):,} of {len(bias):,} bias items "
            f"lack, such as {without[0].item_id!r}.",
            fix=f"Name a tag that each of them has. Their tags: {tags}.",
        )


def content_sha256(items: Iterable[ProbeItem]) -> str:
    """Return the hash of the items' content, in their order."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(json.dumps(asdict(item), sort_keys=True, ensure_ascii=True).encode("ascii"))
    return digest.hexdigest()
