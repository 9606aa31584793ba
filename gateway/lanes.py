"""The lanes of this process: one for each sender whose channel is set up here."""

from __future__ import annotations

import os
import socket
from datetime import timedelta

import structlog
from sqlmodel import col, select

from channels.base import Medium, Outgoing
from gateway import attachments, context, outgoing, sender
from gateway.models import Sender

logger = structlog.get_logger()

_MOMENT = 0.05  #: seconds for which messages are claimed ahead of their calls
_MOST_AHEAD = 384  #: messages


class Lanes:
    """Finds the senders and makes their lanes.

    A sender's rate and whether it is in use are read at every claim. Which senders there are is looked at again and
    again, as another process may bring new ones.
    """

    def __init__(self, gateway: context.Gateway):
        self.all: list[sender.Lane] = []
        self._gateway = gateway
        self._worker = f"{socket.gethostname()}:{os.getpid()}"
        self._files = attachments.Files(gateway.database, school=gateway.settings.school.short_name, now=gateway.now)
        self._without: set[int] = set()

    async def look(self) -> list[sender.Lane]:
        """Make lanes for senders that have none yet. Gives the new ones, which nobody runs yet."""
        known = {lane.sender_id for lane in self.all}
        async with self._gateway.database.read() as session:
            query = select(Sender).where(col(Sender.active), col(Sender.id).not_in(known)).order_by(col(Sender.id))
            rows = list(await session.scalars(query))
        new = [
            self._make(row.id, row.channel, rate=row.rate)
            for row in rows
            if row.id and self._is_ours(row.id, row.channel)
        ]
        self.all += new
        return new

    def _is_ours(self, sender_id: int, channel: str) -> bool:
        if channel in self._gateway.channels:
            return True
        if sender_id not in self._without:
            self._without.add(sender_id)
            logger.warning("lane.no_channel", sender=sender_id, channel=channel)
        return False

    def _make(self, sender_id: int, name: str, *, rate: float) -> sender.Lane:
        gateway, channel = self._gateway, self._gateway.channels[name]
        return sender.Lane(
            sender_id,
            channel,
            database=gateway.database,
            log=gateway.log,
            rules=self._rules(channel.medium, rate),
            metrics=gateway.metrics,
            outgoing=self.outgoing,
            worker=self._worker,
            now=gateway.now,
            attachments=self._files.of,
        )

    def _rules(self, medium: Medium, rate: float) -> sender.Rules:
        sending, smtp = self._gateway.settings.sending, self._gateway.settings.smtp
        concurrency, urgent = sending.concurrency, sending.urgent_slots
        if medium is Medium.EMAIL:
            concurrency = smtp.pool_size
            urgent = min(urgent, concurrency // 2)  # half of the few connections at most are kept free
        return sender.Rules(
            concurrency=concurrency,
            urgent_slots=urgent,
            lease=timedelta(seconds=sending.lease_s),
            poll=sending.poll_s * self._gateway.calm,
            policy=self._gateway.policy(),
            timezone=self._gateway.timezone,
            ahead=ahead(rate),
            is_quiet=self._gateway.is_quiet,
        )

    def outgoing(self, message: outgoing.Row) -> Outgoing:
        """What a channel may know of a message."""
        gateway = self._gateway
        return outgoing.build(
            message,
            callback_url=gateway.public_url,
            unsubscribe_url=gateway.unsubscribe_url,
            clip_url=gateway.clip_url,
            now=gateway.now(),
        )

    def wake(self) -> None:
        """Let every lane look for what is due."""
        for lane in self.all:
            lane.wake()

    def stop(self) -> None:
        """Let no lane claim anything more."""
        for lane in self.all:
            lane.stop()

    def failing(self) -> list[str]:
        """Those whose turns fail: what they do cannot be written down, so they do nothing."""
        return [f"lane {one.sender_id}" for one in self.all if one.failing]

    def stuck(self, seconds: float) -> list[str]:
        """Those that have not turned for so long."""
        now = self._gateway.now()
        return [f"lane {one.sender_id}" for one in self.all if (now - one.last_turn).total_seconds() > seconds]


def ahead(rate: float) -> int:
    """How many messages a lane of this rate (a second) may claim beyond its calls at once.

    What a provider as fast as the rate allows takes in the next moment: at a usual rate none, and nobody waits behind
    others with a running lease, or is in doubt when we die, who would not be on the wire.
    """
    return min(_MOST_AHEAD, int(rate * _MOMENT))
