"""The mutations: which there are. What each does is in its own module."""

import strawberry

from schema.registration import (
    delete_source,
    pause_source,
    register_source,
    resume_source,
    rotate_hook_secret,
    update_source,
)
from schema.rollback import rollback_row, rollback_source
from schema.row_types import WriteResult
from schema.row_writes import delete_rows, upsert_rows
from schema.run_types import SyncRun
from schema.runs import confirm_deletes, sync_source
from schema.source_types import Source
from schema.system_types import CreatedToken, HookSecret, Token
from schema.tokens import create_token, revoke_token
from schema.trouble_types import Conflict, Failure
from schema.troubles import discard_failure, resolve_conflict, retry_failure


@strawberry.type(description="What can be changed.")
class Mutation:
    register_source: Source = strawberry.mutation(
        resolver=register_source,
        description="Binds a sheet to a table. Returns once both are bound; the import is the source's lastRun.",
    )
    update_source: Source = strawberry.mutation(
        resolver=update_source,
        description="Changes settings. Absent keeps, null clears what can be cleared.",
    )
    delete_source: Source = strawberry.mutation(
        resolver=delete_source,
        description="Forgets a source. Its table and history stay, unless dropTable says not.",
    )
    pause_source: Source = strawberry.mutation(resolver=pause_source, description="No runs until it is resumed.")
    resume_source: Source = strawberry.mutation(resolver=resume_source, description="Runs again, at once.")
    sync_source: SyncRun = strawberry.mutation(
        resolver=sync_source,
        description="Reconciles now, and answers with the outcome of a run that began after.",
    )
    confirm_deletes: SyncRun = strawberry.mutation(
        resolver=confirm_deletes,
        description="Lets exactly the deletes go that the held run showed, and answers with the run that did it.",
    )
    rotate_hook_secret: HookSecret = strawberry.mutation(
        resolver=rotate_hook_secret,
        description="A new hook secret, also the first. It is shown once; the old one serves for a day more.",
    )
    upsert_rows: WriteResult = strawberry.mutation(
        resolver=upsert_rows,
        description="Inserts or updates rows by key, in one transaction; absent columns keep their value.",
    )
    delete_rows: WriteResult = strawberry.mutation(
        resolver=delete_rows, description="Deletes rows by key, in one transaction; a key that no row has is skipped."
    )
    resolve_conflict: Conflict = strawberry.mutation(
        resolver=resolve_conflict, description="Settles a conflict, and waits for the run that carries it out."
    )

    retry_failure: Failure = strawberry.mutation(
        resolver=retry_failure,
        description="Tries a failure again, and answers with what became of it after the run that did.",
    )
    discard_failure: Failure = strawberry.mutation(
        resolver=discard_failure,
        description="Gives a failure up: it is neither shown nor tried again until its value changes.",
    )
    rollback_row: WriteResult = strawberry.mutation(
        resolver=rollback_row,
        description="Brings a row back to an earlier state, in a transaction that flows everywhere like any other.",
    )
    rollback_source: WriteResult = strawberry.mutation(
        resolver=rollback_source,
        description="Brings all rows of a source back to an earlier state, in one transaction.",
    )

    create_token: CreatedToken = strawberry.mutation(
        resolver=create_token, description="Creates a token; its secret is shown once."
    )
    revoke_token: Token = strawberry.mutation(
        resolver=revoke_token,
        description="Ends a token, with everything that is open under it.",
    )
