"""The log's entries hold a row's values once and without names, and no table's name: a third to a half of the bytes.

`rowcast.changes` is a view of them from now on, with the columns that the table had. Entries from before keep their rows
as JSON objects, until retention takes them.
"""

from alembic import op

revision = "0017"
down_revision = "0016"

TABLES = """
-- What the log calls its tables, and the orders in which their columns stand. Written with the entries that need them.
CREATE TABLE rowcast.log_relations (
    id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name    text NOT NULL UNIQUE COLLATE "C"        -- schema.table
);
CREATE TABLE rowcast.log_layouts (
    id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    columns json NOT NULL                           -- the names, an array
);

-- One row a change, wide columns first: no padding. '' and not NULL where most entries have none: a NULL costs a row of
-- so many columns eight bytes. Partitions are cut by the day of the append, and dropped whole.
CREATE TABLE rowcast.log_entries (
    lsn          bigint NOT NULL,
    xid          bigint NOT NULL,
    committed_at timestamptz NOT NULL,
    epoch        integer NOT NULL,
    index        integer NOT NULL,
    day          date NOT NULL,
    relation     integer NOT NULL,                  -- of log_relations
    layout       integer,                           -- of log_layouts: what the image's values are called
    operation    "char" NOT NULL CHECK (operation IN ('I', 'U', 'D', 'T')),
    cause        "char" NOT NULL CHECK (cause IN ('S', 'A', 'Q', 'R')),
    key          text COLLATE "C",
    old_key      text NOT NULL COLLATE "C",         -- where an UPDATE changed the key
    actor        text NOT NULL,
    image        text NOT NULL,                     -- the row after the change (DELETE: before): [value, …] by the layout
    replaced     text NOT NULL,                     -- what an UPDATE replaced in it: [place from 0, value, place, …]
    -- Either may be a JSON object instead: a whole row with its names; `replaced` is then the row before.
    PRIMARY KEY (epoch, lsn, index, day)
) PARTITION BY RANGE (day);
CREATE INDEX log_entries_relation ON rowcast.log_entries (relation, epoch, lsn, index);
-- Hashed: a key may be longer than an index takes, and no row that somebody commits may stop the log.
CREATE INDEX log_entries_key ON rowcast.log_entries (relation, hashtextextended(key, 0));
CREATE INDEX log_entries_old_key ON rowcast.log_entries (relation, hashtextextended(old_key, 0)) WHERE old_key <> '';
CREATE INDEX log_entries_xid ON rowcast.log_entries (xid);
"""

VIEW = """
CREATE VIEW rowcast.changes AS
SELECT epoch, lsn, index, day, xid, committed_at,
    (SELECT r.name FROM rowcast.log_relations r WHERE r.id = relation) AS relation,
    CASE operation WHEN 'I' THEN 'INSERT' WHEN 'U' THEN 'UPDATE' WHEN 'D' THEN 'DELETE' ELSE 'TRUNCATE' END AS operation,
    key, nullif(old_key, '') AS old_key,
    CASE WHEN operation = 'D' THEN whole
        WHEN replaced LIKE '[%' THEN (
            SELECT json_object_agg(c.name, coalesce(p.value, c.value) ORDER BY c.n)
            FROM rowcast.log_layouts l CROSS JOIN
                ROWS FROM (json_array_elements_text(l.columns), json_array_elements(image::json))
                    WITH ORDINALITY c (name, value, n)
                LEFT JOIN (
                    SELECT place.value::text::integer + 1 AS n, was.value
                    FROM json_array_elements(replaced::json) WITH ORDINALITY place (value, n)
                    JOIN json_array_elements(replaced::json) WITH ORDINALITY was (value, n)
                        ON place.n % 2 = 1 AND was.n = place.n + 1
                ) p ON p.n = c.n
            WHERE l.id = layout)
        ELSE nullif(replaced, '')::json END AS before,
    CASE WHEN operation <> 'D' THEN whole END AS after,
    CASE cause WHEN 'S' THEN 'SOURCE' WHEN 'A' THEN 'API' WHEN 'Q' THEN 'SQL' ELSE 'ROLLBACK' END AS cause,
    nullif(actor, '') AS actor
FROM (
    SELECT e.*,
        CASE WHEN image LIKE '[%' THEN (
            SELECT json_object_agg(c.name, c.value)
            FROM rowcast.log_layouts l CROSS JOIN
                ROWS FROM (json_array_elements_text(l.columns), json_array_elements(image::json)) c (name, value)
            WHERE l.id = layout)
        ELSE nullif(image, '')::json END AS whole
    FROM rowcast.log_entries e
) e;
"""

FILL = """
INSERT INTO rowcast.log_relations (name) SELECT DISTINCT relation FROM rowcast.old_changes ORDER BY relation;
INSERT INTO rowcast.log_entries
SELECT lsn, xid, committed_at, epoch, index, day, r.id, NULL,
    left(operation, 1)::"char", (CASE cause WHEN 'SQL' THEN 'Q' ELSE left(cause, 1) END)::"char",
    key, coalesce(old_key, ''), coalesce(actor, ''),
    coalesce(CASE operation WHEN 'DELETE' THEN before ELSE after END::text, ''),
    coalesce(CASE operation WHEN 'DELETE' THEN NULL ELSE before END::text, '')
FROM rowcast.old_changes c JOIN rowcast.log_relations r ON r.name = c.relation;
DROP TABLE rowcast.old_changes;
"""

# As many as the old log has, with the same days.
PARTITIONS = """
DO $$ DECLARE old text; day date; BEGIN
    FOR old IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = 'rowcast.old_changes'::regclass LOOP
        day := right(old, 8)::date;
        EXECUTE format('CREATE TABLE rowcast.%I PARTITION OF rowcast.log_entries FOR VALUES FROM (%L) TO (%L)',
            'log_entries_' || right(old, 8), day, day + 1);
    END LOOP;
END $$;
"""


def upgrade() -> None:
    op.execute("ALTER TABLE rowcast.changes RENAME TO old_changes")
    op.execute(TABLES)
    op.execute(PARTITIONS)
    op.execute(FILL)
    op.execute(VIEW)
