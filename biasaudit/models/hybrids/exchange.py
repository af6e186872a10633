"""A pair of checkpoints whose parts are exchanged: each hybrid is a real model and is scored as any other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from biasaudit.errors import PartsError
from biasaudit.models.hybrids.parts import Part, parts_of, tried_ids
from biasaudit.models.local.loaded import LoadedModel
from biasaudit.types.depth import Hybrid

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from biasaudit.types import ModelFingerprint


class HybridPair:
    """Two loaded checkpoints of one architecture, and all that lies between them.

    Parameters
    ----------
    base, tuned : LoadedModel
        Both stay loaded. The base's modules are exchanged while a hybrid is open, and put back.

    Raises
    ------
    PartsError
        If the parts of one cannot be told apart, if they are not those of the other, or if a base with all parts
        exchanged does not give the tuned checkpoint's numbers, bit for bit: then something outside the parts differs.
    """

    def __init__(self, base: LoadedModel, tuned: LoadedModel) -> None:
        self.base, self.tuned = base, tuned
        self.parts = parts_of(base.causal_model, base.fingerprint.reference)
        others = parts_of(tuned.causal_model, tuned.fingerprint.reference)
        if others != self.parts:
            raise PartsError(
                f"the parts of {tuned.fingerprint.reference!r} are not those of {base.fingerprint.reference!r}.",
                fix="Explain a checkpoint that was tuned from this base.",
            )
        self._exchanged = frozenset(number for number, part in enumerate(self.parts) if self._differ(part))
        self._check_ends()

    @property
    def n_parts(self) -> int:
        """How many there are: the blocks and two."""
        return len(self.parts)

    @property
    def exchanged(self) -> frozenset[int]:
        """Numbers of the parts that differ between the two; all where something differs that no tensor holds."""
        return self._exchanged

    def _differ(self, part: Part) -> bool:
        import torch  # noqa: PLC0415

        for name in part.modules:
            one, other = (model.causal_model.get_submodule(name).state_dict() for model in (self.base, self.tuned))
            if one.keys() != other.keys() or any(not torch.equal(one[key], other[key]) for key in one):
                return True
        return False

    def of_tuned(self, hybrid: Hybrid) -> frozenset[int]:
        """Return the parts of a hybrid that are the tuned checkpoint's, of those that differ at all."""
        return self._exchanged & frozenset(hybrid.tuned(self.n_parts))

    @contextmanager
    def opened(self, hybrid: Hybrid) -> Iterator[LoadedModel]:
        """Exchange parts, and put them back afterwards.

        Parameters
        ----------
        hybrid : Hybrid

        Yields
        ------
        LoadedModel
            Scores as any other; its fingerprint names both checkpoints and what is whose.
        """
        with self._mixed(hybrid.tuned(self.n_parts)):
            # Packs of it are checked anew: how a block reads them is its own affair.
            yield replace(self.base, fingerprint=self._fingerprint(hybrid), scoring=None, checked=None)

    @contextmanager
    def _mixed(self, tuned: Sequence[int]) -> Iterator[PreTrainedModel]:
        model, other = self.base.causal_model, self.tuned.causal_model
        names = [name for number in tuned for name in self.parts[number].modules]
        before = {name: model.get_submodule(name) for name in names}
        try:
            for name in names:
                _put(model, name, other.get_submodule(name))
            yield model
        finally:
            for name, module in before.items():
                _put(model, name, module)

    def _fingerprint(self, hybrid: Hybrid) -> ModelFingerprint:
        one, other = self.base.fingerprint, self.tuned.fingerprint
        tuned = self.of_tuned(hybrid)
        if tuned in (frozenset(), self._exchanged):
            return other if tuned else one
        modules = [name for number in sorted(tuned) for name in self.parts[number].modules]
        named = [one.weights, one.adapter, other.weights, other.adapter, *modules]
        digest = hashlib.sha256("\n".join(map(str, named)).encode()).hexdigest()
        return replace(one, reference=f"{one.reference} | {other.reference}", weights=f"hybrid:{digest}", adapter=None)

    def _check_ends(self) -> None:
        import torch  # noqa: PLC0415

        before, wanted = _logits(self.base.model), _logits(self.tuned.model)
        with self._mixed(sorted(self._exchanged)):
            found = _logits(self.base.model)
        if not torch.equal(found, wanted):
            # What no tensor holds differs in some part, such as the scale of an adapter: any of them may be another.
            self._exchanged = frozenset(range(self.n_parts))
            with self._mixed(range(self.n_parts)):
                found = _logits(self.base.model)
        after = _logits(self.base.model)
        if not torch.equal(found, wanted):
            difference = float((found - wanted).abs().max()) if found.shape == wanted.shape else float("nan")
            raise PartsError(
                f"{self.base.fingerprint.reference!r} with every part of {self.tuned.fingerprint.reference!r} does "
                f"not give the numbers of that (logits differ by up to {difference:.3g}): something outside the parts "
                "differs between them, such as how positions are turned.",
                fix="Compare the two configurations (rope, scaling, soft caps); explain a pair that shares them.",
            )
        if not torch.equal(before, after):
            raise PartsError(
                f"{self.base.fingerprint.reference!r} does not give the same numbers once its parts are put back.",
                fix="Its forward depends on more than weights and text: explain a pair of another architecture.",
            )


def _put(model: PreTrainedModel, name: str, module: Any) -> None:  # a module of torch
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, module)


def _logits(model: Any) -> Tensor:  # PreTrainedModel or PeftModel around one
    import torch  # noqa: PLC0415

    with torch.inference_mode():
        found: Tensor = model(input_ids=tried_ids(model), use_cache=False).logits
    return found
