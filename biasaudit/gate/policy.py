"""The policy: a YAML file that says which limits a model must keep."""

from __future__ import annotations

import difflib
from collections import Counter
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from biasaudit.errors import PolicyError
from biasaudit.types import Contrast

CRITERIA = ("max_index", "max_increase", "min_coverage")


class Rule(BaseModel):
    """One rule: which cells it looks at, and their limits.

    Attributes
    ----------
    id : str
    probes, features : tuple of str or None
        None takes all that the audit has.
    framing : {"plain", "chat"}
        Framing of `max_index` and `min_coverage`.
    contrast : Contrast
        Contrast of `max_increase`.
    max_index : float or None
        Upper limit on the tuned checkpoint's index, in [-1, 1].
    max_increase : float or None
        Upper limit on how much the graded index may rise over the base, in [0, 2].
    min_coverage : float or None
        Lower limit on scored / asked, in [0, 1].
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str = Field(min_length=1)
    probes: list[str] | None = Field(default=None, min_length=1)
    features: list[str] | None = Field(default=None, min_length=1)
    framing: Literal["plain", "chat"] = "chat"
    contrast: Contrast = Field(default=Contrast.AS_DEPLOYED, strict=False)
    max_index: float | None = Field(default=None, ge=-1, le=1, allow_inf_nan=False)
    max_increase: float | None = Field(default=None, ge=0, le=2, allow_inf_nan=False)
    min_coverage: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if all(getattr(self, criterion) is None for criterion in CRITERIA):
            msg = f"a rule needs at least one of {', '.join(CRITERIA)}"
            raise ValueError(msg)
        if self.contrast is Contrast.INTERACTION:
            msg = "an interaction is described, not judged"
            raise ValueError(msg)
        return self


class Policy(BaseModel):
    """A policy file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: Literal[1]
    rules: list[Rule] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        repeated = [name for name, count in Counter(rule.id for rule in self.rules).items() if count > 1]
        if repeated:
            msg = f"rule ids must be unique; repeated: {', '.join(repeated)}"
            raise ValueError(msg)
        return self


def read_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises
    ------
    PolicyError
        With file, place, what was found and what is allowed, for the first thing that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as exc:
        raise PolicyError(f"{path}: there is no such file.", fix="Name a policy file with --policy.") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise PolicyError(f"{path}: cannot be read: {exc}.") from exc
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        raise PolicyError(f"{path}: is not valid YAML: {' '.join(str(exc).split())[:200]}.") from exc
    if not isinstance(content, dict):
        raise PolicyError(
            f"{path}: holds {'nothing' if content is None else type(content).__name__}.",
            fix="A policy is a mapping with the keys version and rules.",
        )
    try:
        return Policy.model_validate(content)
    except ValidationError as exc:
        raise PolicyError(f"{path}: {_described(exc)}") from exc
    except RecursionError as exc:
        raise PolicyError(f"{path}: is nested too deeply.") from exc


def _described(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    location = first["loc"]
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).lstrip(".")
    where = where or "the policy"
    if first["type"] == "extra_forbidden":
        known = list(Rule.model_fields if location[0] == "rules" else Policy.model_fields)
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return f"{where} is not a known key.{hint} Known keys: {', '.join(known)}."
    if first["type"] == "missing":
        return f"{where} is missing."
    return f"{where}: {first['msg']} (found {repr(first['input'])[:80]})."
