"""Which discarded failures are still as they were given up: those speak for what a run finds, the others are history."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE rowcast.failures ADD stands boolean NOT NULL DEFAULT true")
