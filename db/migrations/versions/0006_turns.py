"""How often a cell was changed back and forth between the two sides."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE rowcast.base ADD turns jsonb")  # column to [side, count, time, texts]: see db/base.py
