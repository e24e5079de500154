"""The least that a large commit costs everybody behind it: how late Postgres hands on what is committed meanwhile.

`pg_recvlogical` takes the same publication undecoded, streamed: the large commit's changes come while it is still being
written, in small pieces. Rowcast can't be earlier, nor can anybody who reads one replication slot.
"""

import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.embedded_home import packaged_binaries
from db.embedded_launch import ending_with_parent

_STAMP: Final = re.compile(rb"\d{10}\.\d{1,6}")
_LONGEST_STAMP: Final = 17
_OPTIONS: Final = {"proto_version": "2", "streaming": "on", "publication_names": "rowcast_tables"}
_PIECE: Final = "1MB"


class Streamed:
    """The seconds from each stamp of `bench.live.pgbench`, written just before its commit, until it came."""

    def __init__(self) -> None:
        self._newest = 0.0
        self._took: list[float] = []

    def read(self, process: "subprocess.Popen[bytes]") -> None:
        """Until the process ends."""
        assert process.stdout is not None
        kept = b""
        while data := process.stdout.read1(1 << 20):  # type: ignore[attr-defined]
            now = time.time()
            kept += data
            for found in _STAMP.finditer(kept):
                # A row that was changed comes with what it was before: only newer ones are news.
                if (stamp := float(found[0])) > self._newest:
                    self._newest = stamp
                    self._took.append(now - stamp)
            kept = kept[-_LONGEST_STAMP:]

    def taken(self) -> list[float]:
        """Since the last time."""
        took, self._took = self._took, []
        return took


@contextmanager
def streamed(dsn: str) -> Iterator[Streamed]:
    """From a slot of its own, which is gone with the block."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_create_logical_replication_slot('streamed', 'pgoutput')")
        parts = {**conninfo_to_dict(dsn), "options": f"-c logical_decoding_work_mem={_PIECE}"}
        options = [part for name, value in _OPTIONS.items() for part in ("-o", f"{name}={value}")]
        command = [str(packaged_binaries() / "pg_recvlogical"), "-d", make_conninfo("", **parts), "--slot", "streamed"]
        command = ending_with_parent([*command, "--start", "-f", "-", *options], signal.SIGKILL)
        process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - ours
        found = Streamed()
        reader = threading.Thread(target=found.read, args=(process,))
        reader.start()
        try:
            yield found
        finally:
            process.terminate()
            process.wait()
            reader.join()
            connection.execute("SELECT pg_drop_replication_slot('streamed')")
