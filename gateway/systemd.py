"""Telling systemd that we are ready and alive: datagrams to ``$NOTIFY_SOCKET`` (sd_notify(3)). Without one, nothing."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping

import structlog

logger = structlog.get_logger()


def notify(state: str, *, environ: Mapping[str, str]) -> bool:
    """Send a state such as ``READY=1``, ``STOPPING=1`` or ``STATUS=…``; False when nobody is listening.

    Raises :class:`OSError` when there is a socket that cannot be written to.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # Linux's abstract names begin with a zero byte
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.settimeout(1.0)
        channel.sendto(state.encode(), address)
    return True


def tell(state: str, *, environ: Mapping[str, str]) -> None:
    """Send a state; when that fails, log it and go on: families matter more than what systemd knows."""
    try:
        notify(state, environ=environ)
    except OSError as error:
        logger.warning("systemd.not_told", state=state, error=error.strerror or str(error))


def watchdog_interval(environ: Mapping[str, str], *, pid: int | None = None) -> float | None:
    """Give the seconds between two signs of life, half of what the unit's ``WatchdogSec`` allows; None without one."""
    wanted = environ.get("WATCHDOG_PID", "")
    if wanted and wanted != str(os.getpid() if pid is None else pid):
        return None  # meant for another process of the unit
    microseconds = environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 2_000_000 if microseconds.isdecimal() and int(microseconds) else None


async def keep_alive(alive: Callable[[], bool], *, environ: Mapping[str, str]) -> None:
    """Give signs of life for as long as ``alive()`` says so; returns at once where no watchdog is set.

    Run it in the event loop whose health it shows: when that hangs, or ``alive()`` stays false, systemd restarts us.
    A socket that cannot be written to is logged, and tried again at the next sign.
    """
    interval = watchdog_interval(environ)
    while interval is not None:
        if alive():
            tell("WATCHDOG=1", environ=environ)
        await asyncio.sleep(interval)
