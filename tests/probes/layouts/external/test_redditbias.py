from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit.errors import ItemError
from biasaudit.probes import load_probe
from biasaudit.probes.layouts.external.redditbias import AXES, ENDING
from biasaudit.types import PairTexts, Role
from biasaudit.validity import findings


def save(folder: Path, *, changed: dict[str, str] | None = None) -> Path:
    place = folder / "redditbias"
    place.mkdir()
    for axis, (first, second) in AXES.items():
        for name in (first, second):
            text = "".join(f"{name} of {axis} said {n}\n" for n in range(6))
            (place / f"{name}{ENDING}").write_text((changed or {}).get(name, text), encoding="utf-8")
    return folder


def test_line_n_of_one_file_goes_with_line_n_of_the_other(tmp_path: Path) -> None:
    probe = load_probe("redditbias", data_dir=save(tmp_path))
    item = next(one for one in probe.items if one.item_id == "race/3")
    assert item.texts == PairTexts(context="", first="race_black of race said 2", second="race_white of race said 2")
    assert {one.feature for one in probe.items} == set(AXES)


def test_equal_phrases_are_left_out_and_counted(tmp_path: Path) -> None:
    same = "".join(f"{'gender_female of gender said' if n else 'the same'} {n}\n" for n in range(6))
    probe = load_probe("redditbias", data_dir=save(tmp_path, changed={"gender_female": same, "gender_male": same}))
    assert not [one for one in probe.items if one.feature == "gender"]
    assert "6 pairs have two equal phrases and are left out." in probe.notices


@pytest.mark.parametrize(("text", "field"), [("a\n\nc\n", "(the whole line)"), ("a\nb\n", "(the whole file)")])
def test_a_wrong_file_is_named(tmp_path: Path, text: str, field: str) -> None:
    folder = save(tmp_path, changed={"race_black": "a\nb\nc\n", "race_white": text})
    with pytest.raises(ItemError) as caught:
        load_probe("redditbias", data_dir=folder)
    assert (caught.value.path.name, caught.value.field) == (f"race_white{ENDING}", field)


def test_the_set_is_whole(published_data: Path) -> None:
    probe = load_probe("redditbias", data_dir=published_data)
    bias = [one for one in probe.items if one.role is Role.BIAS]
    counts = {axis: sum(one.feature == axis for one in bias) for axis in AXES}
    assert counts == {"gender": 253, "orientation": 235, "race": 254, "religion1": 238, "religion2": 235}
    assert findings(probe) == ()
