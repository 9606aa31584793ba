"""The log as tests want it."""

from __future__ import annotations

import structlog


def write_plainly() -> None:
    """structlog's own default paints every traceback with all its variables, which takes seconds for each."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.stdlib.add_log_level, plain])
