"""What people ask of the next run of a source: that one side overwrites the other. And which runs were only tried."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE rowcast.sync_requests (
            id        bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
            source_id uuid NOT NULL REFERENCES rowcast.sources ON DELETE CASCADE,
            winner    text NOT NULL CHECK (winner IN ('SOURCE', 'DATABASE')),
            lasting   boolean NOT NULL,         -- a run that fails does not end it: nobody waits for the outcome
            run_id    bigint REFERENCES rowcast.runs ON DELETE CASCADE, -- the last run that took it up
            taken     integer NOT NULL DEFAULT 0,
            done      boolean NOT NULL DEFAULT false
        );
        CREATE INDEX sync_requests_open ON rowcast.sync_requests (source_id, id) WHERE NOT done;
        ALTER TABLE rowcast.runs ADD dry boolean NOT NULL DEFAULT false;    -- it wrote nothing
        """
    )
