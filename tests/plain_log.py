"""The log of tests, with plain tracebacks, as a server prints them. Where `rich` is installed structlog draws each
frame's variables instead, and took longer over one error than most tests take."""

from typing import TextIO

import structlog


def configure(stream: TextIO | None = None) -> None:
    """To `stream`, or to what standard output is at each line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.dev.set_exc_info,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
