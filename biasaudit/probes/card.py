"""The card: what a probe measures, where its data come from, and what is wrong with them."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from biasaudit.errors import ProbeError
from biasaudit.kinds import KINDS
from biasaudit.plain_files import excerpt, found_value, plain_text
from biasaudit.plain_yaml import parsed_yaml
from biasaudit.types import ClusterDesign
from biasaudit.visible import in_short

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Model = TypeVar("Model", bound=BaseModel)
MOST_BYTES: Final = 4_000_000
MOST_VALUES: Final = 200_000
"""Values in a card or a file of a form, once its aliases are unfolded."""
_LONGEST_PLACE: Final = 200
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]


def _known_kind(name: str) -> str:
    if name not in KINDS:
        *others, last = KINDS
        expected = f"Input should be {', '.join(map(repr, others))} or {last!r}"
        raise PydanticCustomError("kind", expected)
    return name


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Strict):
    """Where a figure or a text comes from."""

    title: Text
    url: Text
    retrieved: str = ""
    note: str = ""


class HubSource(_Strict):
    """A data set on the Hugging Face hub, read through `datasets`; several configurations one after another."""

    id: Text
    configs: tuple[Text, ...] = ()
    split: Text
    revision: str | None = None


OwnLayout = Literal["templates", "associations", "cases", "comments", "scenarios", "referents", "guises", "items"]
"""Forms of data that lie beside the card."""

ExternalLayout = Literal[
    "crows-pairs",
    "stereoset",
    "bbq",
    "winobias",
    "winogender",
    "holistic-bias",
    "discrim-eval",
    "winoqueer",
    "gest",
    "redditbias",
    "unqover",
    "decodingtrust",
    "bold",
    "honest",
]


class Data(_Strict):
    """Where the items lie.

    The layouts of `OwnLayout` are a file beside the card. The other formats are published sets, which are never
    shipped: `files` are read from `folder` of a data folder, or rows from the hub.

    Attributes
    ----------
    format
        Decides the reader.
    file : str or None
        Of a form that lies beside the card.
    folder : str
        Of a published set, relative to the data folder.
    files : mapping of str to str
        Name of each original file -> its SHA-256.
    options : mapping of str to str
        What the reader must know beside the files.
    """

    format: OwnLayout | ExternalLayout
    file: Text | None = None
    folder: str = ""
    files: dict[Text, Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]] = Field(default_factory=dict)
    delimiter: Literal[",", "\t"] = ","
    options: dict[Slug, Text] = Field(default_factory=dict)
    n_items: int | None = None
    url: str | None = None
    hub: HubSource | None = None

    @property
    def published(self) -> bool:
        """Whether the data are a published set, which is not shipped with the card."""
        return self.format not in get_args(OwnLayout)

    @model_validator(mode="after")
    def _one_place(self) -> Data:
        if self.published and (self.file is not None or not self.files):
            msg = f"format {self.format!r} is a published set: name its files under data.files, with their sha256"
            raise ValueError(msg)
        if not self.published and (self.file is None or self.files):
            msg = f"format {self.format!r} lies beside the card: name one file under data.file"
            raise ValueError(msg)
        return self


class SecondFactor(_Strict):
    """A second cluster of each item, crossed with the first: items that share either move together.

    Attributes
    ----------
    tag
        Tag of the items whose value names the second cluster. A feature with fewer than 5 of them holds for these
        alone.
    what
        What they are, in the plural: what a result is generalised over, beside the wordings.
    """

    tag: Text
    what: Text


class Card(_Strict):
    """A probe's card, as written in ``card.yaml``.

    Attributes
    ----------
    why_these_groups : str or None
        Why these groups, and why the first of each feature is the reference.
    also_clustered_by : SecondFactor or None
    accepts : mapping of str to str
        Code of a finding of ``biasaudit probes check`` -> why it stays as it is.
    detects : float or None
        Smallest change, in index points, that each feature is stated to show with power 0.8.
    licensed : {"none"} or None
        ``none``: an association that does not get the licensed items that come with the package, because its features
        mean something else than theirs, or its models know no English.
    """

    id: Slug
    name: Text
    version: Text
    kind: Annotated[str, AfterValidator(_known_kind)]
    language: Text
    feature_names: dict[Slug, str] = Field(default_factory=dict)
    groups: dict[Slug, tuple[str, ...]] = Field(min_length=1)
    why_these_groups: Text | None = None
    measures: Text = Field(alias="construct")
    harm: Text
    positive_index: Text
    clusters: ClusterDesign
    also_clustered_by: SecondFactor | None = None
    licence: Text
    citation: Text
    sources: tuple[Source, ...] = ()
    known_defects: tuple[Text, ...] = Field(min_length=1)
    not_shown: Text
    accepts: dict[Slug, Text] = Field(default_factory=dict)
    detects: float | None = Field(default=None, gt=0, le=2)
    licensed: Literal["none"] | None = None
    data: Data

    @property
    def features(self) -> tuple[str, ...]:
        """Sensitive features, in the card's order."""
        return tuple(self.groups)

    def __repr__(self) -> str:
        """Return what it is a card of; `print(card)` shows every field."""
        version, licence = in_short([self.version]), in_short([self.licence])
        return (
            f"Card({self.id} {version}, {self.kind}, {in_short([self.language])}: {in_short(self.features)}; {licence})"
        )


def read_card(path: Path) -> Card:
    """Read and check ``card.yaml``.

    Raises
    ------
    ProbeError
        If the file is absent, is not YAML, or does not follow the card's form.
    """
    return parse_yaml(path, Card)


def parse_yaml(path: Path, model: type[Model]) -> Model:
    """Read a YAML file that a person wrote into `model`.

    Raises
    ------
    ProbeError
        With the first thing that is wrong: file, field, what was found, what was expected.
    """
    text = plain_text(path, error=ProbeError, fix="A probe folder needs it.", at_most=MOST_BYTES)
    fix = "Write it out without aliases, or divide the probe."
    content = parsed_yaml(text, path, error=ProbeError, most_values=MOST_VALUES, fix=fix)
    if not isinstance(content, dict):
        found = "nothing" if content is None else type(content).__name__
        raise ProbeError(f"{path}: holds {found}; expected a mapping of fields.", fix="Begin each line with its key.")
    try:
        return model.model_validate(content)
    except ValidationError as exc:
        raise ProbeError(f"{path}: {describe(exc, model)}", fix="Correct that field.") from exc


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """Say the first failure of a pydantic validation in one sentence, with a near miss."""
    first = error.errors(include_url=False)[0]
    where = ".".join(found_value(step) for step in first["loc"])[:_LONGEST_PLACE] or "the file"
    if first["type"] == "extra_forbidden":
        key = str(first["loc"][-1])
        close = difflib.get_close_matches(key, list(model.model_fields), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return f"field {where!r} is not known.{hint}"
    if first["type"] == "missing":
        return f"field {where!r} is missing."
    return f"field {where!r}: {first['msg']} (found {excerpt(first['input'])})."
