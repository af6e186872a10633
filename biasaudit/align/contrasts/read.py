"""Contrasts to tune on: ours lie in ``data/contrasts.yaml``, apart from every probe; any other file has their form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

from biasaudit.align.contrasts.form import FIX, FormRead, TemplateRow, read_form
from biasaudit.align.contrasts.sets import (
    ARTICLE,
    CONTROL,
    Contrasts,
    GroupPair,
    Licensed,
    Template,
    WordPair,
)
from biasaudit.align.sidecar import sidecar_licence
from biasaudit.errors import ContrastsError

OWN: Final = Path(__file__).parents[1] / "data" / "contrasts.yaml"
"""Our own contrasts."""
_OWN_LICENCE: Final = "Apache-2.0"


def read_contrasts(path: Path | None = None) -> Contrasts:
    """Read and check a file of contrasts.

    Parameters
    ----------
    path : Path or None
        YAML; None reads our own. The licence of another is taken from ``<file>.license``, as of instructions.

    Raises
    ------
    ContrastsError
        With the first thing that is wrong: file, place, what was found, what was expected.
    """
    if path is None or path.resolve() == OWN.resolve():
        return _own()
    found = _read(path)
    return replace(found, licence=sidecar_licence(path, error=ContrastsError))


@cache
def _own() -> Contrasts:
    return replace(_read(OWN), licence=_OWN_LICENCE)


def _read(path: Path) -> Contrasts:
    form = read_form(path)
    rows, places = form.rows, form.places
    groups = tuple(
        GroupPair(feature=feature, a=row.a, b=row.b, form=row.form, line=places["groups", feature, n])
        for feature, pairs in rows.groups.items()
        for n, row in enumerate(pairs)
    )
    words = tuple(
        WordPair(
            feature=feature,
            first=row.first,
            second=row.second,
            split=row.split,
            form=row.form,
            line=places["words", feature, n],
        )
        for feature, pairs in rows.words.items()
        for n, row in enumerate(pairs)
    )
    licensed = tuple(
        Licensed(
            feature=feature,
            context=row.context,
            first=row.first,
            second=row.second,
            line=places["licensed", feature, n],
        )
        for feature, contrasts in rows.licensed.items()
        for n, row in enumerate(contrasts)
    )
    controls = tuple(
        GroupPair(feature=CONTROL, a=row.a, b=row.b, form=row.form, line=places["controls", n])
        for n, row in enumerate(rows.controls)
    )
    bare = Contrasts(templates=(), groups=groups, words=words, licensed=licensed, controls=controls)
    templates = tuple(_template(n, row, form, bare) for n, row in enumerate(rows.templates))
    found = replace(
        bare,
        templates=templates,
        neutral=rows.neutral,
        sha256=form.sha256,
        name=path.name,
        neutral_lines=tuple(places["neutral", n] for n in range(len(rows.neutral))),
    )
    _refuse_wrong(found, path)
    return found


def _template(position: int, row: TemplateRow, form: FormRead, found: Contrasts) -> Template:
    """Return a template with the features that it fits: those named, else those of which there are pairs for it."""
    own = tuple(
        GroupPair(feature=feature, a=pair.a, b=pair.b, form=pair.form, line=form.places["templates", position])
        for feature, pairs in row.groups.items()
        for pair in pairs
    )
    template = Template(
        id=row.id,
        order=row.order,
        split=row.split,
        text=row.text,
        features=row.features or (),
        groups=own,
        group_forms=row.group_forms,
        word_forms=row.word_forms,
        line=form.places["templates", position],
    )
    if row.features is not None:
        return template
    fitting = [one for one in found.features if found.groups_of(template, one) and found.words_of(template, one)]
    return replace(template, features=tuple(fitting))


def _refuse_wrong(found: Contrasts, path: Path) -> None:
    """Refuse a file whose parts do not go together."""
    for line, problem in chain(_strange_features(found), _repeated(found), _unfit(found), _untrained(found)):
        raise ContrastsError(f"{path}:{line}: {problem}", fix=FIX)


def _strange_features(found: Contrasts) -> Iterator[tuple[int, str]]:
    known = ", ".join(found.features)
    own = [pair for template in found.templates for pair in template.groups]
    named: list[GroupPair | Licensed] = [*found.groups, *own, *found.licensed]
    for one in named:
        if one.feature not in found.features:
            yield one.line, f"there are no words of the feature {one.feature!r}; there are words of {known}."
    for template in found.templates:
        for feature in template.features:
            if feature not in found.features:
                yield template.line, f"template {template.id!r} names the feature {feature!r}; there are {known}."


def _repeated(found: Contrasts) -> Iterator[tuple[int, str]]:
    by_id: dict[str, int] = {}
    by_text: dict[str, int] = {}
    for template in found.templates:
        if template.id in by_id:
            yield template.line, f"the template id {template.id!r} stands in line {by_id[template.id]} too."
        if template.text in by_text:
            yield template.line, f"the text of {template.id!r} stands in line {by_text[template.text]} too."
        by_id[template.id] = by_text[template.text] = template.line
    groups = {side: pair for pair in found.groups for side in (pair.a, pair.b)}
    for control in found.controls:
        for side in (control.a, control.b):
            if side in groups:
                yield control.line, f"the control {side!r} is a group in line {groups[side].line}."
    splits: dict[tuple[str, str], WordPair] = {}
    for pair in found.words:
        for word in (pair.first, pair.second):
            other = splits.setdefault((pair.feature, word.casefold()), pair)
            if other.split != pair.split:
                yield (
                    pair.line,
                    f"{word!r} is a word of {pair.split} here, and of {other.split} in line {other.line}.",
                )


def _unfit(found: Contrasts) -> Iterator[tuple[int, str]]:
    for template in found.templates:
        wanted = f"template {template.id!r} takes words of the form {' or '.join(template.word_forms)}"
        if not template.features:
            yield (
                template.line,
                f"{wanted} and {_groups_taken(template)}; of no feature are there both.",
            )
        for feature in template.features:
            if not found.words_of(template, feature):
                yield template.line, f"{wanted}, and there are none of {feature!r}."
            if not found.groups_of(template, feature):
                yield template.line, f"template {template.id!r} finds no {_groups_taken(template)} of {feature!r}."
            if "{word_bare}" in template.text:
                for pair in found.words_of(template, feature):
                    for word in (pair.first, pair.second):
                        if not ARTICLE.match(word):
                            yield pair.line, f"{word!r} fills {{word_bare}} of {template.id!r}, and has no article."


def _groups_taken(template: Template) -> str:
    return "groups of its own" if template.groups else f"groups of the form {' or '.join(template.group_forms)}"


def _untrained(found: Contrasts) -> Iterator[tuple[int, str]]:
    used_words = {pair for one in found.templates for feature in one.features for pair in found.words_of(one, feature)}
    used_groups = {
        pair for one in found.templates for feature in one.features for pair in found.groups_of(one, feature)
    }
    for word_pair in found.words:
        if word_pair not in used_words:
            yield (
                word_pair.line,
                f"no template takes a word of the form {word_pair.form!r} of {word_pair.feature!r}.",
            )
    for group_pair in found.groups:
        if group_pair not in used_groups:
            yield (
                group_pair.line,
                f"no template takes a group of the form {group_pair.form!r} of {group_pair.feature!r}.",
            )
    taken = {pair for one in found.templates if one.split == "train" for pair in found.controls_of(one)}
    for control in found.controls:
        if control not in taken:
            yield control.line, f"no template that is trained takes a control of the form {control.form!r}."
    trained = {feature for feature, *_ in found.sets("train")}
    for feature in found.features:
        if feature not in trained:
            line = next(pair.line for pair in found.words if pair.feature == feature)
            yield (
                line,
                f"of {feature!r} there is nothing to train on: no template and word with split train go together.",
            )
