"""The headers of a sheet that no column has, so that each is told of once."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE rowcast.sync_state ADD unsynced text[] NOT NULL DEFAULT '{}'")
