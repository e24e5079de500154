"""How tables get into the stream, of all tables at once: it is asked each second, and took milliseconds for each table.

And the view of the log leaves out, as history does, where a table is logged anew: nobody truncated it.
"""

from alembic import op

revision = "0020"
down_revision = "0019"

STATEMENTS = """
DROP FUNCTION IF EXISTS rowcast.publication_ways(oid, text[]);

-- How these tables get into the stream of these publications, whole: a row for each way. A way that is there before and
-- after was there between: an ALTER PUBLICATION that takes it away and gives it back makes it another one.
CREATE OR REPLACE FUNCTION rowcast.publication_ways(tables oid[], publications text[])
RETURNS TABLE (table_oid oid, way text) LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    WITH published AS (
        SELECT p.oid, p.oid || ':' || p.xmin || ':' AS version, p.puballtables FROM pg_publication p
        WHERE p.pubname = ANY (publications) AND p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate
          AND p.pubviaroot),
    streamed AS (
        SELECT one AS of, one AS relid FROM unnest(tables) one
        UNION
        SELECT c.oid, parent.relid::oid FROM pg_class c CROSS JOIN LATERAL pg_partition_ancestors(c.oid) parent
        WHERE c.oid = ANY (tables) AND c.relispartition),
    member AS MATERIALIZED (
        -- As JSON, of these tables alone: the columns that narrow it exist from Postgres 15 on.
        SELECT streamed.of, version || r.oid AS by, to_jsonb(r) AS r
        FROM streamed JOIN pg_publication_rel r ON r.prrelid = relid JOIN published ON published.oid = r.prpubid)
    SELECT one, version || 'all' FROM published, unnest(tables) one WHERE puballtables
    UNION ALL
    SELECT member.of, member.by FROM member WHERE r ->> 'prqual' IS NULL AND r ->> 'prattrs' IS NULL;
    -- Publications of a whole schema exist from Postgres 15 on.
    IF to_regclass('pg_catalog.pg_publication_namespace') IS NOT NULL THEN
        RETURN QUERY
        SELECT c.oid, p.oid || ':' || p.xmin || ':' || n.oid
        FROM pg_publication p JOIN pg_publication_namespace n ON n.pnpubid = p.oid
        JOIN pg_class c ON c.relnamespace = n.pnnspid
        WHERE c.oid = ANY (tables) AND p.pubname = ANY (publications) AND p.pubinsert AND p.pubupdate AND p.pubdelete
          AND p.pubtruncate AND p.pubviaroot;
    END IF;
END $$;

DO $$ BEGIN
    EXECUTE format('CREATE OR REPLACE VIEW rowcast.changes AS %s WHERE operation <> ''N''',
        rtrim(pg_get_viewdef('rowcast.changes'::regclass), ';'));
END $$;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
