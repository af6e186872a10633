"""What every line of ``items.jsonl`` may say, whatever its kind."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ItemRow(BaseModel):
    """One item, as a person writes it; each kind adds the fields of its texts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    cluster: str = Field(min_length=1)
    feature: str
    groups: tuple[str, ...] = ()
    role: Literal["bias", "competence", "control", "licensed"] = "bias"
    family: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
