"""Google Drive's push channels that are ours."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE rowcast.drive_channels (
            id           uuid PRIMARY KEY,          -- the channel's id at Google
            credential   text NOT NULL,
            account      text NOT NULL,             -- who opened it, and alone can stop it
            address      text NOT NULL,
            token_digest bytea NOT NULL,            -- SHA-256 of the token that its messages carry
            resource_id  text,                      -- null until Google said it
            opened_at    timestamptz NOT NULL,
            expires_at   timestamptz NOT NULL
        )
        """
    )
