"""The events of one source are found without reading those of all others."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("CREATE INDEX events_of_source ON rowcast.events (source, id)")
