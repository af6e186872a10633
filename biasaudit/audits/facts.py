"""What is known of one model before it is audited: what an audit would check, find and take."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biasaudit.audits.plan import Plan
from biasaudit.audits.preflight import made_ready, probes_of
from biasaudit.audits.sanity import sanity_of
from biasaudit.errors import UsageError
from biasaudit.models import plausibility
from biasaudit.models.backends import local
from biasaudit.models.foreign import foreign_collected
from biasaudit.models.local.outlook import longest_of
from biasaudit.models.text.tokenizer import chat_templates_of, shared_tokenizer
from biasaudit.probes import suite_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from biasaudit.audits.sanity import Sanity
    from biasaudit.models import Located
    from biasaudit.models.local.outlook import CheckpointForecast
    from biasaudit.types.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """One model.

    Attributes
    ----------
    located : Located
    file_format : str
        ``safetensors``, or GGUF that was converted.
    tokenizer : str
        Its class, words and special tokens.
    template_in : str or None
        Where its chat template stands.
    longest : int or None
        Tokens of the longest text.
    suite : str
    forecast : CheckpointForecast
        Of that suite, in plain framing and, where there is a template, in chat.
    sanity : Sanity or None
        None where it was not asked.
    """

    located: Located
    file_format: str
    tokenizer: str
    template_in: str | None
    longest: int | None
    suite: str
    forecast: CheckpointForecast
    sanity: Sanity | None


def model_facts(reference: str, *, suite: str, progress: Progress, ask: bool) -> ModelFacts:
    """Check a model as an audit would, and gather what there is to know.

    Parameters
    ----------
    reference : str
    suite : str
        Whose time is estimated.
    progress : Progress
    ask : bool
        Whether to load it and ask it for ordinary sentences.

    Raises
    ------
    BiasauditError
        Whatever an audit would refuse before it scores.
    """
    plan = Plan(
        base=reference, tuned=(reference,), probes=tuple(suite_of(suite).probes), suite=suite, framing_names=("plain",)
    )
    if plan.way is not local.LOCAL:
        raise UsageError(
            f"{reference!r} is reached by {plan.way.name}: it has no files here to say something of.",
            fix="Name a hub id, a folder or a .gguf file.",
        )
    with foreign_collected(progress.say, progress=progress):
        place = local.located_all({"base": reference}, progress.say)["base"]
        tokenizer = shared_tokenizer(place)
        templates = chat_templates_of(place, tokenizer)
        if "default" in templates:
            plan = Plan(base=reference, tuned=(reference,), probes=plan.probes, suite=suite)
        ready = local.made_ready({"base": place}, plan.settings)
        asked = made_ready(plan, probes_of(plan), ready.prepared(), None).asked
        forecast = ready.outlook.of(asked)["base"]
        sanity = _sanity(ready, progress) if ask else None
    special = ", ".join(
        f"{what} {token!r}"
        for what, token in (
            ("beginning", tokenizer.bos_token),
            ("end", tokenizer.eos_token),
            ("unknown", tokenizer.unk_token),
        )
        if token is not None
    )
    return ModelFacts(
        located=place,
        file_format="GGUF, converted once" if (place.folder / "conversion.json").is_file() else "safetensors",
        tokenizer=f"{type(tokenizer).__name__}, {len(tokenizer):,} words" + (f"; {special}" if special else ""),
        template_in=_templates(templates, place),
        longest=longest_of(place),
        suite=suite,
        forecast=forecast,
        sanity=sanity,
    )


def _sanity(ready: local.LocalReady, progress: Progress) -> Sanity:
    """Ask the model itself: what the cache holds is not asked."""
    with ready.opened(progress.say, cached=False) as opened:
        model = opened("base")
        return sanity_of({"base": plausibility.asked(model)}, {"base": model.unknown_id})


def adapter_facts(located: Located) -> tuple[str, ...]:
    """Return what an adapter's configuration says: its kind, size, targets and base.

    Parameters
    ----------
    located : Located
    """
    if located.adapter_folder is None:
        return ()
    text = (located.adapter_folder / "adapter_config.json").read_text(encoding="utf-8")
    config: dict[str, Any] = json.loads(text)  # Any: JSON values
    targets = config.get("target_modules")
    facts = (
        ("kind", config.get("peft_type")),
        ("rank", config.get("r")),
        ("changes", ", ".join(sorted(map(str, targets))) if isinstance(targets, list) else targets),
        ("bias", config.get("bias") if config.get("bias") != "none" else None),
        ("made for", config.get("base_model_name_or_path")),
    )
    return tuple(f"{name} {value}" for name, value in facts if value not in {None, ""})


def _templates(templates: Mapping[str, str], place: Located) -> str | None:
    if not templates:
        return None
    if "default" in templates:
        return _template_in(place)
    first, *_ = named = sorted(templates)
    return f"several and no default ({', '.join(named)}): choose one with --chat-template :{first}"


def _template_in(place: Located) -> str:
    folders = [("the adapter's", place.adapter_folder), ("the model's", place.folder)]
    for whose, folder in folders:
        if folder is not None and (folder / "chat_template.jinja").is_file():
            return f"{whose} chat_template.jinja"
    for whose, folder in folders:
        path = None if folder is None else folder / "tokenizer_config.json"
        if path is not None and path.is_file() and "chat_template" in path.read_text(encoding="utf-8"):
            return f"{whose} tokenizer_config.json"
    return "the model's tokenizer"
