"""The policies that come with the package, by name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

READY: Final = ("hiring-impact-ratio", "no-regression", "strict")


def policy_path(name: str | Path) -> Path:
    """Return the file that `name` means: a ready policy, or the file of that name.

    Parameters
    ----------
    name : str or Path
        One of :data:`READY`, or a path; a ready policy goes before a file that has its name to the letter.

    Returns
    -------
    Path
        It need not exist: :func:`biasaudit.gate.read_policy` says so where it does not.

    Examples
    --------
    >>> policy_path("no-regression").name, policy_path("own/policy.yaml").name
    ('no-regression.yaml', 'policy.yaml')
    """
    if str(name) in READY:
        return Path(str(resources.files("biasaudit"))) / "gate" / "policies" / f"{name}.yaml"
    return Path(name)
