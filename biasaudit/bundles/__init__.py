"""An audit, its policy, the decision and their checksums in one file, and the check of such a file."""

from __future__ import annotations

from biasaudit.bundles.verify import Verification, verify_bundle
from biasaudit.bundles.write import write_bundle

__all__ = ["Verification", "verify_bundle", "write_bundle"]
