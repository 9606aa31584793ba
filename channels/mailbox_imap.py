"""A mailbox that is watched over IMAP: what comes is handed in, oldest first, and then put aside.

A mail is marked only after it has been stored. Whatever breaks in between, it is handed in once more, which the store
knows by its event id. See docs/decisions on why IMAPClient in a thread.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from channels import base, imap_session, mail_in, tls

_log = logging.getLogger(__name__)

_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 120.0  #: seconds between two tries
_SHORT_WAIT = 1.0  #: seconds
_PATIENCE = 3  #: after so many failures with one mail, the others go before it

T = TypeVar("T")


class ImapMailbox:
    """A way in for mail.

    ``read``    says what a mail means; it runs in the mailbox's thread
    ``now``     the clock; ``keep`` how old a mail may be: what lay there long before is nobody's answer to us
    ``jitter``  gives a number from 0 to 1, so that many schools do not come back to one server all at once
    """

    name = "mail-in"

    def __init__(
        self,
        mailbox: imap_session.Mailbox,
        *,
        read: mail_in.Read,
        now: Callable[[], datetime],
        keep: timedelta = timedelta(days=90),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.trouble = ""
        self._mailbox, self._read, self._now, self._keep, self._jitter = mailbox, read, now, keep, jitter
        self._tls: ssl.SSLContext | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._failures = 0  # in a row
        self._failed: Counter[str] = Counter()  # by mail

    async def open(self) -> None:
        """Read the certificates. Raises :class:`base.Misconfigured`; the server itself is not asked yet."""
        imap_session.check(self._mailbox)
        logging.getLogger("imapclient").setLevel(logging.WARNING)  # its debug lines hold every word of every mail
        if self._mailbox.security != "none":
            self._tls = await asyncio.to_thread(tls.context, self._mailbox.ca_file, setting="mail_in.ca_file")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mailbox")

    async def close(self) -> None:
        """Let the thread go."""
        if self._thread:
            await asyncio.to_thread(self._thread.shutdown)
            self._thread = None

    async def check(self) -> str:
        """Log in and look. Gives a sentence; raises :class:`base.Misconfigured` with one."""
        try:
            session = await self._connect()
            try:
                found = await self._in_thread(partial(session.waiting, self._oldest()), session)
            finally:
                session.close()
        except imap_session.Trouble as error:
            raise base.Misconfigured(str(error)) from None
        how = "announces new mail" if session.announces else f"is asked every {self._mailbox.poll:g} seconds"
        what = f"The mailbox at {self._mailbox.host} accepts our login and {how}"
        return f"{what}; mails waiting in {self._mailbox.folder}: {len(found)}."

    async def receive(self, deliver: base.Deliver) -> None:
        """Hand in what comes, until cancelled."""
        while True:
            try:
                session = await self._connect()
                try:
                    await self._attend(session, deliver)
                finally:
                    session.close()
            except imap_session.Trouble as error:
                self._failures += 1
                self._tell(str(error))
                await asyncio.sleep(self._pause(error))

    async def _attend(self, session: imap_session.Session, deliver: base.Deliver) -> None:
        """Take in and wait, turn by turn. Ends only by :class:`imap_session.Trouble`."""
        quiet = True
        while True:
            waiting = await self._in_thread(partial(session.waiting, self._oldest()), session)
            self._failed = Counter({key: self._failed[key] for uid in waiting if (key := session.key(uid))})
            # One mail that can be neither fetched nor stored must not hold up the others for ever.
            for uid in sorted(waiting, key=lambda uid: (self._failed[session.key(uid)] >= _PATIENCE, uid)):
                try:
                    await self._take_in(session, uid, deliver)
                except imap_session.Trouble:
                    self._failed[session.key(uid)] += 1
                    raise
            self._failures = 0
            self._tell("")
            if not waiting:
                # Where mails come one upon the other, one may slip in just before the server begins to announce.
                await self._wait(session, self._mailbox.poll if quiet else min(_SHORT_WAIT, self._mailbox.poll))
            quiet = not waiting

    async def _take_in(self, session: imap_session.Session, uid: int, deliver: base.Deliver) -> None:
        mail = await self._in_thread(partial(session.fetch, uid), session)
        if mail is None:
            return
        events = await self._in_thread(partial(self._events, mail), session)
        if events:
            try:
                await deliver(events)
            except Exception as error:  # whatever the store raises: the mail stays where it is
                _log.warning("A mail could not be stored (%s); it is tried again.", type(error).__name__)
                raise imap_session.Trouble(
                    "Mail that came in cannot be stored; it stays in the mailbox and is tried again."
                ) from None
        await self._in_thread(partial(session.mark, uid, read=events is not None), session)

    def _events(self, mail: mail_in.Mail) -> Sequence[base.Event] | None:
        """What a mail means; None when our reader fails on it."""
        try:
            return tuple(self._read(mail))
        except Exception as error:
            # Where, and what sort: the error's own words may be the mail's.
            where = traceback.extract_tb(error.__traceback__)[-1]
            sort = type(error).__name__
            _log.error("Mail %s cannot be read: %s at %s:%s.", mail.key, sort, where.filename, where.lineno)
            return None

    async def _wait(self, session: imap_session.Session, seconds: float) -> None:
        # Also where the server announces new mail we look now and then: announcements get lost.
        if session.announces:
            await self._in_thread(partial(session.idle, seconds), session)
        else:
            await asyncio.sleep(seconds)

    async def _connect(self) -> imap_session.Session:
        future = self._submit(partial(imap_session.connect, self._mailbox, self._tls))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])  # no longer than its time to connect
            if not future.exception():
                future.result().close()
            raise

    async def _in_thread(self, work: Callable[[], T], session: imap_session.Session) -> T:
        """Let the thread do something; when we are cancelled it is woken, and waited for."""

        def plainly() -> T:
            with imap_session.in_words():
                return work()

        future = self._submit(plainly)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            session.cut()
            await asyncio.wait([future])
            future.exception()  # it was cut: what it says is of no interest
            raise

    def _submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        if self._thread is None:
            raise RuntimeError("the mailbox was not opened")
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _oldest(self) -> datetime:
        return self._now() - self._keep

    def _pause(self, error: imap_session.Trouble) -> float:
        """Twice as long from try to try, less up to a half by lot."""
        longest = min(_LONGEST_PAUSE, _SHORTEST_PAUSE * 2.0 ** min(self._failures - 1, 16))
        return max(error.pause, longest) * (1 - self._jitter() / 2)

    def _tell(self, trouble: str) -> None:
        """Once for each change."""
        if trouble == self.trouble:
            return
        if trouble:
            _log.warning("No mail can be taken in: %s", trouble)
        else:
            _log.warning("Mail is taken in again.")
        self.trouble = trouble
