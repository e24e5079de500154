"""Where in the changes of Google Drive each account has got to."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE rowcast.drive_pages (
            account text PRIMARY KEY,           -- the address of a service account
            token   text NOT NULL,              -- of changes.list
            covered text[] NOT NULL DEFAULT '{}' -- the files that the changes were seen to tell of
        );
        -- Asked for at each poll, of all sources.
        CREATE INDEX base_pending ON rowcast.base (source_id) WHERE pending IS NOT NULL
        """
    )
