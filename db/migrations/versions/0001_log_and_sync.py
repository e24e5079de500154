"""The change log, the sources with what the sync remembers of them, and the lease.

LSNs and 64-bit xids are kept as bigint: both fit, and neither needs a cast in a comparison. Keys are key texts
(`db.keys`) and compare by code point. Images are JSON objects from column name to what a side showed.
"""

from alembic import op

revision = "0001"
down_revision = None

LOG = """
-- What the log is a log of, and how far it goes. One row. Changed only together with an append, or when idle.
CREATE TABLE rowcast.log_state (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch       integer NOT NULL,
    system_id   text NOT NULL,
    timeline    integer NOT NULL,
    slot        text NOT NULL,
    term        bigint NOT NULL,
    head_lsn    bigint NOT NULL,            -- the last entry's position
    head_index  integer NOT NULL,
    decoded_to  bigint NOT NULL,            -- every commit below this LSN is in the log
    floor_lsn   bigint NOT NULL,            -- retention: commits below this LSN may be gone
    publications text[] NOT NULL,           -- what the stream serves: a table of another one is not in the log
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The gap markers: an epoch begins where the log could not be continued.
CREATE TABLE rowcast.epochs (
    epoch       integer PRIMARY KEY,
    lsn         bigint NOT NULL,
    reason      text NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row a change. Partitions are cut by the day of the append, and dropped whole.
CREATE TABLE rowcast.changes (
    epoch        integer NOT NULL,
    lsn          bigint NOT NULL,
    index        integer NOT NULL,
    day          date NOT NULL,
    xid          bigint NOT NULL,
    committed_at timestamptz NOT NULL,
    relation     text NOT NULL COLLATE "C", -- schema.table
    operation    text NOT NULL CHECK (operation IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')),
    key          text COLLATE "C",
    old_key      text COLLATE "C",          -- where an UPDATE changed the key
    before       json,
    after        json,
    cause        text NOT NULL,
    actor        text,
    PRIMARY KEY (epoch, lsn, index, day)
) PARTITION BY RANGE (day);
CREATE INDEX changes_relation ON rowcast.changes (relation, epoch, lsn, index);
-- Hashed: a key may be longer than an index takes, and no row that somebody commits may stop the log.
CREATE INDEX changes_key ON rowcast.changes (relation, hashtextextended(key, 0));
CREATE INDEX changes_old_key ON rowcast.changes (relation, hashtextextended(old_key, 0)) WHERE old_key IS NOT NULL;
CREATE INDEX changes_xid ON rowcast.changes (xid);

-- Who leads: the only process that may append, sync and write back. Decided by the database's clock.
CREATE TABLE rowcast.lease (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    term        bigint NOT NULL,
    holder      text NOT NULL,              -- the application_name of the holder's sessions; empty: handed back
    previous    text NOT NULL,              -- the holder before, whose walsender may still linger
    acquired_at timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
INSERT INTO rowcast.lease VALUES (true, 0, '', '', '-infinity', '-infinity');
"""

SOURCES = """
CREATE TABLE rowcast.sources (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name             text NOT NULL UNIQUE CHECK (name ~ '^[a-z][a-z0-9_]{0,47}$'),
    description      text,
    kind             text NOT NULL CHECK (kind IN ('SHEET', 'FEED')),
    state            text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'PAUSED', 'HELD', 'FAILING')),
    state_reason     text,
    direction        text NOT NULL,
    relation         text NOT NULL COLLATE "C",
    adopted          boolean NOT NULL,
    managed_key      boolean NOT NULL,      -- the key is the hidden column rowcast_id
    key              text[] NOT NULL,
    columns          jsonb NOT NULL,        -- [{name, field, type, read_only, format}] in table order
    sheet            jsonb,
    feed             jsonb,
    poll_seconds     integer NOT NULL CHECK (poll_seconds >= 1),
    conflict_policy  text NOT NULL,
    delete_policy    text NOT NULL,
    drift_policy     text NOT NULL,
    max_delete_share double precision NOT NULL CHECK (max_delete_share BETWEEN 0 AND 1),
    initial          text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A worksheet belongs to one source.
CREATE UNIQUE INDEX sources_worksheet ON rowcast.sources ((sheet ->> 'spreadsheet'), (sheet ->> 'sheet_id'));
CREATE INDEX sources_relation ON rowcast.sources (relation);

-- What the sync remembers of a source between runs; changed by the leader alone.
CREATE TABLE rowcast.sync_state (
    source_id     uuid PRIMARY KEY REFERENCES rowcast.sources ON DELETE CASCADE,
    cursor        text,                     -- up to where the log is dealt with; null: everything may differ
    seen          jsonb NOT NULL DEFAULT '{}',  -- the source's own version marks at the last complete read
    held_run      bigint,
    retry_at      timestamptz,
    attempts      integer NOT NULL DEFAULT 0
);

-- A row as both sides last showed it. Each side is compared only with its own image.
CREATE TABLE rowcast.base (
    source_id    uuid NOT NULL REFERENCES rowcast.sources ON DELETE CASCADE,
    key          text NOT NULL COLLATE "C",
    source_image jsonb,                     -- column to cell as read back; null: not in the source
    table_image  jsonb,                     -- column to text as RETURNING gave it; null: not in the table
    pending      jsonb,                     -- writes to the source that were begun: see db/base.py
    missing      integer NOT NULL DEFAULT 0,-- complete reads in a row without the key
    missing_at   timestamptz,               -- of the first of them
    absent       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (source_id, key)
);

CREATE TABLE rowcast.runs (
    id               bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    source_id        uuid NOT NULL REFERENCES rowcast.sources ON DELETE CASCADE,
    state            text NOT NULL,
    trigger          text NOT NULL,
    started_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at      timestamptz,
    rows_read        integer NOT NULL DEFAULT 0,
    database_upserts integer NOT NULL DEFAULT 0,
    database_deletes integer NOT NULL DEFAULT 0,
    source_upserts   integer NOT NULL DEFAULT 0,
    source_deletes   integer NOT NULL DEFAULT 0,
    conflicts        integer NOT NULL DEFAULT 0,
    failures         integer NOT NULL DEFAULT 0,
    api_calls        integer NOT NULL DEFAULT 0,
    message          text
);
CREATE INDEX runs_source ON rowcast.runs (source_id, id);

-- What a held run would delete, and what was let go of it.
CREATE TABLE rowcast.held_deletes (
    run_id    bigint NOT NULL REFERENCES rowcast.runs ON DELETE CASCADE,
    side      text NOT NULL CHECK (side IN ('SOURCE', 'DATABASE')),
    key       text NOT NULL COLLATE "C",
    row       jsonb NOT NULL,
    confirmed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_id, side, key)
);

CREATE TABLE rowcast.conflicts (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    source_id    uuid NOT NULL REFERENCES rowcast.sources ON DELETE CASCADE,
    key          text NOT NULL COLLATE "C",
    kind         text NOT NULL CHECK (kind IN ('CELL', 'EDIT_DELETE', 'INSERT_INSERT')),
    column_name  text,
    base         jsonb,                     -- wire values, for people; null: no value
    database     jsonb,
    source_value jsonb,
    state        text NOT NULL DEFAULT 'OPEN' CHECK (state IN ('OPEN', 'RESOLVED')),
    choice       text,                      -- a person's or the policy's, until a run carries it out
    choice_value jsonb,
    resolution   text,
    detected_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    resolved_at  timestamptz,
    resolved_by  text
);
CREATE INDEX conflicts_source ON rowcast.conflicts (source_id, state, id);
CREATE UNIQUE INDEX conflicts_open ON rowcast.conflicts (source_id, key, coalesce(column_name, '')) WHERE state = 'OPEN';

CREATE TABLE rowcast.failures (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    source_id   uuid NOT NULL REFERENCES rowcast.sources ON DELETE CASCADE,
    key         text COLLATE "C",
    column_name text,
    address     text,
    side        text NOT NULL CHECK (side IN ('SOURCE', 'DATABASE')),
    value       jsonb,
    code        text NOT NULL,
    message     text NOT NULL,
    attempts    integer NOT NULL DEFAULT 1,
    state       text NOT NULL DEFAULT 'OPEN' CHECK (state IN ('OPEN', 'RETRYING', 'RESOLVED', 'DISCARDED')),
    first_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX failures_source ON rowcast.failures (source_id, state, id);
CREATE UNIQUE INDEX failures_open ON rowcast.failures
    (source_id, code, side, coalesce(key, ''), coalesce(column_name, ''), coalesce(CASE WHEN key IS NULL THEN address END, ''))
    WHERE state IN ('OPEN', 'RETRYING');

CREATE TABLE rowcast.events (
    id        bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kind      text NOT NULL,
    source    text,                         -- the name: an event outlives its source
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    message   text NOT NULL,
    detail    jsonb NOT NULL DEFAULT '{}'
);
CREATE FUNCTION rowcast.notify_event() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('rowcast_events', NEW.id::text); RETURN NULL; END $$;
CREATE TRIGGER notify_event AFTER INSERT ON rowcast.events FOR EACH ROW EXECUTE FUNCTION rowcast.notify_event();
"""

# Replication learns in the order of the WAL which tables have a source: a change behind this message is not missed.
ANNOUNCE = """
CREATE FUNCTION rowcast.announce_sources() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_logical_emit_message(true, 'rowcast', 'sources'); RETURN NULL; END $$;
CREATE TRIGGER announce_sources AFTER INSERT OR DELETE OR UPDATE OF relation, key ON rowcast.sources
    FOR EACH STATEMENT EXECUTE FUNCTION rowcast.announce_sources();
"""

ACCESS = """
-- Encrypted with ROWCAST_SECRET_KEY: hook secrets, later feed credentials.
CREATE TABLE rowcast.secrets (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name       text NOT NULL,               -- "hook:<source id>"
    ciphertext bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz
);
CREATE INDEX secrets_name ON rowcast.secrets (name);

CREATE TABLE rowcast.tokens (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name         text NOT NULL,
    role         text NOT NULL,
    grants       jsonb NOT NULL DEFAULT '[]',
    digest       bytea NOT NULL UNIQUE,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);

-- TRUNCATE carries no rows in the WAL. A table of ours deletes first, so that the log has them.
CREATE FUNCTION rowcast.delete_before_truncate() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE format('DELETE FROM %I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME); RETURN NULL; END $$;

CREATE PUBLICATION rowcast_tables WITH (publish_via_partition_root = true);
-- From 18 on Postgres refuses updates where the replica identity has a generated column that is not published.
DO $$ BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        ALTER PUBLICATION rowcast_tables SET (publish_generated_columns = stored);
    END IF;
END $$;
"""


def upgrade() -> None:
    for statements in (LOG, SOURCES, ANNOUNCE, ACCESS):
        op.execute(statements)
