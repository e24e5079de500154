"""Which table the log means by a name, from where on: one that is dropped and made again is another table.

What is published of a table is known by its ways into the publications, so that one which was out of them for a while
is noticed.
"""

from alembic import op

revision = "0018"
down_revision = "0017"

STATEMENTS = """
-- Commits from `from_lsn` on are logged of the table `oid`, until the next row of the name. The newest row of each name
-- is what counts now; older ones, where the stream may be behind it.
CREATE TABLE rowcast.logged_tables (
    log_name    text NOT NULL COLLATE "C",
    from_lsn    bigint NOT NULL,
    oid         bigint,                     -- pg_class'; null: nothing is logged
    ways        text[] NOT NULL DEFAULT '{}',   -- of publication_ways
    reason      text,                       -- why nothing is logged, and what mends it
    xid         bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    PRIMARY KEY (log_name, from_lsn)
);

CREATE FUNCTION rowcast.table_named(relation text) RETURNS oid LANGUAGE sql STABLE AS $$
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = split_part(relation, '.', 2) AND n.nspname = split_part(relation, '.', 1)
      AND c.relkind IN ('r', 'p')
$$;

-- How a table gets into the stream of these publications, whole. A way that is there before and after was there between:
-- an ALTER PUBLICATION that takes it away and gives it back makes it another one.
CREATE FUNCTION rowcast.publication_ways(table_oid oid, publications text[]) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    found text[];
    by_schema text[] := '{}';
BEGIN
    SELECT coalesce(array_agg(p.oid || ':' || p.xmin || ':' || coalesce(r.oid::text, 'all')), '{}') INTO found
    FROM pg_publication p
    LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid
        AND r.prrelid IN (SELECT table_oid UNION SELECT relid FROM pg_partition_ancestors(table_oid))
        AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL
    WHERE p.pubname = ANY (publications) AND p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate
      AND p.pubviaroot AND (p.puballtables OR r.oid IS NOT NULL);
    -- Publications of a whole schema exist from Postgres 15 on.
    IF to_regclass('pg_catalog.pg_publication_namespace') IS NOT NULL THEN
        SELECT coalesce(array_agg(p.oid || ':' || p.xmin || ':' || n.oid), '{}') INTO by_schema
        FROM pg_publication p JOIN pg_publication_namespace n ON n.pnpubid = p.oid
        JOIN pg_class c ON c.relnamespace = n.pnnspid AND c.oid = table_oid
        WHERE p.pubname = ANY (publications) AND p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate
          AND p.pubviaroot;
    END IF;
    RETURN found || by_schema;
END $$;

INSERT INTO rowcast.logged_tables (log_name, from_lsn, oid, ways)
SELECT DISTINCT ON (1) coalesce(log_name, relation), 0, oid, rowcast.publication_ways(oid, publications)
FROM rowcast.sources, rowcast.table_named(relation) oid, rowcast.log_state WHERE oid IS NOT NULL;

-- N: the table is logged anew, and what it holds is not in the log.
ALTER TABLE rowcast.log_entries DROP CONSTRAINT log_entries_operation_check,
    ADD CONSTRAINT log_entries_operation_check CHECK (operation IN ('I', 'U', 'D', 'T', 'N'));
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
