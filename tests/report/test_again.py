"""The command on the page asks for the audit that the page is of."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit.audits.plan import Plan
from biasaudit.audits.stages import stages_of
from biasaudit.cli import choices
from biasaudit.cli.main import app
from biasaudit.probes import suite_of
from biasaudit.report.sections.again import command
from biasaudit.report.sections.audited import audited

MINIMAL: dict[str, Any] = {"base": "org/base", "tuned": ("org/it",), "probes": ("occupations",)}


def written(plan: Plan) -> str:
    """The command of a plan that went through a manifest."""
    recorded = json.loads(json.dumps({"plan": plan.as_dict(), "run": {"asked": plan.as_asked()}}, sort_keys=True))
    return audited(recorded).command


def read(text: str) -> Plan:
    """The plan that the command line makes of a command."""
    words = shlex.split(text)
    assert words[:2] == ["biasaudit", "audit"]
    group = typer.main.get_group(app)
    asked = group.get_command(group.make_context("biasaudit", words[1:]), "audit")
    assert asked is not None
    found = asked.make_context("audit", words[2:]).params
    same = (
        "base",
        "suite",
        "device",
        "margin",
        "level",
        "seed",
        "batch_tokens",
        "limit",
        "robustness",
        "quantize",
        "device_map",
    )
    flags = ("siblings", "omit_texts", "allow_different_lineage", "allow_different_engines", "trust_remote_code")
    options: dict[str, Any] = {name: found[name] for name in (*same, *flags)}
    if found["request"]:
        options["requests"] = tuple(found["request"])
    if found["chat_template"] is not None:
        options |= {"chat_template": "{{ messages }}", "chat_template_name": found["chat_template"]}
    references, names = stages_of(found["tuned"])
    return Plan(
        tuned=references,
        names=names,
        probes=tuple(found["probe"] or suite_of(found["suite"]).probes),
        framing_names=choices.framings(found["framing"]),
        data_dir=None if found["data_dir"] is None else Path(found["data_dir"]),
        dtype=choices.dtype(found["dtype"]),
        **options,
    )


OPTIONS: list[dict[str, Any]] = [
    {},
    {"probes": tuple(suite_of("quick").probes), "suite": "quick"},
    {"probes": ("occupations", "my probes/own one")},
    {"tuned": tuple(f"org/stage-{number}" for number in range(1, 12))},
    {"tuned": ("org/it",), "names": ("supervised",)},
    {"tuned": tuple(f"org/stage-{number}" for number in range(1, 12)), "names": tuple("abcdefghijk")},
    {"tuned": ("org/sft", "org/other"), "names": ("sft", "other"), "siblings": True},
    {"framing_names": ("plain",)},
    {"framing_names": ("chat",), "requests": ('It\'s a test; say "hi" & go.', "Say\nmore.")},
    {"requests": ("Write one sentence.", "Please give me an example of a sentence.")},
    {"chat_template": "{{ messages }}", "chat_template_name": "my template.jinja"},
    {"data_dir": Path("DATA")},
    {"dtype": "float32", "device": "cpu"},
    {"margin": 0.02, "level": 0.9, "seed": 7, "limit": 40, "batch_tokens": 128},
    {"robustness": "quick"},
    {"omit_texts": True, "allow_different_lineage": True, "trust_remote_code": True},
    {"allow_different_engines": True},
    {"quantize": "nf4", "device_map": "auto"},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_the_command_asks_for_the_same_audit(options: dict[str, Any]) -> None:
    """Read by the command line itself: an option that is lost would make another audit under the same name."""
    plan = Plan(**{**MINIMAL, **options})
    again = read(written(plan))
    assert (again.as_dict(), again.as_asked()) == (plan.as_dict(), plan.as_asked())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(OPTIONS), max_size=6), st.lists(st.text(min_size=1, max_size=12), max_size=3))
def test_options_stand_together_and_foreign_texts_do_nothing(chosen: list[dict[str, Any]], requests: list[str]) -> None:
    """A request is anybody's text; in a shell it must stay a text."""
    options = {key: value for one in chosen for key, value in one.items()}
    if len(options.get("names", ())) != len(options.get("tuned", MINIMAL["tuned"])):
        options.pop("names", None)
    if len(options.get("tuned", MINIMAL["tuned"])) < 2:
        options.pop("siblings", None)
    if options.get("suite") is not None:
        options["probes"] = tuple(suite_of("quick").probes)
    if requests:
        options["requests"] = tuple(request for request in requests if request.isprintable()) or ("x",)
        options["framing_names"] = ("plain", "chat")
    plan = Plan(**{**MINIMAL, **options})
    assert read(written(plan)).as_dict() == plan.as_dict()


def test_what_is_at_its_default_is_left_out() -> None:
    assert written(Plan(**MINIMAL)) == "biasaudit audit org/base org/it --probe occupations --out AUDIT"


def test_a_file_of_perturbations_is_told_by_a_name_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("perturbations: [typing]\n", encoding="utf-8")
    said = written(Plan(**MINIMAL, robustness=str(path)))
    assert "--robustness PERTURBATIONS.yaml" in said
    assert str(tmp_path) not in said


def test_folders_of_data_are_not_told() -> None:
    """They name a machine; the data are known by their checksums."""
    found = written(Plan(**{**MINIMAL, "data_dir": Path("/home/ada/secret")}))
    assert "--data-dir DATA" in found
    assert "ada" not in found


def test_an_older_manifest_says_that_there_was_a_template() -> None:
    """Its name was not recorded, its checksum was."""
    plan = Plan(**{**MINIMAL, "chat_template": "{{ messages }}"}).as_dict()
    assert "--chat-template TEMPLATE --out" in command(plan)
    assert command({}) == "biasaudit audit BASE TUNED --out AUDIT"
