"""The log as tests want it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


def write_plainly() -> None:
    """structlog's own default paints every traceback with all its variables, which takes seconds for each."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.stdlib.add_log_level, plain])


@contextmanager
def kept() -> Iterator[None]:
    """A command that is typed in this process sends the log to its own standard error, which is gone afterwards."""
    before = logging.getLogger().handlers[:]
    try:
        yield
    finally:
        logging.getLogger().handlers[:] = before
        structlog.reset_defaults()
        write_plainly()
