"""Commits by `pgbench`, at a rate: each one statement, which says in the row when it was written."""

import asyncio
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Final

from bench.live.ground import TABLE
from db.embedded_home import packaged_binaries

_STAMP: Final = f"UPDATE {TABLE} SET note = extract(epoch FROM clock_timestamp())::text, age = age + 1"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Commits:
    """`rate` a second, by so many sessions, each of one row of the first `rows`, at random; with 0 of all that are."""

    rate: int
    seconds: int
    rows: int
    sessions: int = 1

    @property
    def count(self) -> int:
        """Of all sessions."""
        return self.rate * self.seconds

    async def run(self, dsn: str) -> None:
        """Until the last is committed."""
        await asyncio.to_thread(self._run, dsn)

    def _run(self, dsn: str) -> None:
        which = f"\\set row random(1, {self.rows})\n{_STAMP} WHERE id = :row;\n" if self.rows else f"{_STAMP};\n"
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(which)
            file.flush()
            numbers = {"rate": self.rate, "client": self.sessions, "transactions": self.count // self.sessions}
            options = ["--no-vacuum", "--protocol=prepared", *(f"--{name}={value}" for name, value in numbers.items())]
            command = [str(packaged_binaries() / "pgbench"), *options, "--file", file.name, dsn]
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a command of ours
