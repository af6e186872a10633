"""What an audit would ask, in words: for `audit --dry-run` and `model`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biasaudit.cli import terminal

if TYPE_CHECKING:
    from biasaudit.audits.dry_run import Forecast
    from biasaudit.audits.facts import ModelFacts
    from biasaudit.models.local.outlook import CheckpointForecast
    from biasaudit.models.plausibility import Figures, Judged
    from biasaudit.models.shards.outlook import ShardOutlook


def print_forecast(forecast: Forecast) -> None:
    """Print what a dry run found."""
    for notice in forecast.notices:
        terminal.say_line(f"note: {notice}")
    for name, found in forecast.checkpoints.items():
        work = found.work
        terminal.say_line(f"{name}: {found.reference}")
        terminal.say_line(f"  weights      {size_in_words(found)}")
        for share in found.placement:
            parts = f"{share.n_modules:,} parts, {share.n_bytes / 1e6:,.0f} MB of weights"
            terminal.say_line(f"  on {share.device:<9} {parts}")
        of_them = f"distinct {work.n_distinct:,}, in the cache {work.n_cached:,}"
        terminal.say_line(f"  requests     {work.n_requests:,}, {of_them}")
        if work.n_failed:
            terminal.say_line(f"  cannot be asked: {work.n_failed:,} (too long, or without a token of their own)")
        terminal.say_line(f"  to compute   {work.n_tokens:,} tokens, {work.n_nodes:,} distinct beginnings")
        if found.shards is not None:
            terminal.say_line(f"  workers      {shards_in_words(found.shards, found.memory_bytes)}")
        terminal.say_line(f"  time         {time_in_words(found)}")
    if not forecast.checkpoints:
        terminal.say_line(f"each checkpoint: {forecast.n_requests:,} requests, whose time is not known beforehand")
        terminal.say_line(f"in all: up to {forecast.disk_bytes / 1e6:,.0f} MB on disk")
        terminal.say_line("nothing was scored, and no audit was written")
        return
    n_left = sum(found.work.n_nodes for found in forecast.checkpoints.values())
    memory = f"{forecast.memory_bytes / 1e9:.1f} GB of memory"
    there = memory_here()
    if there is not None:
        memory += f" (this machine has {there / 1e9:.1f})"
    total = f"about {duration(forecast.seconds)} of scoring" if n_left else "nothing left to score"
    terminal.say_line(f"in all: {total}, about {memory}, up to {forecast.disk_bytes / 1e6:,.0f} MB on disk")
    terminal.say_line("nothing was scored, and no audit was written")


def size_in_words(found: CheckpointForecast) -> str:
    """Return parameters, bytes and number formats of a checkpoint."""
    size = found.size
    return (
        f"{size.n_parameters / 1e6:,.1f} M parameters, {size.n_bytes / 1e6:,.0f} MB as {', '.join(size.stored_as)}, "
        f"computed in {found.dtype} on {found.device}"
        + ("" if found.quantization is None else f", weights in {found.quantization}")
    )


def shards_in_words(shards: ShardOutlook, memory_bytes: int) -> str:
    """Return what workers would be given, and what each of them needs."""
    return (
        f"{shards.n_workers:,}, each about {memory_bytes / 1e9:.1f} GB; {shards.n_shards:,} shards of up to "
        f"{shards.largest_nodes:,} tokens, {shards.n_nodes:,} in all: {shards.duplicated_share:.2%} computed twice"
    )


def time_in_words(found: CheckpointForecast) -> str:
    """Return about how long a checkpoint takes, and how that is known."""
    if not found.work.n_nodes:
        return "none: the cache has every answer"
    known = {
        "the last run": "as fast as the last run of this model here",
        "a product of matrices": "estimated from how fast this machine multiplies matrices now",
    }[found.speed.known_from]
    return f"about {duration(found.seconds)} at {found.speed.tokens_per_second:,.0f} tokens/s, {known}"


def duration(seconds: float) -> str:
    """Return a time in words.

    Examples
    --------
    >>> duration(0.2), duration(75), duration(7300)
    ('a second', '1 min 15 s', '2 h 2 min')
    """
    whole = round(seconds)
    if whole < 2:
        return "a second"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h {minutes % 60} min"


def memory_here() -> int | None:
    """Return the bytes of memory of this machine, or None where it does not say."""
    import os

    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def print_model(found: ModelFacts, *, adapter: tuple[str, ...]) -> None:
    """Print what is known of a model."""
    place, forecast = found.located, found.forecast
    rows = [
        ("reference", place.spec.reference),
        ("architecture", ", ".join(map(str, _listed(place.config.get("architectures")))) or "unknown"),
        ("format", found.file_format),
        ("size", size_in_words(forecast)),
        ("memory", f"about {forecast.memory_bytes / 1e9:.1f} GB while it scores"),
        ("longest text", f"{found.longest:,} tokens" if found.longest else "not said"),
        ("weights", place.weights),
        ("adapter", "none" if place.adapter is None else "; ".join([place.adapter, *adapter])),
        ("tokenizer", found.tokenizer),
        ("chat template", found.template_in or "none: name one with --chat-template"),
        (
            f"suite {found.suite}",
            f"{forecast.work.n_nodes:,} distinct beginnings; {time_in_words(forecast)}",
        ),
    ]
    if found.sanity is None:
        rows.append(("sentences", "not asked; --check asks the model itself"))
    else:
        figures, verdict = found.sanity.figures["base"], found.sanity.judged["base"]
        rows.append(("sentences", sentences_in_words(figures, verdict)))
    width = max(len(term) for term, _ in rows) + 1
    for term, said in rows:
        terminal.say_line(f"{term:<{width}} {said}")


def sentences_in_words(figures: Figures, judged: Judged) -> str:
    """Return what a model makes of ordinary sentences."""
    said = "; ".join(judged.reasons)
    if figures.ordinary_nats is not None and figures.shuffled_nats is not None:
        numbers = (
            f"{figures.ordinary_nats:.2f} nats a token, shuffled {figures.shuffled_nats:.2f}, "
            f"{figures.n_likelier} of {figures.n_sentences} likelier"
        )
        said = f"{numbers}; {said}" if said else numbers
    return f"{judged.verdict}: {said}"


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
