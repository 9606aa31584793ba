"""The simulator as a whole: a pretend provider and a pretend mail host on loopback."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from channels.simulator import control, conversation
from channels.simulator import journal as keeping
from channels.simulator.callbacks import Hooks, Patience
from channels.simulator.calls import Exchange
from channels.simulator.faults import Faults
from channels.simulator.magic import CallFate
from channels.simulator.mail import MailServer
from channels.simulator.notify_api import NotifyApi, Service
from channels.simulator.records import Call, Text
from channels.simulator.tasks import Tasks
from channels.simulator.texts import Carrier
from channels.simulator.twilio_api import Api
from channels.simulator.world import Settings, World


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class Simulator:
    """A stand-in for the outside world that speaks the providers' own protocols.

    ``account_sid``, ``auth_token``  what the gateway signs in with, and what webhooks are signed with
    ``http_port``, ``smtp_port``     0 for any free one
    ``calls``       how phones without a script take calls; ``ring`` is for a hand on the practice page
    ``callbacks``   ``patient`` keeps trying while the gateway is down, ``twilio`` tries once more as Twilio does
    ``pace``        seconds that a text takes to arrive
    ``patience``    seconds that a call waits for a hand on the practice page
    ``smtp_login``, ``smtp_tls``     ask for a login, offer STARTTLS
    ``notify``      the school's service at GOV.UK Notify, which answers at the same address
    ``journal``     a file in which everything is written down before it is answered, and gone on from at the start
    """

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        host: str = "127.0.0.1",
        http_port: int = 0,
        smtp_port: int = 0,
        seed: int = 0,
        now: Callable[[], datetime] = _wall_clock,
        inbound_sms_url: str = "",
        inbound_voice_url: str = "",
        school_number: str = "",
        calls: CallFate | str = CallFate.ANSWER,
        callbacks: Patience | str = Patience.PATIENT,
        pace: float = 0.0,
        patience: float = 60.0,
        smtp_login: tuple[str, str] | None = None,
        smtp_tls: ssl.SSLContext | None = None,
        journal: Path | None = None,
        notify: Service | None = None,
    ) -> None:
        settings = Settings(
            calls=CallFate(calls),
            pace=pace,
            patience=patience,
            inbound_sms_url=inbound_sms_url,
            inbound_voice_url=inbound_voice_url,
            school_number=school_number,
        )
        self.account_sid = account_sid
        self.world = World(settings=settings, seed=seed, now=now)
        self.faults = Faults(self.world.random)
        self._host, self._http_port, self.smtp_port = host, http_port, smtp_port
        self._tasks = Tasks()
        self.hooks = Hooks(
            auth_token=auth_token,
            patience=Patience(callbacks),
            random=self.world.random,
            complain=lambda sentence: self.world.complaints.append(sentence),
        )
        self._carrier = Carrier(
            account_sid=account_sid, world=self.world, hooks=self.hooks, faults=self.faults, tasks=self._tasks
        )
        self._exchange = Exchange(account_sid=account_sid, world=self.world, hooks=self.hooks, tasks=self._tasks)
        self._api = Api(
            account_sid=account_sid,
            auth_token=auth_token,
            world=self.world,
            carrier=self._carrier,
            exchange=self._exchange,
            faults=self.faults,
        )
        self.notify = NotifyApi(
            notify or Service(), world=self.world, hooks=self.hooks, faults=self.faults, tasks=self._tasks
        )
        self._mail = MailServer(world=self.world, faults=self.faults, login=smtp_login, tls=smtp_tls)
        self._runner: web.AppRunner | None = None
        self._journal_file = journal

    @property
    def http_url(self) -> str:
        """The base that stands for https://api.twilio.com, without a slash at the end."""
        return f"http://{self._host}:{self._http_port}"

    @property
    def smtp_host(self) -> str:
        """Where the mail side listens."""
        return self._host

    async def start(self) -> None:
        """Listen. Everything runs in the loop that this is called in. Raises ``OSError`` when a port is taken."""
        try:
            await self._open()
        except BaseException:
            await self.stop()
            raise

    async def _open(self) -> None:
        await self.hooks.open()
        if self._journal_file is not None:
            keeping.load(self.world, self._journal_file)
            self.world.journal = keeping.Journal(self._journal_file)
            self._carrier.resume()
            self._exchange.resume()
        app = web.Application()
        app.add_routes(self._api.routes())
        app.add_routes(self.notify.routes())
        app.add_routes(control.routes(self))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._http_port, backlog=1024).start()
        self._http_port = self._runner.addresses[0][1]
        self.smtp_port = await self._mail.open(self._host, self.smtp_port)

    async def stop(self) -> None:
        """Stop listening and give everything up. Raises what went wrong in the background, if anything did."""
        await self._mail.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        try:
            await self._tasks.close()
        finally:
            await self.hooks.close()
            if self.world.journal is not None:
                self.world.journal.close()
                self.world.journal = None

    async def idle(self) -> None:
        """Wait until every text and call has come to its end and every callback is told."""
        await self._tasks.idle()

    async def reset(self) -> None:
        """An empty world that behaves; the settings stay."""
        await self._tasks.close()
        self.faults.clear()
        self.world.reset()
        self.notify.reset()

    def reply(self, number: str, words: str, *, to: str = "", media: int = 0) -> Text:
        """The person with this phone texts back; see :meth:`channels.simulator.texts.Carrier.reply`."""
        return self._carrier.reply(number, words, to=to, media=media, elsewhere=self.notify)

    def ring(
        self, number: str, to: str = "", *, keys: tuple[str, ...] = (), says: float = 0.0, hands_on: bool = False
    ) -> Call:
        """The person with this phone rings the gateway's number ``to``, or the school's.

        ``keys``      pressed at one question after the other; ``hang up`` among them ends the call there
        ``says``      seconds of what is said after a beep
        ``hands_on``  the call waits for the practice page instead

        Raises :class:`channels.simulator.calls.NoCall`.
        """
        patience = self.world.settings.patience if hands_on else None
        to = to or self.world.settings.school_number
        return self._exchange.ring(number, to, person=conversation.Person(keys, says, patience=patience))

    def do(self, number: str, event: str) -> Call:
        """The person with this phone does something to the call: ``lift``, ``decline``, ``hang up`` or keys.

        Raises :class:`channels.simulator.calls.NoCall`.
        """
        return self._exchange.do(number, event)
