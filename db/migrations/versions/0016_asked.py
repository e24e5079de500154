"""Whether a person chose how a conflict is settled, and no rule: told by who is named until now, which a token may be."""

from alembic import op

revision = "0016"
down_revision = "0015"

_RULES = (
    "'MANUAL', 'DATABASE_WINS', 'SOURCE_WINS', 'LATEST_WINS', 'TWO_WAY', 'FROM_SOURCE', 'TO_SOURCE', 'winner', "
    "'formula', 'generated'"
)


def upgrade() -> None:
    op.execute("ALTER TABLE rowcast.conflicts ADD asked boolean NOT NULL DEFAULT false")
    op.execute(
        f"UPDATE rowcast.conflicts SET asked = true WHERE choice IS NOT NULL AND resolved_by NOT IN ({_RULES})"  # noqa: S608
    )


def downgrade() -> None:
    op.execute("ALTER TABLE rowcast.conflicts DROP asked")
