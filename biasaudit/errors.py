"""The error tree. Everything that biasaudit raises on purpose is one of these.

::

    BiasauditError                    exit code 4
    ├── UsageError                    exit code 2: the call or a file that a person wrote is wrong
    │   ├── ModelReferenceError       the reference means nothing, or names nothing that exists
    │   ├── ModelFilesError           found, but there is nothing usable inside (no weights, pickles only)
    │   ├── ChatTemplateError         the chat framing was asked for, and there is no usable template
    │   ├── LineageError              the checkpoints do not descend from one another
    │   ├── DifferentEnginesError     the checkpoints are computed or read in different ways
    │   ├── PartsError                a model's embeddings, blocks and head cannot be told apart or exchanged
    │   ├── FieldError                one field of one line: carries file, line, field, found, expected
    │   ├── ProbeError                a card, an items file or a data set is wrong
    │   │   └── ItemError             one field of one row; a FieldError too
    │   ├── PredictionsError          a file of predictions is wrong
    │   ├── PolicyError               the policy file is wrong
    │   ├── BundleError               the file is no bundle of an audit
    │   ├── AuditMismatchError        the folder holds an audit of another plan
    │   ├── InstructionError          a file of instructions to tune on is wrong
    │   │   └── RecordError           one field of one record; a FieldError too
    │   ├── ContrastsError            a file of contrasts to tune on is wrong
    │   ├── TuningFolderError         the folder for an adapter holds something else
    │   ├── TrainingDataError         what single records of a training did cannot be asked
    │   ├── ImplausibleModelError     a model that finds nonsense as likely as sense
    │   ├── SeveralErrors             several things at once; of the exit code that they share, else 2
    │   └── MissingExtraError         an optional library is not installed
    ├── EvidenceError                 exit code 3: there is not enough evidence to decide
    │   └── EmptySampleError          a metric was asked of no observations
    ├── OutOfMemoryError              exit code 4: not even one text fits
    ├── BackendError                  exit code 4: a way to reach models gave other answers than it was asked for
    ├── EngineError                   exit code 4: a program that computes died, hung, or answered what none does
    ├── ServerError                   exit code 4: a server gives no answer, or one that cannot be used
    │   ├── NotOfferedError           it does not have what it was asked for
    │   └── LyingServerError          what it answers does not hold together
    ├── WorkerError                   exit code 4: workers cannot score, or two of them disagree
    ├── ClassifierError               exit code 4: a classifier gave what is no score
    ├── PerturbationError             exit code 4: a perturbation changed more than it may
    ├── TuningError                   exit code 4: a training broke off
    ├── CacheError                    exit code 4: what was computed cannot be kept, for want of room
    └── AuditFolderError              exit code 4: the folder cannot be used as an audit
        ├── UnfinishedAuditError      no manifest: the run did not end
        └── AlteredAuditError         a file does not match the manifest
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class BiasauditError(Exception):
    """Base of every error that biasaudit raises on purpose.

    Parameters
    ----------
    message : str
        Where, what was found and what was expected.
    fix : str, optional
        What the reader can do about it; printed on a line of its own.
    """

    exit_code = 4

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return self.message if self.fix is None else f"{self.message}\n{self.fix}"


class UsageError(BiasauditError):
    """The call, or a file that a person wrote, is wrong."""

    exit_code = 2


class ModelReferenceError(UsageError):
    """A model reference that means nothing, or that names nothing that exists."""


class ModelFilesError(UsageError):
    """A model was found, but its files cannot be used."""


class ChatTemplateError(UsageError):
    """The chat framing was asked for, and no usable chat template is known."""


class LineageError(UsageError):
    """Base and tuned checkpoint do not share architecture, sizes and vocabulary."""


class DifferentEnginesError(UsageError):
    """Checkpoints that are computed, kept or read in different ways: what differs may be that, and not the weights."""


class PartsError(UsageError):
    """The embeddings, blocks and head of a model cannot be told apart, or not exchanged with another's."""


class ImplausibleModelError(UsageError):
    """A model whose log-probabilities of ordinary sentences cannot be right."""


class SeveralErrors(UsageError):  # noqa: N818  # it holds them
    """Several things that are wrong, none of which hides another.

    Parameters
    ----------
    errors : sequence of BiasauditError
        Two or more.
    """

    def __init__(self, errors: Sequence[BiasauditError]) -> None:
        fixes = {error.fix for error in errors}
        # A fix that all share is said once, at the end.
        shared = fixes.pop() if len(fixes) == 1 else None
        texts = [error.message if shared else str(error).replace("\n", "\n   ") for error in errors]
        parts = [f"{number}. {text}" for number, text in enumerate(texts, start=1)]
        super().__init__("\n".join([f"{len(errors)} things are wrong, and nothing was scored:", *parts]), fix=shared)
        self.errors = tuple(errors)
        codes = {error.exit_code for error in errors}
        if len(codes) == 1:
            self.exit_code = codes.pop()


class Together:
    """Collects errors of steps that do not need one another: mended at once, not one run after another."""

    def __init__(self) -> None:
        self._found: list[BiasauditError] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note an error of the block and go on after it."""
        try:
            yield
        except BiasauditError as error:
            # Base and tuned are often the same files: what is wrong with these is one thing.
            if str(error) not in {str(known) for known in self._found}:
                self._found.append(error)

    def raise_any(self) -> None:
        """Raise what was noted: one error as it is, several as one message.

        Raises
        ------
        BiasauditError
        """
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            raise SeveralErrors(self._found)


class FieldError(UsageError):
    """One field of one line of a data file is wrong.

    Parameters
    ----------
    path : Path
        The file.
    line : int
        Line in that file, from 1.
    field : str
        Name of the field.
    found : str
        What stands there.
    expected : str
        What should stand there.
    """

    how_to_fix = "Correct that row, or restore the file from its source."

    def __init__(self, *, path: Path, line: int, field: str, found: str, expected: str) -> None:
        super().__init__(
            f"{path}:{line}: field {field!r} is {_shorten(found)}; expected {expected}.", fix=self.how_to_fix
        )
        self.path = path
        self.line = line
        self.field = field
        self.found = found
        self.expected = expected


class ProbeError(UsageError):
    """A probe's card, items or source data is wrong or absent."""


class ItemError(FieldError, ProbeError):
    """One field of one row of a probe's data is wrong."""


class PredictionsError(UsageError):
    """A file of predictions that cannot be scored."""


class PolicyError(UsageError):
    """A policy file that cannot be read as a policy."""


class BundleError(UsageError):
    """A file that is no bundle of an audit, or of another version."""


class AuditMismatchError(UsageError):
    """The output folder already holds an audit of another plan."""


class InstructionError(UsageError):
    """A file of instructions that cannot be tuned on."""


class RecordError(FieldError, InstructionError):
    """One field of one record of instructions is wrong."""

    how_to_fix = 'Write one JSON object a line: {"prompt": "...", "response": "..."}.'


class ContrastsError(UsageError):
    """A file of contrasts that cannot be tuned on."""


class TuningFolderError(UsageError):
    """The folder for an adapter is a file, or holds something that would be lost."""


class TrainingDataError(UsageError):
    """What single records of a training did cannot be asked: nothing was kept, or the data are others."""


class MissingExtraError(UsageError):
    """An optional library is not installed."""


class EvidenceError(BiasauditError):
    """There is not enough evidence to answer."""

    exit_code = 3


class EmptySampleError(EvidenceError):
    """A metric was asked of no observations: zero would read as "no bias"."""


class OutOfMemoryError(BiasauditError):
    """The memory does not suffice for the smallest piece of work."""

    def __init__(self, n_tokens: int) -> None:
        super().__init__(
            f"the memory does not suffice for one text of {n_tokens} tokens.",
            fix="Use --dtype bfloat16, a smaller model, or a machine with more memory; what was computed is kept.",
        )


class BackendError(BiasauditError):
    """A way to reach models gave too many answers, too few, or in another order than it was asked in."""

    def __init__(self, checkpoint: str, *, n_answers: int, n_asked: int) -> None:
        super().__init__(
            f"{checkpoint} gave {n_answers:,} answers to {n_asked:,} requests, or in another order.",
            fix="A backend answers each request once, in the order of the requests; nothing was written.",
        )


class EngineError(BiasauditError):
    """A program of its own that computes log-probabilities did not start, died, hung, or answered what none does."""


class ServerError(BiasauditError):
    """A server that gives no answer, or one that cannot be used; what was answered before is kept.

    Parameters
    ----------
    server : str
        Its address.
    found : str
        What it did, as the rest of a sentence.
    fix : str, optional
    """

    def __init__(self, server: str, found: str, *, fix: str | None = None) -> None:
        super().__init__(f"the server {server} {found}.", fix=fix)
        self.server = server
        self.found = found


class NotOfferedError(ServerError):
    """A server that does not have what it was asked for: another way of asking may do."""


class LyingServerError(ServerError):
    """A server whose answers do not hold together: none of them is taken for a number."""


class WorkerError(BiasauditError):
    """Workers cannot start, hold another model than was named, or give different numbers; what was kept stays."""


class ClassifierError(BiasauditError):
    """A classifier gave what is no score of a text, or not one result for each."""

    def __init__(self, classifier: str, text: int | None, found: str, expected: str) -> None:
        where = "" if text is None else f", text {text}"
        super().__init__(
            f"classifier {classifier!r}{where}: {found}; expected {expected}.",
            fix="What it cannot score is to be Unscored, with a reason.",
        )
        self.classifier = classifier
        self.text = text


class PerturbationError(BiasauditError):
    """A perturbation changed more than the contexts of a probe, or not both sides of an item alike."""

    def __init__(self, perturbation: str, item_id: str | None, found: str, expected: str) -> None:
        where = "" if item_id is None else f", item {item_id!r}"
        super().__init__(
            f"perturbation {perturbation!r}{where}: {found}; expected {expected}.",
            fix="Change the frame alone: biasaudit.robustness.reframed does.",
        )
        self.perturbation = perturbation
        self.item_id = item_id


class TuningError(BiasauditError):
    """A training that broke off; what was learned up to the last checkpoint is kept."""


class CacheError(BiasauditError):
    """What was computed cannot be kept for the next run; what was kept before stays."""


class UnknownKindError(BiasauditError):
    """An item is of no kind that there is: another version wrote it, or a row of it is missing."""

    def __init__(self, found: str, *, known: Iterable[str]) -> None:
        super().__init__(
            f"no kind of item has {found}; there are {', '.join(known)}.",
            fix="Use the version of biasaudit that wrote it, or run the audit again.",
        )


class AuditFolderError(BiasauditError):
    """A folder that cannot be used as an audit."""


class UnfinishedAuditError(AuditFolderError):
    """The folder has no manifest: the run that writes it did not end."""


class AlteredAuditError(AuditFolderError):
    """A file in the folder does not match the manifest."""


def _shorten(text: str, limit: int = 80) -> str:
    shown = repr(text)
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"
