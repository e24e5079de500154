"""Since when rows may be inserted or deleted in a source by a call that got no answer."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("ALTER TABLE rowcast.sync_state ADD COLUMN rows_sent_at timestamptz")
