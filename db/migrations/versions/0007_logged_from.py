"""Since when the change log has every change of a source's table: a rollback reaches back no further.

The defaults are right where a source is inserted, which is while its table is locked and becomes published. For a source
that is there already they are later than need be, which loses some reach and nothing else.
"""

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = """
ALTER TABLE rowcast.sources
    ADD logged_epoch integer NOT NULL DEFAULT 0,    -- 0: before the log was opened
    ADD logged_lsn bigint NOT NULL DEFAULT (pg_current_wal_insert_lsn() - '0/0')::bigint,
    ADD logged_xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint;
UPDATE rowcast.sources SET logged_epoch = coalesce((SELECT epoch FROM rowcast.log_state), 0);

CREATE FUNCTION rowcast.note_epoch() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.logged_epoch := coalesce((SELECT epoch FROM rowcast.log_state), 0); RETURN NEW; END $$;
CREATE TRIGGER note_epoch BEFORE INSERT ON rowcast.sources FOR EACH ROW EXECUTE FUNCTION rowcast.note_epoch();
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
