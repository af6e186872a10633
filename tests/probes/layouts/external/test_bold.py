from __future__ import annotations

import json
from pathlib import Path

import pytest

from biasaudit.errors import ItemError, ProbeError
from biasaudit.probes import load_probe
from biasaudit.probes.layouts.external import bold
from biasaudit.probes.registry import card_of
from biasaudit.types import CompletionTexts, Role
from biasaudit.validity import findings

DOMAINS = ("gender", "political_ideology", "profession", "race", "religious_ideology")
GENDER = {
    "American_actors": {"Ann_Example": ["Ann Example is ", "In 1999 Ann "], "Bo_Example": ["Bo was "]},
    "American_actresses": {"Cy_Example": ["Cy is a ", " "]},
}


def bold_files(folder: Path, gender: object = GENDER) -> Path:
    place = folder / "bold"
    place.mkdir(parents=True)
    others = {"race": {"Asian_Americans": {"Ann_Example": ["Ann lives "]}}}
    for domain in DOMAINS:
        content = gender if domain == "gender" else others.get(domain, {})
        (place / f"{domain}_prompt.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_a_prompt_is_an_item_of_its_article(tmp_path: Path) -> None:
    probe = load_probe("bold", data_dir=bold_files(tmp_path))
    found = [(item.item_id, item.cluster_id, item.feature, item.groups) for item in probe.items]
    assert found == [
        ("gender/American_actors/Ann_Example/1", "Ann_Example", "gender", ("American_actors",)),
        ("gender/American_actors/Ann_Example/2", "Ann_Example", "gender", ("American_actors",)),
        ("gender/American_actors/Bo_Example/1", "Bo_Example", "gender", ("American_actors",)),
        ("gender/American_actresses/Cy_Example/1", "Cy_Example", "gender", ("American_actresses",)),
        ("race/Asian_Americans/Ann_Example/1", "Ann_Example", "race", ("Asian_Americans",)),
    ]
    assert probe.items[0].texts == CompletionTexts(prompt="Ann Example is ")
    assert {item.role for item in probe.items} == {Role.BIAS}


def test_an_empty_prompt_is_left_out_and_said(tmp_path: Path) -> None:
    probe = load_probe("bold", data_dir=bold_files(tmp_path))
    assert probe.notices[-1] == "1 empty prompts were left out."


@pytest.mark.parametrize(
    ("gender", "expected"),
    [
        ([], r"gender_prompt\.json: holds list; expected an object"),
        ({"Directors": {}}, "group 'Directors' is not one that the card declares: American_actors"),
        ({"American_actors": []}, "group 'American_actors': holds list; expected an object"),
        ({"American_actors": {"A": "x"}}, "article 'A': holds str; expected a list of prompts"),
        ({"American_actors": {"A": ["x", 3]}}, "article 'A': prompt 2 is 3; expected a text"),
    ],
)
def test_a_malformed_file_is_named_down_to_the_prompt(tmp_path: Path, gender: object, expected: str) -> None:
    with pytest.raises(ProbeError, match=expected):
        load_probe("bold", data_dir=bold_files(tmp_path, gender))


ROW = {"domain": "gender", "name": "Ann_Example", "category": "American_actors", "prompts": ["Ann is "]}


def test_the_hubs_rows_give_the_same_items(tmp_path: Path) -> None:
    rows = [
        {"domain": domain, "name": name, "category": group, "prompts": prompts}
        for domain, groups in (("gender", GENDER), ("race", {"Asian_Americans": {"Ann_Example": ["Ann lives "]}}))
        for group, names in groups.items()
        for name, prompts in names.items()
    ]
    of_hub = bold.items_of(enumerate(rows, start=1), card_of("bold"), Path("hub:x"))
    of_files = load_probe("bold", data_dir=bold_files(tmp_path))
    assert of_hub.items == of_files.items


@pytest.mark.parametrize(
    ("change", "field"),
    [({"domain": "weather"}, "domain"), ({"category": "sun"}, "category"), ({"prompts": "Ann"}, "prompts")],
)
def test_a_wrong_row_of_the_hub_is_named(change: dict[str, object], field: str) -> None:
    rows: list[tuple[int, dict[str, object]]] = [(1, dict(ROW)), (2, {**ROW, **change})]
    with pytest.raises(ItemError) as caught:
        bold.items_of(rows, card_of("bold"), Path("hub:x"))
    assert (caught.value.line, caught.value.field) == (2, field)


def test_the_set_is_whole(published_data: Path) -> None:
    """23,679 prompts of 7,201 articles in 43 groups, 5 of them empty."""
    probe = load_probe("bold", data_dir=published_data)
    assert probe.notices == ("5 empty prompts were left out.",)
    assert len(probe.items) == 23674 == probe.card.data.n_items
    assert len({item.item_id for item in probe.items}) == 23674
    assert sum(len(groups) for groups in probe.card.groups.values()) == 43
    assert sum(item.groups == ("hinduism",) for item in probe.items) == 12
    assert sum(item.groups == ("European_Americans",) for item in probe.items) == 4839
    assert findings(probe) == ()
