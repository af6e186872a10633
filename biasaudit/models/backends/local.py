"""Weights on this machine: folders, snapshots of the hub, GGUF files, with adapters; loaded by transformers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import Together
from biasaudit.framing import ChatFrame
from biasaudit.models.backend import LIBRARIES, Found, Prepared, Say, Settings, Way, sampling_of
from biasaudit.models.backends.exchanged import LocalExchange, local_exchange
from biasaudit.models.backends.local_model import CAN, LocalModel, shelf_for
from biasaudit.models.backends.shared import SharedModel, shared_out
from biasaudit.models.cache import ResponseCache, open_cache
from biasaudit.models.cache_place import cache_folder
from biasaudit.models.lineage import SameWeights, lineage, same_weights
from biasaudit.models.local import loading
from biasaudit.models.local.adapters import notices_of
from biasaudit.models.local.loading import (
    ModelShelf,
    best_device,
    check_before_loading,
    found_device,
    locate,
    resolve_dtype,
)
from biasaudit.models.local.located import Located
from biasaudit.models.local.outlook import Outlook
from biasaudit.models.local.quantized import quantization_config, scheme_before_loading
from biasaudit.models.one_engine import refuse_different_engines
from biasaudit.models.reference import parse_reference
from biasaudit.models.text.beginning import Beginning, Speaker, shared_beginning
from biasaudit.models.text.chat import chat_frame, template_date
from biasaudit.models.text.templates import chosen_template
from biasaudit.models.text.tokenizer import chat_templates_of, same_text_files, shared_tokenizer, text_files_sha256
from biasaudit.models.training_card import read_training

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


DATED: Final = (
    "the chat template writes the date of the day, so that the same texts are scored anew on every other day; "
    "--template-date 2025-12-31 sets one"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalReady:
    """Checkpoints that lack nothing but to be loaded.

    Attributes
    ----------
    places : mapping
        Checkpoint -> where its files lie.
    settings : Settings
    relations : mapping
        Tuned checkpoint -> how it relates to the base, in a sentence.
    alike : tuple of SameWeights
        Checkpoints whose weights are those of another.
    beginnings : mapping
        Checkpoint -> what stands before its texts.
    notes : tuple of str
        What is to be said of beginnings and templates.
    chat : ChatFrame or None
        What the chat template puts around a turn; None without the chat framing.
    """

    places: Mapping[str, Located]
    settings: Settings
    relations: Mapping[str, str]
    alike: tuple[SameWeights, ...]
    beginnings: Mapping[str, Beginning]
    notes: tuple[str, ...]
    chat: ChatFrame | None

    def prepared(self) -> Prepared:
        """Return what an audit is to know of them."""
        named = said_once((name, f"{told}.") for name, place in self.places.items() for told in notices_of(place))
        return Prepared(
            relations=self.relations,
            opened=self.opened,
            sentences=True,
            chat=self.chat,
            told=tuple(pair.told for pair in self.alike) + named + self.notes,
            same=same_files(self.places),
            alike=frozenset(pair.other for pair in self.alike),
            cache=cache_folder(),
            libraries=(*loading.LIBRARIES, *LIBRARIES),
            trainings={name: read_training(one.adapter_folder) for name, one in self.places.items() if name != "base"},
            forecast=self.outlook.of,
            exchange=self.exchange,
            sampling=sampling_of(self.settings),
        )

    @property
    def outlook(self) -> Outlook:
        """What they would take."""
        return Outlook(
            places=self.places,
            beginnings=self.beginnings,
            dtype=self.settings.dtype,
            device=self.settings.device,
            trust_remote_code=self.settings.trust_remote_code,
            quantize=self.settings.quantize,
            device_map=self.settings.device_map,
            workers=self.settings.workers,
            on_cluster=self.settings.ray is not None,
        )

    @contextmanager
    def opened(self, say: Say, *, cached: bool = True) -> Iterator[Callable[[str], LocalModel | SharedModel]]:
        """Load checkpoints by name, one at a time, here or in workers; base weights stay for the next adapter.

        Parameters
        ----------
        say : callable
        cached : bool
            Whether answers are looked up, and kept.
        """
        shelf = shelf_for(self.settings, say)
        context: AbstractContextManager[ResponseCache | None] = open_cache(say) if cached else nullcontext()
        with context as cache:
            if self.settings.workers is not None:
                with shared_out(self.places, self.beginnings, self.settings, cache, say) as opened:
                    yield opened
                return
            yield lambda name: self._loaded(name, shelf, cache, say)

    @contextmanager
    def exchange(self, name: str, say: Say) -> Iterator[LocalExchange]:
        """Load the base and one tuned checkpoint side by side, so that their parts can be exchanged."""
        places = [(self.places[one], self.beginnings[one]) for one in ("base", name)]
        with open_cache(say) as cache, local_exchange(places, self.settings, cache, say) as found:
            yield found

    def _loaded(self, name: str, shelf: ModelShelf, cache: ResponseCache | None, say: Say) -> LocalModel:
        loaded = shelf.open(self.places[name])
        loaded.beginning = self.beginnings[name]
        return LocalModel(loaded=loaded, cache=cache, batch_tokens=self.settings.batch_tokens, say=say)


def located_all(references: Mapping[str, str], say: Say) -> dict[str, Located]:
    """Find and hash the files of every checkpoint.

    Raises
    ------
    BiasauditError
        What is wrong with any of them.
    """
    together = Together()
    places: dict[str, Located] = {}
    for name, reference in references.items():
        with together.noted():
            places[name] = locate(parse_reference(reference), say)
    together.raise_any()
    return places


def made_ready(places: Mapping[str, Located], settings: Settings) -> LocalReady:
    """Check lineage, tensors, tokenizers and chat template.

    Raises
    ------
    BiasauditError
    """
    together = Together()
    relations: dict[str, str] = {}
    for name, place in places.items():
        if name != "base" and "base" in places:  # else another way reaches the base
            with together.noted():
                relations[name] = lineage(places["base"], place, allow_different=settings.allow_different_lineage)
    if not settings.allow_different_engines:
        with together.noted():
            _refuse_different_schemes(places, settings)
    # Before any tokenizer: what differs in sizes need not be looked at more closely.
    together.raise_any()
    for place in {one.folder: one for one in places.values()}.values():
        with together.noted():
            check_before_loading(place, trust_remote_code=settings.trust_remote_code, quantize=settings.quantize)
    together.raise_any()
    speakers: dict[str, Speaker] = {}
    for name, place in places.items():
        with together.noted():
            speakers[name] = _speaker(place, settings)
    together.raise_any()
    chosen = shared_beginning(speakers)
    for name, note in chosen.notes.items():
        if name in relations:
            relations[name] += f"; {note}"
    chat = _chat_frame(places, speakers, settings) if settings.chat else None
    notes = said_once(chosen.notes.items())
    if chat is not None and chat.dated and settings.template_date is None:
        notes = (*notes, DATED)
    return LocalReady(
        places=places,
        settings=settings,
        relations=relations,
        alike=tuple(same_weights(places)),
        beginnings=chosen.beginnings,
        notes=notes,
        chat=chat,
    )


def said_once(notes: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return notes about checkpoints, each once, with all that it is about.

    Examples
    --------
    >>> said_once([("base", "odd"), ("tuned", "odd"), ("tuned", "small")])
    ('base, tuned: odd', 'tuned: small')
    """
    found: dict[str, list[str]] = {}
    for name, note in notes:
        found.setdefault(note, []).append(name)
    return tuple(f"{', '.join(names)}: {note}" for note, names in found.items())


def same_files(places: Mapping[str, Located]) -> dict[str, str]:
    """Return the checkpoints that are the same files as one before them, and that one.

    Parameters
    ----------
    places : mapping
        Checkpoint -> where its files lie; the base first.
    """
    first: dict[tuple[str, str | None, str], str] = {}
    found = {}
    for name, place in places.items():
        earlier = first.setdefault((place.weights, place.adapter, text_files_sha256(place)), name)
        if earlier != name:
            found[name] = earlier
    return found


def _refuse_different_schemes(places: Mapping[str, Located], settings: Settings) -> None:
    """Compare what the files say; what only loading tells is compared when all are opened."""
    if all(quantization_config(one.config) is None for one in places.values()):
        return
    dtype = resolve_dtype(settings.dtype, settings.device or best_device())
    schemes = {
        name: {"quantization": scheme_before_loading(one.config, settings.quantize, dtype=dtype)}
        for name, one in places.items()
    }
    refuse_different_engines(schemes, {name: place.spec.reference for name, place in places.items()})


def _speaker(place: Located, settings: Settings) -> Speaker:
    inner = place.config.get("text_config")
    size = (inner if isinstance(inner, dict) else place.config).get("vocab_size")
    tokenizer = shared_tokenizer(place, trust_remote_code=settings.trust_remote_code)
    return Speaker(tokenizer=tokenizer, n_ids=size if isinstance(size, int) else None)


def _chat_frame(places: Mapping[str, Located], speakers: Mapping[str, Speaker], settings: Settings) -> ChatFrame:
    """Return the template around a user's turn; the same bytes for every checkpoint."""
    order = sorted(places, key=lambda name: name == "base")
    found = tuple(chat_templates_of(places[name], speakers[name].tokenizer) for name in order)
    template = chosen_template(settings.chat_template, found)
    return chat_frame(speakers[order[0]].tokenizer, template, date=template_date(settings.template_date))


def differing(places: Mapping[str, Located], recorded: Mapping[str, Mapping[str, Any]]) -> set[str]:  # Any: JSON
    """Return what differs between checkpoints and the fingerprints of a manifest, such as ``weights.base``."""
    now = {name: [place.weights, place.adapter] for name, place in places.items()}
    then = {name: [found["weights"], found["adapter"]] for name, found in recorded.items()}
    weights = {f"weights.{name}" for name in {*now, *then} if now.get(name) != then.get(name)}
    return weights | {
        f"tokenizer or chat template.{name}"
        for name, place in places.items()
        if name in recorded and not same_text_files(place, recorded[name])
    }


def _found(references: Mapping[str, str], settings: Settings, say: Say) -> Found:
    places = located_all(references, say)
    return Found(prepared=lambda: made_ready(places, settings).prepared(), differing=partial(differing, places))


def _check(settings: Settings) -> None:
    # What a cluster has cannot be seen from here.
    if settings.ray is None and settings.device not in {
        None,
        "cpu",
    }:  # None takes what there is; to look for others torch is imported
        found_device(settings.device)


LOCAL: Final = Way(
    name="local", can=CAN, recognises=lambda _: True, locate=_found, parse=parse_reference, check=_check, shares=True
)
