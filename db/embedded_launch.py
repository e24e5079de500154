"""Starts a child that ends with its parent, as another user where asked.

For the embedded Postgres, the demo's processes, and those of tests and benches. `subprocess`' own hook (`preexec_fn`)
isn't safe in a process with threads, so a few lines of Python run first, in the child's place: they give up root, ask
the kernel (Linux) for a signal when the parent dies, and become the command. This file is run by path: never import
rowcast or a package here.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """A user of this machine, to run a child as."""

    name: str
    uid: int
    gid: int


def launch(
    command: Sequence[str],
    *,
    output: IO[bytes] | int | None,
    env: Mapping[str, str],
    cwd: str,
    death_signal: signal.Signals,
    identity: Identity | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """A child that runs `command` in a session of its own: Ctrl-C reaches the parent alone, which stops its children.

    For the other arguments see `ending_with_parent`.
    """
    return subprocess.Popen(  # noqa: S603 - the command is ours
        ending_with_parent(command, death_signal, identity),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output if output is None else subprocess.STDOUT,
        env=dict(env),
        cwd=cwd,
        pass_fds=tuple(pass_fds),
        start_new_session=True,
    )


def ending_with_parent(
    command: Sequence[str], death_signal: signal.Signals, identity: Identity | None = None
) -> list[str]:
    """A command for the child that `command` is to be.

    `death_signal` is sent to it when the thread that starts it ends (Linux), so start it from a thread that stays.
    """
    user = "-" if identity is None else f"{identity.uid}:{identity.gid}"
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(death_signal)), user, *command]


def _become(parent: int, death_signal: int, user: str, command: list[str]) -> None:
    # While still root: the other user may not be able to read Python's own library.
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if user != "-":
        uid, gid = user.split(":")
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if libc is not None:
        # After setuid, which clears it.
        libc.prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:
            sys.exit("The parent ended before its child began.")
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    _become(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
