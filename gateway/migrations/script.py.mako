<%!
import re


def plain(steps):
    """Take Alembic's own remarks out."""
    return re.sub(r"\s*# ###.*###", "", steps or "pass").strip()
%>\
"""${message.capitalize()}."""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    ${plain(upgrades)}


def downgrade() -> None:
    """Go back from this revision."""
    ${plain(downgrades)}
