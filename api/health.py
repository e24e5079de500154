"""`/healthz`: the process answers. `/readyz`: it can serve, each part of that with its reason.

For load balancers, supervisors and people. Ready means that the database answers and is migrated, and that somebody
leads: this process, with the slot streaming and the scheduler on, or another one.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

import psycopg
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from api.runtime import LeaderStatus, runtime
from db.revision import current, newest
from db.session import Connection, Pool
from replication.session import ReplicationStatus

_DEADLINE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """One part of readiness; `detail` says how it stands, and what mends it where it isn't ok."""

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What the database says: its revision, and who holds the lease now (None: nobody)."""

    revision: str | None
    holder: str | None


def routes() -> list[BaseRoute]:
    """`/healthz` and `/readyz`."""
    return [Route("/healthz", _healthz), Route("/readyz", _readyz)]


def checks(state: DatabaseState | None, needed: str, leader: LeaderStatus) -> Mapping[str, Check]:
    """Pure: the parts of readiness. `state` None: the database did not answer."""
    if state is None:
        away = Check(ok=False, detail="Unknown while the database does not answer.")
        database = Check(ok=False, detail="Postgres does not answer. The process goes on trying.")
        return {"database": database, "migrated": away, "replication": away, "scheduler": away}
    migrated = state.revision == needed
    return {
        "database": Check(ok=True, detail="Postgres answers."),
        "migrated": Check(
            ok=migrated,
            detail=f"At revision {state.revision}."
            if migrated
            else f"At revision {state.revision or 'none'}, but {needed} is needed: run `python -m api migrate`.",
        ),
        **_leader_checks(state.holder, leader),
    }


def _leader_checks(holder: str | None, leader: LeaderStatus) -> Mapping[str, Check]:
    if not leader.leading and holder is not None and holder == leader.holder:
        beginning = Check(ok=False, detail="This process has just begun to lead.")
        return {"replication": beginning, "scheduler": beginning}
    if not leader.leading:
        elsewhere = (
            Check(ok=True, detail=f"The leader is another process ({holder}); this one stands by.")
            if holder
            else Check(ok=False, detail="No process leads at the moment; one of them will within seconds.")
        )
        return {"replication": elsewhere, "scheduler": elsewhere}
    return {
        "replication": _replication_check(leader.replication),
        "scheduler": Check(
            ok=leader.scheduling, detail="On." if leader.scheduling else "Not on yet: it follows the replication."
        ),
    }


def _replication_check(status: ReplicationStatus | None) -> Check:
    if status is None or not status.streaming:
        reason = "" if status is None else f": {status.reason}"
        return Check(ok=False, detail=f"The slot does not stream{reason}.")
    return Check(ok=True, detail=f"The slot streams, {status.lag_bytes} bytes behind.")


async def database_state(pool: Pool) -> DatabaseState | None:
    """None where the database doesn't answer within the deadline."""
    try:
        async with asyncio.timeout(_DEADLINE_S), pool.connection(timeout=_DEADLINE_S) as connection:
            revision = await current(connection)
            return DatabaseState(revision, None if revision is None else await _holder(connection))
    except (psycopg.OperationalError, PoolTimeout, TimeoutError):
        return None


async def _holder(connection: Connection) -> str | None:
    cursor = await connection.execute("SELECT holder FROM rowcast.lease WHERE expires_at > clock_timestamp()")
    row = await cursor.fetchone()
    return None if row is None or not row[0] else str(row[0])


async def _healthz(request: Request) -> Response:  # noqa: ARG001
    return PlainTextResponse("ok\n")


async def _readyz(request: Request) -> Response:
    process = runtime(request)
    state = await database_state(process.context.pool)
    found = checks(state, newest(), process.leader())
    ready = all(check.ok for check in found.values())
    body = {"ready": ready, "checks": {name: asdict(check) for name, check in found.items()}}
    return JSONResponse(body, status_code=200 if ready else 503)
