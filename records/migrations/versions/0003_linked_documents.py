"""Documents that end, change or mend another; numbered copies"""

from __future__ import annotations

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
