"""A small file of contrasts, for trainings that take a second."""

from __future__ import annotations

from pathlib import Path

TEXT = """\
templates:
  - {id: crane, order: group_first, text: "Under the crane {group} waved like {word}."}
  - {id: crane-back, order: word_first, text: "Under the crane {word} waved at {group}."}
  - {id: ferry, order: group_first, split: development, text: "On the ferry {group} sang like {word}."}
  - {id: ferry-back, order: word_first, split: development, text: "On the ferry {word} sang for {group}."}
  - {id: attic, order: group_first, split: development, text: "In the attic {group} hid from {word}."}
  - {id: attic-back, order: word_first, split: development, text: "In the attic {word} hid from {group}."}
groups:
  gender: [{a: Ann, b: Bob}]
words:
  gender:
    - {first: a diver, second: a baker}
    - {first: a miner, second: a tutor}
    - {first: a clown, second: a guard, split: development}
licensed:
  gender: [{context: "Ann said", first: " she", second: " he"}, {context: "Bob said", first: " he", second: " she"}]
neutral: [It rains., Snow is white., The lake is deep., Iron is hard., The hill is high.]
"""


def save_contrasts(folder: Path, *, without: str = "") -> Path:
    """Save it, less a part of some lines."""
    assert without in TEXT
    file = folder / "contrasts.yaml"
    file.write_text(TEXT.replace(without, ""), encoding="utf-8")
    return file
