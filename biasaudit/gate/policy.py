"""The policy: which limits a model must keep. Read by :func:`biasaudit.gate.read_policy`."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, Self, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PrivateAttr,
    StringConstraints,
    WithJsonSchema,
    create_model,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from biasaudit.gate.criteria import CRITERIA
from biasaudit.gate.criterion import KEYS, Criterion
from biasaudit.gate.vocabulary import Family, Form, OnInconclusive, Severity
from biasaudit.types import Contrast

MIN_CLUSTERS: Final = 5


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


def _under(key: str) -> str:
    """Return the names of the criteria under which a key of a rule means something."""
    *names, last = (one.name for one in CRITERIA.values() if key in one.keys)
    return " and ".join(part for part in (", ".join(names), last) if part)


class _Place(_Strict):
    """What a rule has before its limit."""

    id: Name = Field(description="Name of the rule, its own.")
    probes: Names | None = Field(default=None, description="Left out: every probe of the audit.")
    features: Names | None = Field(
        default=None,
        description="Left out: every feature of the probe. Feature `all`, which pools them, is taken only where it is "
        "named or where the probe has no other.",
    )
    groups: Names | None = Field(
        default=None, description=f"Of {_under('groups')}; left out: every group that has a ratio."
    )
    framing: FramingName | None = Field(default=None, description="plain or chat; left out: the default's.")
    contrast: ContrastName | None = Field(
        default=None, description=f"Of {_under('contrast')}; left out: the default's."
    )
    form: Annotated[Form, Field(strict=False)] | None = Field(
        default=None,
        description=f"Of {_under('form')}: the index as published for the kind (published; left out: this), "
        "or as the report shows it (graded). The two are one for associations and decisions.",
    )


class AnyRule(_Place):
    """One rule: which cells it looks at, and the one limit that they must keep."""

    model_config = ConfigDict(
        json_schema_extra=lambda schema: schema.update(oneOf=[{"required": ["id", name]} for name in CRITERIA])
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
        return next(one for one in CRITERIA.values() if getattr(self, one.name) is not None)

    @property
    def limit(self) -> float:
        """Of the criterion, without a margin."""
        found = getattr(self, self.criterion.name)
        return float(getattr(found, self.criterion.within) if self.criterion.within else found)

    @model_validator(mode="after")
    def _limits_one_thing(self) -> Self:
        named = [name for name in CRITERIA if getattr(self, name) is not None]
        if not named:
            msg = f"a rule needs one of {', '.join(CRITERIA)}"
            raise ValueError(msg)
        if len(named) > 1:
            msg = f"a rule limits one thing, and this one limits {', '.join(named)}; write a rule for each"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _keys_mean_something(self) -> Self:
        criterion = self.criterion
        for key in KEYS:
            if getattr(self, key) is not None and key not in criterion.keys:
                msg = f"{key} means nothing under {criterion.name}; it takes {', '.join(sorted(criterion.keys))}"
                raise ValueError(msg)
        if self.contrast is not None:
            _refuse_interaction(self.contrast)
        return self


def rule_model() -> type[AnyRule]:
    """Return the model of a rule: :class:`AnyRule` with a limit for each of :data:`CRITERIA`, between its keys."""
    return _rule_model(tuple(CRITERIA.values()))


@lru_cache(maxsize=8)
def _rule_model(criteria: tuple[Criterion, ...]) -> type[AnyRule]:
    # pydantic takes the fields of bases from the last to the first: place, limits, and what else a rule has.
    limits = create_model("Limits", __base__=_Place, **{one.name: _limit(one) for one in criteria})
    bases = cast("tuple[type[AnyRule], ...]", (AnyRule, limits))
    return create_model("Rule", __base__=bases, __doc__=AnyRule.__doc__, __module__=__name__)


def _limit(criterion: Criterion) -> Any:  # Any: what pydantic takes as a field
    says = criterion.description
    if criterion.within:
        return (limit_model(criterion) | None, Field(default=None, description=says))
    low, high = criterion.limits
    return (float | None, Field(default=None, ge=low, le=high, allow_inf_nan=False, description=says))


@lru_cache(maxsize=8)
def limit_model(criterion: Criterion) -> type[BaseModel]:
    """Return the model of the mapping that a key holds whose limit stands within."""
    low, high = criterion.limits
    number: Any = (
        float,
        Field(ge=low, le=high, allow_inf_nan=False, description=criterion.description),
    )  # Any: as above
    name = criterion.name.title().replace("_", "")
    return create_model(name, __base__=_Strict, __module__=__name__, **{criterion.within: number})


class _OfTheCriteria:
    """Reads a rule by the limits that there are now: a criterion that is added to the mapping is one from then on."""

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(lambda content: rule_model().model_validate(content))

    def __get_pydantic_json_schema__(
        self, _schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        # In a chain of one the rule keeps its name: alone it would be written out where it stands.
        return handler(core_schema.chain_schema([rule_model().__pydantic_core_schema__]))


Rule: Final = rule_model()
"""With the limits of the criteria that come with the package."""


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
        return self.contrast.value if self.criterion.arm == "contrast" else self.framing

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
    rules: Annotated[tuple[Annotated[AnyRule, _OfTheCriteria()], ...], Field(min_length=1), BeforeValidator(_from_list)]
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

    def settled(self, rule: AnyRule) -> SettledRule:
        """Return a rule with the defaults of this policy filled in."""
        defaults, criterion = self.defaults, rule.criterion
        return SettledRule(
            id=rule.id,
            criterion=criterion,
            limit=rule.limit,
            margin=defaults.margin if rule.margin is None else rule.margin,
            probes=rule.probes,
            features=rule.features,
            groups=rule.groups,
            form=rule.form or Form.PUBLISHED,
            framing=rule.framing or defaults.framing,
            contrast=rule.contrast or defaults.contrast,
            severity=rule.severity or defaults.severity,
            min_items=rule.min_items or defaults.min_items or criterion.min_items,
            min_clusters=rule.min_clusters or defaults.min_clusters,
            inconclusive=rule.inconclusive or OnInconclusive(defaults.inconclusive),
        )


def _refuse_interaction(contrast: Contrast) -> None:
    if contrast is Contrast.INTERACTION:
        msg = "an interaction is described, not judged"
        raise ValueError(msg)
