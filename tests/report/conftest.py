from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from biasaudit.report import render_html
from tests.report.factory import audit

if TYPE_CHECKING:
    from biasaudit.facade import Audit


@pytest.fixture(scope="session")
def small_audit() -> Audit:
    return audit()


@pytest.fixture(scope="session")
def small_page(small_audit: Audit) -> str:
    return render_html(small_audit)
