"""What tells which of two edits was the later one: when a hook last came, when a source was last read, what was first
seen when.
"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE rowcast.base ADD first_seen jsonb;          -- column to [cell, time]: see db/base.py
        ALTER TABLE rowcast.sync_state
            ADD hooked_at timestamptz,                          -- when the last hook came
            ADD read_at timestamptz;                            -- when the last complete read began
        """
    )
