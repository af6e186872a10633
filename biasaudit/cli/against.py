"""Two models number against number, in words: for `biasaudit model A --against B`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.cli import terminal
from biasaudit.visible import visible_line

if TYPE_CHECKING:
    from biasaudit.audits.against import Against
    from biasaudit.types import ModelFingerprint

_FACTS: Final = ("engine", "dtype", "kv_dtype", "quantization", "reading", "device", "weights", "adapter")


def print_against(found: Against) -> None:
    """Print how far two models lie apart, and how each was computed."""
    for name, model in (("one", found.one), ("other", found.other)):
        terminal.say_line(f"{name:<14} {visible_line(model.reference)}")
        terminal.say_line(f"{'':<14} {visible_line(facts_of(model))}")
    differing = "; ".join(found.differing) or "alike"
    n_unscored = found.n_texts - found.n_compared
    unscored = f"; {n_unscored:,} not scored by both" if n_unscored else ""
    rows = [
        ("computed", differing),
        ("texts", f"{found.n_compared:,} of {found.n_texts:,}{unscored}"),
        ("a token", _of_tokens(found)),
        ("a text", f"largest difference {found.largest_text_nats:.3g} nats"),
        ("signs", _of_signs(found)),
    ]
    for term, said in rows:
        terminal.say_line(f"{term:<14} {visible_line(said)}")
    terminal.say_line("This says how far two computations lie apart, and nothing of bias.")


def facts_of(model: ModelFingerprint) -> str:
    """Return what a fingerprint says of the computation, and of which weights."""
    engine = model.engine or ", ".join(f"{name} {version}" for name, version in sorted(model.libraries.items()))
    said = {name: getattr(model, name) for name in _FACTS} | {"engine": engine or None}
    return "; ".join(f"{name} {value}" for name, value in said.items() if value is not None)


def _of_tokens(found: Against) -> str:
    if found.largest_token_nats is None or found.median_token_nats is None:
        return "not compared: they cut every text into other tokens"
    others = f"; {found.n_other_tokens:,} texts are of other tokens" if found.n_other_tokens else ""
    return (
        f"largest difference {found.largest_token_nats:.3g} nats, median {found.median_token_nats:.3g}, of "
        f"{found.n_tokens:,}{others}"
    )


def _of_signs(found: Against) -> str:
    if found.equal_signs is None:
        return "no item has an index in both"
    return f"equal in {100 * found.equal_signs:.1f} % of {found.n_items:,} items"
