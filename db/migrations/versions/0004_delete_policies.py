"""Which sources hide the rows of their table that are marked as deleted: those whose delete policy was SOFT once."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE rowcast.sources ADD hides_deleted boolean NOT NULL DEFAULT false")
