"""What a probe asks, in one line from its card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from biasaudit.kinds import KINDS
from biasaudit.languages import LANGUAGES
from biasaudit.report.words.facts import first_sentence, mapping
from biasaudit.report.words.wording import count


def asks(probe: Mapping[str, Any]) -> str:  # Any: JSON values
    """Return the first sentence of the card, the kind and the number of items; empty without a card.

    A language other than English is named.

    Parameters
    ----------
    probe : mapping
        The probe's entry in the manifest; older manifests lack keys.

    Examples
    --------
    >>> asks({"construct": "Who is named. In scenes.", "kind": "choice", "n_items": 8, "n_clusters": 2})
    'Who is named. By choice of an answer; 8 items in 2 clusters.'
    >>> asks({})
    ''
    """
    construct, kind = probe.get("construct"), str(probe.get("kind", ""))
    said = [first_sentence(construct)] if isinstance(construct, str) and construct else []
    by = KINDS[kind].words.asks_by if kind in KINDS else ""
    sizes = [f"By {by}"] if by else []
    if isinstance(probe.get("n_items"), int):
        sizes.append(f"{count(probe['n_items'])} items in {count(probe.get('n_clusters'))} clusters")
    if sizes:
        said.append(f"{'; '.join(sizes)}.")
    if (language := LANGUAGES.get(str(probe.get("asked_in")))) is not None:
        said.append(f"Asked in {language.name}: its requests and frames, too.")
    return " ".join(said)


def asked_by_probe(recorded: Mapping[str, Any]) -> dict[str, str]:  # Any: JSON values
    """Return probe -> what it asks, for every probe of the manifest."""
    return {str(name): asks(mapping(found)) for name, found in mapping(recorded.get("probes")).items()}
