"""Requests to sources of which nobody knows yet what became: whoever leads next judges them, or sends them again."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE rowcast.in_doubt (
            source_id uuid NOT NULL REFERENCES rowcast.sources ON DELETE CASCADE,
            id        text NOT NULL COLLATE "C",
            number    bigint GENERATED ALWAYS AS IDENTITY,  -- in the order in which they were sent
            at        timestamptz NOT NULL DEFAULT clock_timestamp(),
            request   bytea NOT NULL,                       -- in the terms of what writes to the source
            PRIMARY KEY (source_id, id)
        );
        -- It comes compressed.
        ALTER TABLE rowcast.in_doubt ALTER request SET STORAGE EXTERNAL
        """
    )
