"""Local checkpoints whose parts are exchanged: every hybrid answers through cache and engine as any model does."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from biasaudit.errors import PartsError
from biasaudit.models.backends.local_model import LocalModel, shelf_for
from biasaudit.models.hybrids.exchange import HybridPair
from biasaudit.models.insides.inside import LocalInside
from biasaudit.models.local.loading import ModelShelf
from biasaudit.models.local.quantized import scheme_before_loading
from biasaudit.models.local.trace import trace_of

if TYPE_CHECKING:
    from biasaudit.models.backend import Readable, Say, Settings
    from biasaudit.models.cache import ResponseCache
    from biasaudit.models.local.loaded import LoadedModel
    from biasaudit.models.local.located import Located
    from biasaudit.models.text.beginning import Beginning
    from biasaudit.types.depth import Hybrid


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalExchange:
    """A loaded pair; see :class:`biasaudit.models.backend.Exchange`."""

    pair: HybridPair
    cache: ResponseCache | None
    batch_tokens: int | None
    say: Say

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts, in the order in which a text goes through them."""
        return tuple(part.name for part in self.pair.parts)

    def of_tuned(self, hybrid: Hybrid) -> frozenset[int]:
        """Return which parts of a hybrid are the tuned checkpoint's and differ from the base's."""
        return self.pair.of_tuned(hybrid)

    @contextmanager
    def opened(self, hybrid: Hybrid) -> Iterator[Readable]:
        """Exchange parts while the hybrid answers."""
        with self.pair.opened(hybrid) as loaded:
            yield LocalModel(loaded=loaded, cache=self.cache, batch_tokens=self.batch_tokens, say=self.say)

    def inside(self, *, tuned: bool, donor_tuned: bool) -> LocalInside:
        """Look into either checkpoint."""
        ends = (self.pair.base, self.pair.tuned)
        return LocalInside(ends[tuned], ends[donor_tuned])


@contextmanager
def local_exchange(
    places: Sequence[tuple[Located, Beginning]], settings: Settings, cache: ResponseCache | None, say: Say
) -> Iterator[LocalExchange]:
    """Load base and tuned checkpoint side by side.

    An adapter on the base takes no second set of weights, unless putting it on changes some of the base's, as a few
    kinds do: a second base is then loaded, before anything is asked.

    Parameters
    ----------
    places : sequence of (Located, Beginning)
        Base, then tuned.
    settings : Settings
    cache : ResponseCache or None
    say : callable

    Raises
    ------
    PartsError
        If the parts of these models cannot be exchanged.
    """
    (base_place, base_begins), (tuned_place, tuned_begins) = places

    def shelf() -> ModelShelf:
        return shelf_for(settings, say)

    for place, _ in places:
        scheme = scheme_before_loading(place.config, settings.quantize, dtype="float32")
        if scheme is not None:
            raise PartsError(
                f"the weights of {place.spec.reference!r} are quantised ({scheme}), and parts of such models are not "
                "exchanged.",
                fix="Audit and explain the models with plain weights.",
            )

    with ExitStack() as stack:

        def opened(held: ModelShelf, place: Located, begins: Beginning) -> LoadedModel:
            loaded = held.open(place)
            stack.callback(loaded.close)
            loaded.beginning = begins
            return loaded

        first = shelf()
        base = opened(first, base_place, base_begins)
        if base_place.adapter_folder is None and base_place.folder == tuned_place.folder:
            before = trace_of(base.model)
            tuned = opened(first.beside(), tuned_place, tuned_begins)
            if trace_of(base.model) != before:
                say("the adapter changes weights of the base itself: both are loaded apart")
                stack.close()
                del first, base, tuned
                gc.collect()  # modules of an adapter refer to each other in circles
                base = opened(shelf(), base_place, base_begins)
                tuned = opened(shelf(), tuned_place, tuned_begins)
        else:
            tuned = opened(shelf(), tuned_place, tuned_begins)
        pair = HybridPair(base, tuned)
        yield LocalExchange(pair=pair, cache=cache, batch_tokens=settings.batch_tokens, say=say)
