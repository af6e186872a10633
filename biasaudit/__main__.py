"""`python -m biasaudit`: the same as the command."""

from __future__ import annotations

from biasaudit.cli.main import main

main()
