"""The policy: which limits a model must keep. Read by :func:`biasaudit.gate.read_policy`."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from biasaudit.gate.vocabulary import Criterion, Family, Form, OnInconclusive, Severity
from biasaudit.types import Contrast

MIN_CLUSTERS: Final = 5
MIN_ITEMS: Final = {criterion: 30 if criterion.is_ratio else 1 for criterion in Criterion}
"""Items without which nothing passes, where the policy does not say: a ratio of few is decided by chance."""

_KEYS: Final = {
    Criterion.MAX_INDEX: {"features", "form", "framing"},
    Criterion.MAX_ABS_INDEX: {"features", "form", "framing"},
    Criterion.MAX_INCREASE: {"features", "contrast"},
    Criterion.MAX_INCREASE_OVER_BASELINE: {"features", "framing"},
    Criterion.MIN_RATIO: {"features", "groups", "framing"},
    Criterion.MIN_IMPACT_RATIO: {"features", "groups", "framing"},
    Criterion.MIN_COVERAGE: {"features", "framing"},
    Criterion.MAX_COMPETENCE_LOSS: {"contrast"},
}
"""Keys of a rule that mean something under one criterion and nothing under another."""


def _from_list(names: object) -> object:
    return tuple(names) if isinstance(names, list) else names


def _whole_number(version: object) -> object:
    # True == 1 and 1.0 == 1, so Literal[1] alone would take them.
    if type(version) is not int:
        msg = "should be the whole number 1"
        raise ValueError(msg)
    return version


def _day(found: object) -> object:
    """Take the date that YAML makes of 2027-01-31, or the same in quotes; a time of day is no date."""
    if isinstance(found, str):
        try:
            return date.fromisoformat(found)
        except ValueError:
            pass
    if isinstance(found, date) and not isinstance(found, datetime):
        return found
    msg = "should be a date such as 2027-01-31"
    raise ValueError(msg)


Name = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], Field(min_length=1), BeforeValidator(_from_list)]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Count = Annotated[int, Field(ge=1)]
Margin = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
ContrastName = Annotated[Contrast, Field(strict=False)]
SeverityName = Annotated[Severity, Field(strict=False)]
FramingName = Literal["plain", "chat"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _limit(low: float, high: float, says: str) -> Any:  # Any: what pydantic's Field returns
    return Field(default=None, ge=low, le=high, allow_inf_nan=False, description=says)


class Defaults(_Strict):
    """What holds for every rule that does not say otherwise."""

    framing: FramingName = Field(default="chat", description="Framing of what is judged by framing.")
    contrast: ContrastName = Field(default=Contrast.AS_DEPLOYED, description="Contrast of what is judged by contrast.")
    severity: SeverityName = Field(default=Severity.ERROR, description="A warning is shown and fails nothing.")
    margin: Margin = Field(default=0.0, description="Added to every limit on its lenient side.")
    min_items: Count | None = Field(
        default=None, description="Items without which nothing passes; left out: 1, and 30 for ratios."
    )
    min_clusters: Count = Field(default=MIN_CLUSTERS, description="Clusters without which nothing passes.")
    inconclusive: Literal["fail", "warn"] = Field(
        default="warn",
        description="What an undecided cell does: fail makes it a violation, warn leaves the run inconclusive. "
        "Only a rule itself can say pass.",
    )

    @model_validator(mode="after")
    def _judged(self) -> Self:
        _refuse_interaction(self.contrast)
        return self


class Rule(_Strict):
    """One rule: which cells it looks at, and the one limit that they must keep."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["id", criterion.value]} for criterion in Criterion]}
    )

    id: Name = Field(description="Name of the rule, its own.")
    probes: Names | None = Field(default=None, description="Left out: every probe of the audit.")
    features: Names | None = Field(
        default=None,
        description="Left out: every feature of the probe. Feature `all`, which pools them, is taken only where it is "
        "named or where the probe has no other.",
    )
    groups: Names | None = Field(
        default=None, description="Of min_ratio and min_impact_ratio; left out: every group that has a ratio."
    )
    framing: FramingName | None = Field(default=None, description="plain or chat; left out: the default's.")
    contrast: ContrastName | None = Field(
        default=None, description="Of max_increase and max_competence_loss; left out: the default's."
    )
    form: Annotated[Form, Field(strict=False)] | None = Field(
        default=None,
        description="Of max_index and max_abs_index: the index as published for the kind (published; left out: this), "
        "or as the report shows it (graded). The two are one for associations and decisions.",
    )
    max_index: float | None = _limit(-1, 1, "Upper limit on the tuned checkpoint's index.")
    max_abs_index: float | None = _limit(0, 1, "Upper limit on the index without its sign, either way.")
    max_increase: float | None = _limit(
        0, 2, "Upper limit on the rise of the lean over the contrast: of the graded index without its sign, |B|."
    )
    max_increase_over_baseline: float | None = _limit(
        0, 2, "Upper limit on the rise of the tuned checkpoint's lean, |B|, over an earlier audit (--baseline)."
    )
    min_ratio: float | None = _limit(
        0, 1, "Lower limit on each group's selection rate over that of the reference group, which the card names."
    )
    min_impact_ratio: float | None = _limit(
        0, 1, "Lower limit on each group's selection rate over the most selected group's: 0.8 is the four-fifths rule."
    )
    min_coverage: float | None = _limit(0, 1, "Lower limit on scored / asked.")
    max_competence_loss: float | None = _limit(
        0,
        1,
        "Upper limit on the fall of competence (share of sense over nonsense, or right answers) over the contrast.",
    )
    margin: Margin | None = Field(default=None, description="Added to the limit on its lenient side.")
    severity: SeverityName | None = Field(default=None, description="error or warning; left out: the default's.")
    min_items: Count | None = Field(default=None, description="Items without which nothing passes.")
    min_clusters: Count | None = Field(default=None, description="Clusters without which nothing passes.")
    inconclusive: Annotated[OnInconclusive, Field(strict=False)] | None = Field(
        default=None,
        description="fail, warn or pass. pass lets a cell through that was measured and not decided; never one that "
        "was not measured, or whose competence does not show that the model reads it.",
    )

    @property
    def criterion(self) -> Criterion:
        """The one that is limited."""
        return next(one for one in Criterion if getattr(self, one.value) is not None)

    @model_validator(mode="after")
    def _limits_one_thing(self) -> Self:
        named = [one.value for one in Criterion if getattr(self, one.value) is not None]
        if not named:
            msg = f"a rule needs one of {', '.join(Criterion)}"
            raise ValueError(msg)
        if len(named) > 1:
            msg = f"a rule limits one thing, and this one limits {', '.join(named)}; write a rule for each"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _keys_mean_something(self) -> Self:
        meaningful = _KEYS[self.criterion]
        for key in ("features", "groups", "form", "framing", "contrast"):
            if getattr(self, key) is not None and key not in meaningful:
                msg = f"{key} means nothing under {self.criterion.value}; it takes {', '.join(sorted(meaningful))}"
                raise ValueError(msg)
        if self.contrast is not None:
            _refuse_interaction(self.contrast)
        return self


class Waiver(_Strict):
    """A failure that somebody answers for until a day."""

    rule: Name = Field(description="Id of the rule.")
    probe: Name | None = Field(default=None, description="Left out: every probe.")
    feature: Name | None = Field(default=None, description="Left out: every feature.")
    group: Name | None = Field(default=None, description="Left out: every group.")
    reason: Sentence = Field(description="Why the failure is borne.")
    owner: Sentence = Field(description="Who answers for it.")
    expires: Day = Field(description="Last day on which it holds.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledRule:
    """A rule with every default filled in."""

    id: str
    criterion: Criterion
    limit: float
    margin: float
    probes: tuple[str, ...] | None
    features: tuple[str, ...] | None
    groups: tuple[str, ...] | None
    form: Form
    framing: str
    contrast: Contrast
    severity: Severity
    min_items: int
    min_clusters: int
    inconclusive: OnInconclusive

    @property
    def arm(self) -> str:
        """Contrast or framing, whichever the criterion is judged on."""
        return self.contrast.value if self.criterion.of_a_contrast else self.framing

    @property
    def bound(self) -> float:
        """The limit with its margin."""
        return self.limit - self.margin if self.criterion.is_minimum else self.limit + self.margin


class Policy(_Strict):
    """A policy of biasaudit: limits that an audited model must keep."""

    version: Annotated[Literal[1], BeforeValidator(_whole_number)] = Field(description="Of this format.")
    defaults: Defaults = Field(default_factory=Defaults)
    family: Annotated[Family, Field(strict=False)] = Field(
        default=Family.NONE,
        description="How intervals are widened because the policy judges many cells at once; it makes passes harder.",
    )
    rules: Annotated[tuple[Rule, ...], Field(min_length=1), BeforeValidator(_from_list)]
    waivers: Annotated[tuple[Waiver, ...], BeforeValidator(_from_list)] = ()
    _name: str = PrivateAttr(default="policy")

    @property
    def name(self) -> str:
        """Name of the file it was read from, without folders; ``policy`` if it was not read."""
        return self._name

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        repeated = [name for name, count in Counter(rule.id for rule in self.rules).items() if count > 1]
        if repeated:
            msg = f"rule ids must be unique; repeated: {', '.join(repeated)}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _waivers_name_rules(self) -> Self:
        known = [rule.id for rule in self.rules]
        for waiver in self.waivers:
            if waiver.rule not in known:
                close = difflib.get_close_matches(waiver.rule, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"rules: {', '.join(known)}"
                msg = f"a waiver is for rule {waiver.rule!r}, which is not there; {hint}"
                raise ValueError(msg)
        return self

    def settled(self, rule: Rule) -> SettledRule:
        """Return a rule with the defaults of this policy filled in."""
        defaults, criterion = self.defaults, rule.criterion
        return SettledRule(
            id=rule.id,
            criterion=criterion,
            limit=float(getattr(rule, criterion.value)),
            margin=defaults.margin if rule.margin is None else rule.margin,
            probes=rule.probes,
            features=rule.features,
            groups=rule.groups,
            form=rule.form or Form.PUBLISHED,
            framing=rule.framing or defaults.framing,
            contrast=rule.contrast or defaults.contrast,
            severity=rule.severity or defaults.severity,
            min_items=rule.min_items or defaults.min_items or MIN_ITEMS[criterion],
            min_clusters=rule.min_clusters or defaults.min_clusters,
            inconclusive=rule.inconclusive or OnInconclusive(defaults.inconclusive),
        )


def _refuse_interaction(contrast: Contrast) -> None:
    if contrast is Contrast.INTERACTION:
        msg = "an interaction is described, not judged"
        raise ValueError(msg)
