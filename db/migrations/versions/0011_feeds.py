"""A feed's list of records belongs to one source. Hashed: an address is longer than an index takes."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute(
        """CREATE UNIQUE INDEX sources_feed ON rowcast.sources
               (hashtextextended(feed ->> 'url', 0), hashtextextended(feed ->> 'records', 0)) WHERE feed IS NOT NULL"""
    )
