"""The log of tests, with plain tracebacks, as a server prints them. Where `rich` is installed structlog draws each
frame's variables instead, and took longer over one error than most tests take."""

import sys

import structlog
from structlog.typing import WrappedLogger


class _ToStandardError:
    """Looked up at each logger: pytest has another standard error for each test. Never standard output, which is what a
    command answers, and a server of the tests that runs beside it logs at any time."""

    def __call__(self, *_: object) -> WrappedLogger:
        return structlog.PrintLogger(sys.stderr)


def configure() -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.dev.set_exc_info,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        logger_factory=_ToStandardError(),
    )
