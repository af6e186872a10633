"""The grammar of references to models behind a server.

::

    reference = url "#" model [ "+tokenizer=" place ]
    url       = http://host[:port][/path] | https://…
    place     = folder | hub id [ "@" revision ] | demo:base
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from biasaudit.errors import ModelReferenceError
from biasaudit.visible import in_short

SCHEMES: Final = ("http://", "https://")
TOKENIZER: Final = "+tokenizer="
_GRAMMAR: Final = "Write http://HOST:PORT/v1#MODEL+tokenizer=PLACE, where PLACE is a folder, a hub id or demo:base."


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedSpec:
    """A model behind a server, as asked for.

    Attributes
    ----------
    reference : str
        As written.
    url : str
        Of the server, without a slash at its end.
    model : str
        The name that the server has for it.
    tokenizer : str or None
        Where its tokenizer lies; None where it is not said.
    """

    reference: str
    url: str
    model: str
    tokenizer: str | None

    @property
    def root(self) -> str:
        """The address above the part that OpenAI's paths have."""
        return self.url.removesuffix("/v1")


def is_served(text: str) -> bool:
    """Whether a reference is of this grammar.

    Examples
    --------
    >>> is_served("http://localhost:8000/v1#m"), is_served("org/model")
    (True, False)
    """
    return text.lower().startswith(SCHEMES)


def parse_served(text: str) -> ServedSpec:
    """Parse a reference to a model behind a server.

    Raises
    ------
    ModelReferenceError
        If it has no model, no host or no such port, or carries a password, which manifests would then hold.

    Examples
    --------
    >>> spec = parse_served("http://localhost:8000/v1#org/m+tokenizer=demo:base")
    >>> spec.url, spec.root, spec.model, spec.tokenizer
    ('http://localhost:8000/v1', 'http://localhost:8000', 'org/m', 'demo:base')
    """
    address, hash_mark, rest = text.partition("#")
    _check_address(address)
    model, named, tokenizer = rest.partition(TOKENIZER)
    if not hash_mark or not model.strip():
        raise ModelReferenceError(
            f"the reference {in_short([text])!r} names a server and no model of it: there is nothing after '#'.",
            fix=f"{_GRAMMAR} The server lists its models at {in_short([address])}/models.",
        )
    if named and not tokenizer.strip():
        raise ModelReferenceError(f"the reference {in_short([text])!r} names no tokenizer after '='.", fix=_GRAMMAR)
    return ServedSpec(reference=text, url=address.rstrip("/"), model=model, tokenizer=tokenizer or None)


def _check_address(address: str) -> None:
    """Refuse what is no address of a server, or says more than one."""
    try:
        parts = urlsplit(address)
        # The port is parsed when it is asked for.
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        # Not the text itself: what cannot be split may hold a password.
        raise ModelReferenceError(f"the address of a server cannot be read: {exc}.", fix=_GRAMMAR) from exc
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise ModelReferenceError(
            f"the address of the server {in_short([host or ''])!r} carries a user or a password, which would stand in "
            "every manifest and report.",
            fix="Take it out, and put a key into the environment variable BIASAUDIT_API_KEY.",
        )
    if parts.scheme.lower() not in {"http", "https"} or not host:
        raise ModelReferenceError(f"{in_short([address])!r} is no address of a server.", fix=_GRAMMAR)
    if parts.query:
        raise ModelReferenceError(
            f"the address of the server {in_short([host])!r} has a query, which is where keys are written.",
            fix=_GRAMMAR,
        )
