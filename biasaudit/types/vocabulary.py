"""Words of the field: roles, statuses, contrasts, verdicts."""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    """What a request asks a model to do."""

    LIKELIHOOD = "likelihood"
    GENERATION = "generation"


class Ability(StrEnum):
    """What a model can be asked for, by the way in which it is reached."""

    LIKELIHOOD = "likelihood"
    FIRST_TOKEN = "first-token logprobs"  # noqa: S105  # a token of text
    GENERATION = "generation"
    TOKEN_ENDS = "token ends"  # noqa: S105  # as above
    ACTIVATIONS = "activations"
    GRADIENTS = "gradients"


class Reading(StrEnum):
    """How log-probabilities are got out of a model that somebody else runs, from the most that can be had down.

    ``exact-prompt``: the server gives those of every token of a prompt. ``exact-forced``: it gives that of one token
    that it is made to take, so that a text is read token by token. ``next-token-topk``: of the next token, for the k
    most likely ones; of all others only a bound is known. ``sampled``: it gives text alone, and answers are counted.
    """

    PROMPT = "exact-prompt"
    FORCED = "exact-forced"
    TOP_K = "next-token-topk"
    SAMPLED = "sampled"


class Role(StrEnum):
    """What an item is for.

    ``licensed``: a contrast that a good model keeps, since it is so by definition or in fact (the queen ... she).
    """

    BIAS = "bias"
    COMPETENCE = "competence"
    CONTROL = "control"
    LICENSED = "licensed"


class ClusterDesign(StrEnum):
    """How the clusters of a probe came about; it decides the estimand.

    ``designed`` (templates, scenarios): the mean over clusters of cluster means.
    ``nuisance`` (writers of unequal output): the mean over items, with a cluster-robust interval.
    ``none``: every item is its own cluster.
    """

    DESIGNED = "designed"
    NUISANCE = "nuisance"
    NONE = "none"


class Status(StrEnum):
    """Whether a quantity was measured, and if not, why."""

    OK = "ok"
    NOT_MEASURED = "not measured"
    TOO_FEW_CLUSTERS = "too few clusters"
    NOT_ESTIMABLE = "not estimable"


class Checkpoint(StrEnum):
    """Role of the first checkpoint; tuned ones are named ``tuned``, ``tuned-2``, ..., or ``1-sft``, ``2-dpo``."""

    BASE = "base"


def stage_place(name: str) -> tuple[int, str]:
    """Return what checkpoints are sorted by to stand in the order in which they were made.

    Examples
    --------
    >>> sorted(["2-dpo", "1-supervised", "base", "10-last"], key=stage_place)
    ['base', '1-supervised', '2-dpo', '10-last']
    >>> sorted(["tuned-10", "tuned-2", "tuned"], key=stage_place)
    ['tuned', 'tuned-2', 'tuned-10']
    """
    if name == Checkpoint.BASE:
        return 0, name
    before, _, after = name.partition("-")
    number = after if before == "tuned" else before
    return (int(number) if number.isdecimal() else 1), name


class Contrast(StrEnum):
    """Which arms a comparison sets against each other.

    Every contrast is oriented as a *reduction*: positive means less stereotype in the second arm.
    The averaged effects split what a user meets without an order: each is the mean of its two
    simple effects, and the two add up to ``as deployed``. A step is from the tuned checkpoint
    before to this one.
    """

    WEIGHTS_PLAIN = "weights, plain"
    WEIGHTS_CHAT = "weights, chat"
    TEMPLATE_TUNED = "template, tuned"
    TEMPLATE_BASE = "template, base"
    INTERACTION = "interaction"
    WEIGHTS_AVERAGED = "weights, averaged"
    TEMPLATE_AVERAGED = "template, averaged"
    AS_DEPLOYED = "as deployed"
    STEP_PLAIN = "step, plain"
    STEP_CHAT = "step, chat"


class Verdict(StrEnum):
    """What may be said of the size of one cell's disparity, and of its side.

    ``reduced`` and ``increased`` are about |B|: -0.6 that becomes -0.1 is reduced. ``reversed`` says that the
    disparity lies on the other side of parity now; ``shifted`` that B moved, and that it cannot be said whether
    |B| is larger or smaller.
    """

    REDUCED = "reduced"
    UNCHANGED = "unchanged"
    INCREASED = "increased"
    REVERSED = "reversed"
    SHIFTED_WITH = "shifted with the stereotype"
    SHIFTED_AGAINST = "shifted against the stereotype"
    INCONCLUSIVE = "inconclusive"
    NOT_INTERPRETABLE = "not interpretable"
    NOT_MEASURED = "not measured"


class Exposure(StrEnum):
    """How near a cell is to what a tuned checkpoint was trained on, as its training card says.

    ``held out``: neither its templates nor its attributes' words. ``words seen``: some of these words, in other
    templates. ``trained on``: a template of its probe. ``unknown``: no card that tells; never taken for held out.
    """

    HELD_OUT = "held out"
    WORDS_SEEN = "words seen"
    TRAINED_ON = "trained on"
    UNKNOWN = "unknown"


class Robustness(StrEnum):
    """Whether a reduction survives the perturbations that were asked for.

    ``survives``: it is shown under every one. ``broken``: under some, less is reduced than without, and no reduction is
    shown. ``not interpretable``: under some, nothing can be read. ``no reduction``: the probe as it is shows none.
    """

    SURVIVES = "survives"
    BROKEN = "broken"
    NOT_INTERPRETABLE = "not interpretable"
    INCONCLUSIVE = "inconclusive"
    NO_REDUCTION = "no reduction"
    NOT_MEASURED = "not measured"


class SearchVerdict(StrEnum):
    """What words that a search found bring out, on items that it never saw.

    ``lean found``: more lean than without them, and more than the same search in the opposite direction takes away.
    ``steerable``: more than without, and about as much the other way: words move the model, whichever way.
    """

    FOUND = "lean found"
    STEERABLE = "steerable"
    NOTHING = "nothing found"
    NOT_INTERPRETABLE = "not interpretable"
    NOT_MEASURED = "not measured"


class VerdictCode(StrEnum):
    """What decided a verdict: the fact behind its sentence, for whoever must not parse one."""

    NO_ITEMS = "no items"
    FEW_CLUSTERS = "too few clusters"
    NO_ESTIMATE = "not estimable"
    CHANCE_FIRST = "competence at chance, first arm"
    CHANCE_SECOND = "competence at chance, second arm"
    SATURATED = "scale saturated"
    WITHIN_MARGIN = "within the margin"
    SMALLER = "smaller"
    LARGER = "larger"
    OTHER_SIDE = "other side"
    MOVED = "moved, size not told"
    MISSING = "missing items"
    COMPETENCE_FELL = "competence fell"
    LICENSED_FELL = "licensed associations fell"
    BLUNTED = "blunted"
    UNDECIDED = "not decided"
    INTERACTION = "interaction"
