"""How a loaded model scores: packed if it computes packs right, padded otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.errors import OutOfMemoryError
from biasaudit.models.engine import schedule
from biasaudit.models.engine.check_packs import checked
from biasaudit.models.engine.memory import is_out_of_memory
from biasaudit.models.engine.packed import Checked
from biasaudit.models.engine.padded import BATCH_TOKENS, run_padded
from biasaudit.models.engine.regime import forget_lengths, longest_of_first_regime
from biasaudit.types import ScoringFacts

if TYPE_CHECKING:
    from biasaudit.models.cache import ResponseCache
    from biasaudit.models.engine.packed import PackedModel
    from biasaudit.models.engine.tree import TokenSequence
    from biasaudit.models.local.loaded import LoadedModel


CHECKED_AT_LEAST: Final = 128
"""Tokens of the longest sequence of a check: most probes ask for no longer ones."""


@dataclass(slots=True)
class Engine:
    """Runs sequences through a loaded model.

    Parameters
    ----------
    loaded : LoadedModel
    cache : ResponseCache or None
        Remembers the calibrated size of a pack.
    longest : int
        Tokens of the longest text that will be asked for, where these sequences are a part of more: the check is made
        for it, so that every part runs in the same way. 0 where they are all.
    """

    loaded: LoadedModel
    cache: ResponseCache | None
    longest: int = 0

    def run(
        self, sequences: Sequence[TokenSequence], batch_tokens: int | None
    ) -> Iterator[tuple[list[tuple[int, list[float]]], int]]:
        """Yield, batch by batch, (position, log-probabilities in nats) and the tokens computed.

        Raises
        ------
        OutOfMemoryError
        """
        on_cpu = self.loaded.device == "cpu"
        if on_cpu:
            schedule.keep_freed_memory()
        border = self._border
        together = [place for place, one in enumerate(sequences) if border is None or len(one.token_ids) <= border]
        alone = [place for place, one in enumerate(sequences) if border is not None and len(one.token_ids) > border]
        self._forget_lengths()
        if together:
            for found, n_tokens in self._together(
                [sequences[place] for place in together], batch_tokens, on_cpu=on_cpu
            ):
                yield [(together[place], values) for place, values in found], n_tokens
        if alone:
            self._say_alone(len(alone), together=bool(together))
        for place in alone:
            self._forget_lengths()
            [[(_, values)]] = run_padded(self.loaded, [sequences[place]], 1)
            yield [(place, values)], len(sequences[place].token_ids)
        self._forget_lengths()

    @property
    def _border(self) -> int | None:
        """Tokens of the longest text that may share a batch; None where all may."""
        return longest_of_first_regime(self.loaded.causal_model)

    def _forget_lengths(self) -> None:
        forget_lengths(self.loaded.causal_model)

    def _say_alone(self, n_alone: int, *, together: bool) -> None:
        reason = f"{n_alone:,} texts of more than {self._border:,} tokens alone: their positions are turned otherwise"
        known = self.loaded.scoring
        self.loaded.scoring = ScoringFacts(
            path=known.path if together and known else "padded",
            reason=f"{known.reason}; {reason}" if together and known else reason,
            largest_difference_nats=known.largest_difference_nats if together and known else None,
            batch_tokens=known.batch_tokens if together and known else 1,
            pack_nodes=known.pack_nodes if together and known else None,
        )

    def _together(
        self, sequences: Sequence[TokenSequence], batch_tokens: int | None, *, on_cpu: bool
    ) -> Iterator[tuple[list[tuple[int, list[float]]], int]]:
        loaded = self.loaded
        longest = max(len(one.token_ids) for one in sequences)
        if self.longest > longest:
            border = self._border
            longest = self.longest if border is None else min(self.longest, border)
        check = self._checked(longest)
        if check.packed is None:
            n_tokens, n_nodes = (batch_tokens or BATCH_TOKENS) if check.padded else 1, None
            found: Iterator[tuple[list[tuple[int, list[float]]], int]] = (
                (batch, self._n_padded(sequences, batch)) for batch in run_padded(loaded, sequences, n_tokens)
            )
        else:
            n_nodes, n_packs = self._sizes(check.packed, sequences, batch_tokens, on_cpu=on_cpu)
            n_tokens = n_nodes * n_packs
            found = schedule.run_packs(check.packed.logprobs, sequences, n_nodes=n_nodes, n_packs=n_packs)
        loaded.scoring = ScoringFacts(
            path="padded" if check.packed is None else "packed",
            reason=check.reason,
            largest_difference_nats=check.largest_difference_nats,
            batch_tokens=n_tokens,
            pack_nodes=n_nodes,
        )
        yield from found

    def _checked(self, longest: int) -> Checked:
        """Check once; again only where something longer is asked for.

        Raises
        ------
        OutOfMemoryError
            If the longest text alone does not fit.
        """
        known = self.loaded.checked
        if known is None or known.longest < longest:
            try:
                known = self._check(longest)
            except (MemoryError, RuntimeError) as exc:
                if not is_out_of_memory(exc):
                    raise
                raise OutOfMemoryError(longest) from exc
            self.loaded.checked = known
        return known

    def _check(self, longest: int) -> Checked:
        """Check at more than is asked for, so that slightly longer texts do not mean another check."""
        limits = [one for one in (self.loaded.max_length, self._border) if one is not None]
        ample = max(CHECKED_AT_LEAST, 1 << (longest - 1).bit_length())
        if limits:
            ample = min(ample, max(min(limits), longest))
        try:
            return checked(self.loaded, ample)
        except (MemoryError, RuntimeError) as exc:
            if ample == longest or not is_out_of_memory(exc):
                raise
        return checked(self.loaded, longest)

    @staticmethod
    def _n_padded(sequences: Sequence[TokenSequence], batch: Sequence[tuple[int, list[float]]]) -> int:
        return sum(len(sequences[position].token_ids) for position, _ in batch)

    def _sizes(
        self, packed: PackedModel, sequences: Sequence[TokenSequence], batch_tokens: int | None, *, on_cpu: bool
    ) -> tuple[int, int]:
        """Return the nodes of a pack and the packs of a batch: the same for the same requests on the same machine."""
        at_once, usual = schedule.CPU_AT_ONCE, schedule.CPU_NODES[packed.attention][0]
        if not on_cpu:
            at_once, usual = schedule.GPU_AT_ONCE, schedule.GPU_NODES[packed.attention]
        if batch_tokens is not None:
            n_nodes = batch_tokens if packed.attention == "blocks" else min(batch_tokens, usual)
            return n_nodes, schedule.packs_at_once(packed, n_nodes, batch_tokens)
        n_nodes = self._calibrated(packed, sequences) if on_cpu else usual
        return n_nodes, schedule.packs_at_once(packed, n_nodes, at_once)

    def _calibrated(self, packed: PackedModel, sequences: Sequence[TokenSequence]) -> int:
        usual = schedule.CPU_NODES[packed.attention][0]
        if self.cache is None:
            return usual
        key = schedule.machine_key(packed, self.loaded.fingerprint)
        known = self.cache.pack_size(key)
        if known is None:
            # What is left of much work is little: it goes on with the size that the much was given.
            if not schedule.worth_calibrating(packed, sequences):
                return usual
            known = schedule.calibrated_size(packed, sequences)
            self.cache.keep_pack_size(key, known)
        return known
