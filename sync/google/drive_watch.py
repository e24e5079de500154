"""Follows the changes of all spreadsheets of one credential: one call a look where nothing changed.

Level-triggered: what comes of a look are marks, and whoever compares them with what was read last sees what differs,
however often a look is repeated. A token that Drive doesn't know any more voids all marks, and so does whatever else
goes wrong.
"""

from collections.abc import Callable, Collection
from dataclasses import replace

import structlog

from db.drive_pages import DrivePage, drive_page, keep_drive_page
from db.errors import SourceUnreachable
from db.lease import Term
from db.session import Pool
from sync.google.drive_changes import ChangedFiles, TokenLost, fetch_changes, fetch_file, fetch_start
from sync.google.drive_marks import DriveMarks
from sync.google.errors import GoogleBusy
from sync.google.quota import CallKind
from sync.google.session import GoogleSession

log = structlog.get_logger(__name__)


class DriveWatch:
    """One leadership's watch of one credential. `look`, then wake whom it concerns, then `keep`."""

    def __init__(self, session: Callable[[], GoogleSession], marks: DriveMarks, pool: Pool, term: Term) -> None:
        """`session` gives the credential's, which may be another account's by the next look."""
        self._session_now = session
        self._account = ""
        self._marks = marks
        self._pool = pool
        self._term = term
        self._stored: DrivePage | None = None
        self._page: DrivePage | None = None
        marks.void_all()
        marks.follow(())

    async def look(self, files: Collection[str]) -> None:
        """Bring the marks of these files up to date; of one that can't be asked for there is none afterwards.

        Raises SourceUnreachable: no mark counts as known then.
        """
        try:
            session = self._session_now()
            if self._account != session.email:
                # Tokens are an account's own.
                self._account, self._stored, self._page = session.email, None, None
                self._marks.void_all()
            if self._stored is None:
                async with self._pool.connection() as connection:
                    self._stored = await drive_page(connection, self._account)
            self._page = await self._follow(session, self._page or self._stored)
            for file in files:
                # Of a file that is only open to anyone with the link the changes say nothing.
                if file not in self._page.covered or not self._marks.seen(file):
                    self._page = await self._ask(session, file, self._page)
        except SourceUnreachable:
            self._marks.follow(())
            raise
        self._marks.follow(files)

    async def keep(self) -> None:
        """Begin the next look, by whomever, behind this one. Only once those were woken whom it concerns."""
        page = self._page
        if page is None or page == self._stored:
            return
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            await keep_drive_page(connection, self._account, page.token, page.covered)
        self._stored = page

    async def _follow(self, session: GoogleSession, page: DrivePage | None) -> DrivePage:
        covered = frozenset[str]() if page is None else page.covered
        if page is None:
            return await self._begin(session, covered)
        token, last = page.token, False
        while not last:
            try:
                changed = await self._changes(session, token)
            except TokenLost:
                log.warning("Drive doesn't know the token of its changes any more; asking for each file", token=token)
                return await self._begin(session, covered)
            for file, mark in changed.marks.items():
                if mark is None:
                    self._marks.void(file)
                else:
                    self._marks.learn(file, mark)
            covered |= changed.marks.keys()
            token, last = changed.next_token, changed.last
        return DrivePage(token, covered)

    async def _begin(self, session: GoogleSession, covered: frozenset[str]) -> DrivePage:
        """From now on. A mark from before now may miss a change that no look will tell of."""
        token, _ = await session.read(CallKind.DRIVE, fetch_start, self._term.check)
        self._marks.void_all()
        return DrivePage(token, covered)

    async def _changes(self, session: GoogleSession, token: str) -> ChangedFiles:
        changed, _ = await session.read(CallKind.DRIVE, lambda client: fetch_changes(client, token), self._term.check)
        return changed

    async def _ask(self, session: GoogleSession, file: str, page: DrivePage) -> DrivePage:
        self._marks.void(file)
        try:
            state, _ = await session.read(CallKind.DRIVE, lambda client: fetch_file(client, file), self._term.check)
        except GoogleBusy:
            raise
        except SourceUnreachable as error:
            # Its sources' own runs find the same, and say it.
            log.info("a spreadsheet can't be looked at", file=file, reason=str(error))
            return page
        if state.mark is not None:
            self._marks.learn(file, state.mark)
        return replace(page, covered=page.covered | {file}) if state.listed else page
