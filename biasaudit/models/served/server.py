"""Who serves: what a server says of its program, its build and the model, as far as it says anything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import ModelReferenceError
from biasaudit.models.served.hostile import words
from biasaudit.visible import in_short

if TYPE_CHECKING:
    from biasaudit.models.served.client import Client
    from biasaudit.models.served.reference import ServedSpec

_OF_LISTING: Final = ("id", "root", "parent", "owned_by", "max_model_len", "aliases", "meta")
"""Of an entry of ``/v1/models``; some servers make up the others anew each time."""
_OF_PROPS: Final = ("model_path", "model_alias", "model_ftype", "build_info", "chat_template", "bos_token", "eos_token")
_LARGEST: Final = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a server says of itself and of one model.

    Attributes
    ----------
    engine : str
        Program and build; ``unknown`` where it says nothing that is known.
    says : str
        SHA-256 of all that it says of the model, with its address.
    quantization : str or None
    n_parameters, n_ids, longest : int or None
        Of the model; tokens that it has a row for; tokens that it reads at once.
    n_models : int
        How many it lists.
    """

    engine: str
    says: str
    quantization: str | None = None
    n_parameters: int | None = None
    n_ids: int | None = None
    longest: int | None = None
    n_models: int = 1


def server_of(client: Client, spec: ServedSpec) -> Server:
    """Ask a server what it is, and whether it has the model.

    Raises
    ------
    ModelReferenceError
        If it has no such model.
    ServerError
        If it cannot be asked.
    """
    listing, n_models = _listing(client, spec)
    props = _object(client.get(f"{spec.root}/props"))
    version = _object(client.get(f"{spec.root}/version"))
    info = {} if props or version else _object(client.get(f"{spec.root}/get_server_info"))
    adapters = client.get(f"{spec.root}/lora-adapters") if props else None
    meta = _object(listing.get("meta"))
    said = {
        "address": spec.url,
        "model": spec.model,
        "listing": {name: listing[name] for name in _OF_LISTING if name in listing},
        "props": {name: props[name] for name in _OF_PROPS if name in props},
        "version": version.get("version"),
        "info": {name: info.get(name) for name in ("version", "model_path", "dtype", "quantization")},
        # A list of adapters and how much of each is put on; an empty one says the same as none.
        "adapters": adapters or None,
    }
    ftype = words(props.get("model_ftype")) or words(meta.get("ftype")) or words(info.get("quantization"))
    return Server(
        engine=_engine(props, version, info),
        says=hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest(),
        quantization=None if ftype is None else ftype.removeprefix("(guessed) "),
        n_parameters=_count(meta.get("n_params")),
        n_ids=_count(meta.get("n_vocab")),
        longest=_longest(listing, props, info),
        n_models=n_models,
    )


def _listing(client: Client, spec: ServedSpec) -> tuple[Mapping[str, Any], int]:  # Any: JSON values
    """Return what the server's list has of the model, and how many it has."""
    answer = client.get(f"{spec.url}/models")
    found = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise client.error(
            "lists no models, so that nobody knows whether it has this one",
            fix=f"Name the part of its address under which there is /models; mostly it ends with /v1: {spec.root}/v1.",
        )
    models = [one for one in found if isinstance(one, dict)]
    for one in models:
        if spec.model in _names(one):
            return one, len(models)
    there = in_short([name for one in models for name in _names(one)[:1]]) or "none"
    raise ModelReferenceError(
        f"the server {client.server} has no model {in_short([spec.model])!r}; there is {there}.",
        fix="Name one of them after the '#'.",
    )


def _names(one: Mapping[str, Any]) -> list[str]:  # Any: JSON values
    aliases = one.get("aliases")
    names: Sequence[object] = [one.get("id"), *(aliases if isinstance(aliases, list) else ())]
    return [name for name in names if isinstance(name, str)]


def _object(found: object) -> Mapping[str, Any]:  # Any: JSON values
    return found if isinstance(found, dict) else {}


def _engine(props: Mapping[str, Any], version: Mapping[str, Any], info: Mapping[str, Any]) -> str:  # Any: JSON values
    if "build_info" in props or "default_generation_settings" in props:
        return f"llama.cpp {words(props.get('build_info'), 60) or 'of an unknown build'}"
    if words(version.get("version")):
        return f"vLLM {words(version['version'], 60)}"
    if words(info.get("version")):
        return f"SGLang {words(info['version'], 60)}"
    return "unknown"


def _longest(listing: Mapping[str, Any], props: Mapping[str, Any], info: Mapping[str, Any]) -> int | None:  # Any: JSON
    of_props = _object(props.get("default_generation_settings")).get("n_ctx")
    # One token is always written, and needs its place.
    of_others = [_count(listing.get("max_model_len")), _count(info.get("context_length"))]
    known = [_count(of_props), *(one - 1 for one in of_others if one is not None)]
    return min((one for one in known if one is not None), default=None)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST else None
