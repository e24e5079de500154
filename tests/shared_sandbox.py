"""One sandbox for the tests of a process, one after the other, emptied before each: to start one, and to make its
account's key, takes longer than most of what is tested with it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.accounts import DEMO_ACCOUNT
from sandbox.office import Office
from tests.sandbox.checked import CheckedSandbox

_idle: list[CheckedSandbox] = []


@contextmanager
def emptied_sandbox() -> Iterator[CheckedSandbox]:
    """As one that has just been started; whoever needs two at once gets two. What is exchanged is checked after."""
    sandbox = _idle.pop() if _idle else _started()
    try:
        sandbox.do(empty)
        sandbox.exchanges.clear()
        yield sandbox
        sandbox.check()
    finally:
        _idle.append(sandbox)


def _started() -> CheckedSandbox:
    sandbox = CheckedSandbox()
    sandbox.__enter__()
    return sandbox


def stop_sandboxes() -> None:
    while _idle:
        _idle.pop().__exit__(None, None, None)


def empty(office: Office) -> None:
    """The demo's workbook and account alone."""
    for email in office.accounts.keys() - {DEMO_ACCOUNT}:
        office.tokens.revoke(email)
        del office.accounts[email]
    office.triggers.keep_only(set())
    office.scripts.keep_only(set())
    office.feeds.clear()
    office.reset()
