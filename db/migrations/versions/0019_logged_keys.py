"""By which key columns the log knows a table's rows, from where on: the stream may be behind what its source says,
when the key was renamed or the source deleted."""

from alembic import op

revision = "0019"
down_revision = "0018"

STATEMENTS = """
ALTER TABLE rowcast.logged_tables ADD key text[];
UPDATE rowcast.logged_tables l SET key = (
    SELECT key FROM rowcast.sources s WHERE coalesce(s.log_name, s.relation) = l.log_name LIMIT 1);
-- No source has them any more.
DELETE FROM rowcast.logged_tables WHERE key IS NULL;
ALTER TABLE rowcast.logged_tables ALTER key SET NOT NULL;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
