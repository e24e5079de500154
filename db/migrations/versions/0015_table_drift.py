"""What a source's table was when a run last saw it, so that columns that were renamed by SQL are known again."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE rowcast.sources ADD log_name text COLLATE "C";  -- the table's in the log; null: its own
        ALTER TABLE rowcast.sync_state
            ADD table_seen jsonb,                           -- {"oid": …, "columns": {name: attnum}}
            ADD left_out text[] NOT NULL DEFAULT '{}';      -- headers and fields whose column was dropped by SQL
        CREATE FUNCTION rowcast.rename_keys(object jsonb, names jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
            SELECT CASE WHEN object IS NOT NULL AND jsonb_typeof(object) = 'object' THEN coalesce(
                (SELECT jsonb_object_agg(coalesce(names ->> key, key), value) FROM jsonb_each(object)), '{}')
            ELSE object END
        $$
        """
    )
