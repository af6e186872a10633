"""From a pair of models to an audit under the words that a search found: search on one half, ask the other."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from biasaudit.attacks.halves import Halves, halves_of
from biasaudit.attacks.journal import Journal
from biasaudit.attacks.lean import Lean
from biasaudit.attacks.lexicon import lexicon
from biasaudit.attacks.plan import JOURNAL, STRINGS, WAYS, AttackPlan
from biasaudit.attacks.search import Search, Searched
from biasaudit.audits.asked import asking_language, probes_to_ask
from biasaudit.audits.finish import Render
from biasaudit.audits.places import check_folder
from biasaudit.audits.run import run as run_audit
from biasaudit.audits.sanity import sanity_of
from biasaudit.errors import EvidenceError, UsageError
from biasaudit.framing import PLAIN
from biasaudit.models import plausibility
from biasaudit.outputs import write_output
from biasaudit.probes.sample import of_features
from biasaudit.types import Ability
from biasaudit.types.progress import Progress, Silence
from biasaudit.types.search import AGAINST, GUIDED, RANDOM, WITH, SearchFacts

if TYPE_CHECKING:
    from biasaudit.models import Prepared, Way
    from biasaudit.models.backend import Backend
    from biasaudit.probes import Probe
    from biasaudit.record.audit_record import AuditRecord
    from biasaudit.types import Response
    from biasaudit.types.search import Word

CHECKPOINTS: Final = ("base", "tuned")
_OF_MODEL: Final = ("weights", "adapter", "dtype", "device", "tokenizer_sha256", "beginning_id")
"""Of a fingerprint: what its answers depend on."""
_NOTE: Final = (
    "# Words that a search found before the texts of a probe: they bring a lean out, or were to. Do not show them\n"
    "# without saying so. As a set of perturbations: biasaudit audit BASE TUNED --robustness THIS_FILE\n"
)


def run(
    plan: AttackPlan,
    *,
    render: Render,
    out: Path | None = None,
    progress: Progress | None = None,
    way: Way | None = None,
) -> AuditRecord:
    """Search before the texts of one half of a probe, and audit the other half under what was found.

    Base and tuned are searched with the same budget, each for the largest lean with the stereotype and against it, and
    of each the best of as many prefixes drawn at random is taken beside what the search found.

    Parameters
    ----------
    plan : AttackPlan
    render : callable
        Draws the reports; see :data:`biasaudit.audits.finish.Render`.
    out : Path, optional
        Folder of the audit, of what was found and of the journal from which an interrupted search goes on.
    progress : Progress, optional
    way : Way, optional
        How the models are reached; None asks their references.

    Returns
    -------
    AuditRecord
        Of the half that no search saw, with the table ``searches``.

    Raises
    ------
    BiasauditError
        One message with the fix; what was asked so far is in the journal.
    """
    told = progress or Silence()
    if out is not None:
        check_folder(out)
    plain = plan.audit(Path(STRINGS), (plan.probe, *plan.also), checked=False)
    way = way or plain.way
    way.check(plain.settings)
    if plan.method == WAYS[0] and Ability.GRADIENTS not in way.can:
        raise UsageError(
            f"models that are reached by {way.name} give no gradients.",
            fix=f"Search without them: --method {WAYS[1]}, with words of your own: --words FILE.",
        )
    probe, *also = probes_to_ask((plan.probe, *plan.also), data_dir=plan.data_dir, way=way)
    if plan.feature is not None:
        probe = of_features(probe, (plan.feature,))
    halves = halves_of(probe, seed=plan.seed, n_items=plan.n_items)
    if not halves.crossed:
        told.say(
            f"probe {probe.card.id!r} has no second factor with enough words: wordings are held out, words are not"
        )
    prepared = way.locate(plain.checkpoints, plain.settings, told.say).prepared()
    work = _Work(plan=plan, probe=probe, also=tuple(also), halves=halves, told=told)
    found = _searched(work, prepared, out)
    probes = [halves.held_out, *also]
    with tempfile.TemporaryDirectory() as beside:
        strings = (Path(beside) if out is None else out) / STRINGS
        strings.parent.mkdir(parents=True, exist_ok=True)
        write_output(strings, _NOTE + _as_yaml(found))
        asked = plan.audit(strings, tuple(one.card.id for one in probes))
        return run_audit(asked, render=render, out=out, progress=told, way=way, probes=probes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What is searched, and who hears of it."""

    plan: AttackPlan
    probe: Probe
    also: tuple[Probe, ...]
    halves: Halves
    told: Progress


def _searched(work: _Work, prepared: Prepared, out: Path | None) -> list[SearchFacts]:
    """Search every checkpoint; the words are those that the base has."""
    found: list[SearchFacts] = []
    words: tuple[Word, ...] | None = None
    answers: dict[str, Sequence[Response]] = {}
    unknown_ids: dict[str, int | None] = {}
    with prepared.opened(work.told.say) as opened:
        for name in CHECKPOINTS:
            backend = opened(name)
            if prepared.sentences and not work.plan.settings.get("allow_implausible"):
                # The audit would refuse it, after the whole search.
                answers[name], unknown_ids[name] = plausibility.asked(backend, name=name), backend.unknown_id
                sanity_of(answers, unknown_ids).refuse({"base": work.plan.base, "tuned": work.plan.tuned})
            if words is None:
                words = lexicon(backend, (work.probe, *work.also), given=work.plan.words)
            identity = work.plan.identity(_answers_by(backend), work.probe.sha256, words)
            path = None if out is None else out / JOURNAL.format(name)
            journal = Journal(path, identity)
            if journal.n_found:
                work.told.say(f"{path} has {journal.n_found:,} queries of an earlier run: the search goes on from them")
            try:
                found += _of_checkpoint(work, backend, name, words, journal)
            finally:
                journal.close()
    return found


def _answers_by(backend: Backend) -> dict[str, Any]:  # Any: JSON values
    found = asdict(backend.fingerprint)
    return {name: found[name] for name in _OF_MODEL}


def _of_checkpoint(
    work: _Work, backend: Backend, name: str, words: tuple[Word, ...], journal: Journal
) -> list[SearchFacts]:
    """Search one checkpoint in both directions, at random and guided."""
    plan = work.plan
    search = Search(
        lean=Lean(backend=backend, name=name, probe=work.probe.card.id, language=asking_language(work.probe, (PLAIN,))),
        items=work.halves.searched,
        words=words,
        length=plan.length,
        budget=plan.budget,
        seed=plan.seed,
        journal=journal,
        by_slope=plan.method == WAYS[0],
        on_query=lambda: work.told.advance(1, 0),
    )
    work.told.begin(f"searching {name}", search.n_most)
    plain = search.value(())
    if plain is None:
        raise EvidenceError(
            f"over 2 % of the items have no value in {name}, so that there is no lean to search.",
            fix="Audit the pair without a search first: its report says which requests fail.",
        )
    found = []
    for direction in (WITH, AGAINST):
        for method, searched in ((RANDOM, search.random(direction)), (GUIDED, search.guided(direction))):
            if searched is not None:
                found.append(_facts(work.halves, search, searched, plain=plain, method=method, direction=direction))
    return found


def _facts(
    halves: Halves, search: Search, found: Searched, *, plain: float, method: str, direction: str
) -> SearchFacts:
    return SearchFacts(
        checkpoint=search.lean.name,
        method=method,
        direction=direction,
        text=search.text(found.prefix),
        n_queries=found.n_queries,
        searched_plain=plain,
        searched=found.value,
        new_wordings=search.elsewhere("new wordings", halves.new_wordings, found.prefix),
        new_wordings_plain=search.elsewhere("new wordings", halves.new_wordings, ()),
        new_words=search.elsewhere("new words", halves.new_words, found.prefix),
        new_words_plain=search.elsewhere("new words", halves.new_words, ()),
    )


def _as_yaml(found: Sequence[SearchFacts]) -> str:
    """Return what was found as a set of perturbations; the file names no model but as base and tuned."""
    entries = [
        {
            "name": f"{one.checkpoint}-{one.method}-{one.direction}",
            "before": f"{one.text} ",
            "search": one.as_dict(),
        }
        for one in found
    ]
    return yaml.safe_dump({"perturbations": entries}, sort_keys=False, allow_unicode=True, width=1000)
