"""The school's account at Twilio: its settings, the open client, and what came of one call of the API."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeGuard
from urllib.parse import quote, urlencode, urlsplit

from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.rest import Client

from channels import base, loopback, twilio_codes, twilio_http, twilio_signature

#: Twilio's clock and ours may differ; a message that seems a little too old is still looked at. Safe: the caller leaves
#: out what another row owns.
_CLOCK_SLACK = timedelta(minutes=2)
#: How many of one number's messages are read at most in search of a doubtful one, and how many at a time.
_LIST_LIMIT, _PAGE_SIZE = 1000, 100
_ABOUT_US = (401, 403)  #: HTTP statuses about who asks, not about what is asked for (RFC 9110 section 15.5)
_BAD_LOGIN = "20003"
_SID = re.compile("[!-~]{1,64}")  #: what Twilio's ids are made of, and then some: they are 34 letters and digits


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """Settings of one Twilio account.

    ``api_base_url``     ``""`` for Twilio itself; else the simulator's address. Plain http only to this machine.
    ``accepted_tokens``  further auth tokens whose signatures are accepted, while a token is being changed
    ``shared_keys``      id → secret of the keys that sign webhooks with HMAC-SHA256
    ``accept_sha1``      False once every number signs with a shared key: then the older signature is refused
    ``connect_seconds``, ``read_seconds``, ``total_seconds``, ``connections``: see :class:`twilio_http.TwilioHttp`
    """

    account_sid: str
    auth_token: str = field(repr=False)
    api_base_url: str = ""
    accepted_tokens: tuple[str, ...] = field(default=(), repr=False)
    shared_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    accept_sha1: bool = True
    connect_seconds: float = 10.0
    read_seconds: float = 15.0
    total_seconds: float = 30.0
    connections: int = 20


def signatures(account: TwilioAccount) -> twilio_signature.SignatureCheck:
    """What proves that a webhook comes from this account."""
    return twilio_signature.SignatureCheck(
        tokens=(account.auth_token, *account.accepted_tokens),
        shared_keys=account.shared_keys,
        accept_sha1=account.accept_sha1,
    )


class TwilioApi:
    """The account's open client. One per channel; :meth:`open` inside the running loop, :meth:`close` at the end."""

    def __init__(self, account: TwilioAccount) -> None:
        self.account = account
        self._http: twilio_http.TwilioHttp | None = None
        self._client: Client | None = None

    async def open(self) -> None:
        """Make the session ready. Raises :class:`base.Misconfigured` when the settings cannot work together."""
        account = self.account
        _refuse_bad_settings(account, os.environ)
        self._http = twilio_http.TwilioHttp(
            connect_seconds=account.connect_seconds,
            read_seconds=account.read_seconds,
            total_seconds=account.total_seconds,
            connections=account.connections,
        )
        self._client = Client(account.account_sid, account.auth_token, http_client=self._http)
        if account.api_base_url:
            self._client.api.base_url = account.api_base_url.rstrip("/")

    async def close(self) -> None:
        """Close every connection."""
        if self._http is not None:
            await self._http.close()
        self._http = self._client = None

    @property
    def ahead(self) -> timedelta | None:
        """By how much Twilio's clock is ahead of ours, as far as we know."""
        return self._http.ahead if self._http else None

    @property
    def client(self) -> Client:
        """The library's client; a RuntimeError before :meth:`open` is our own bug."""
        if self._client is None:
            raise RuntimeError("The Twilio channel was used before it was opened.")
        return self._client

    async def download(self, resource: str, *, most_bytes: int) -> tuple[int, str, bytes]:
        """Fetch a file of the account's, such as a recording: HTTP status, content type, and all of its bytes.

        Raises what :meth:`twilio_http.TwilioHttp.download` raises.
        """
        if self._http is None:
            raise RuntimeError("The Twilio channel was used before it was opened.")
        account = self.account
        uri = f"{self.client.api.base_url}/2010-04-01/Accounts/{account.account_sid}/{resource}"
        return await self._http.download(uri, auth=(account.account_sid, account.auth_token), most_bytes=most_bytes)

    async def check(self) -> str:
        """Ask Twilio for the account. Gives a sentence; raises :class:`base.Misconfigured` with one."""
        try:
            account = await self.client.api.accounts(self.account.account_sid).fetch_async()
        except (twilio_http.NotSent, twilio_http.Doubtful, twilio_http.TooFast) as error:
            raise base.Misconfigured(f"{error} If this stays so, check the setting api_base_url.") from None
        except TwilioException as error:
            status, code = _status_and_code(error)
            if status in (401, 403, 404):
                sentence = f"Twilio does not know us (code {code}): check the settings account_sid and auth_token."
                raise base.Misconfigured(sentence) from None
            raise base.Misconfigured(f"{twilio_codes.sentence(code)} Check the setting account_sid.") from None
        except (ValueError, TypeError, AttributeError):
            sentence = "What answered is not Twilio: check the setting api_base_url, or a filter on the way."
            raise base.Misconfigured(sentence) from None
        if account.status != "active":
            raise base.Misconfigured(f"The Twilio account is {account.status}: see the setting account_sid.")
        return f"Twilio answers and the account ends in …{self.account.account_sid[-4:]} is active."


class Created(Protocol):
    """What Twilio gives for a new message or call."""

    sid: str | None


async def place(call: Callable[[], Awaitable[Created]]) -> base.SendResult:
    """Make one creating call of the API and say what came of it (the outcome table of architecture section 3)."""
    try:
        created = await call()
    except twilio_http.NotSent as error:
        temporary = base.Reason.TEMPORARY
        return base.SendResult(base.Outcome.RETRY, reason=temporary, text=str(error), lane_wide=True)
    except twilio_http.Doubtful as error:
        return base.SendResult(base.Outcome.UNKNOWN, code=error.code, reason=base.Reason.TEMPORARY, text=str(error))
    except twilio_http.TooFast as error:
        lane_wide = twilio_codes.meanings().get(error.code, twilio_codes.meaning("429")).lane_wide
        return base.SendResult(
            base.Outcome.RETRY,
            code=error.code,
            reason=base.Reason.RATE,
            text=str(error),
            wait=error.wait,
            lane_wide=lane_wide,
        )
    except TwilioException as error:
        return _refusal(*_status_and_code(error))
    except (ValueError, TypeError, AttributeError):
        # A 2xx whose body is not Twilio's JSON: the library stumbles over it in any of these ways.
        return _garbage()
    if not is_id(created.sid):  # the library believes whatever it is given
        return _garbage()
    return base.SendResult(base.Outcome.ACCEPTED, ref=created.sid)


class Listed(Protocol):
    """A message or call in Twilio's list."""

    sid: str | None
    date_created: datetime | None


async def find(
    api: TwilioApi,
    records: Callable[[], Awaitable[AsyncIterator[Any]]],
    fits: Callable[[Any], bool],
    since: datetime,
    *,
    slack: timedelta = _CLOCK_SLACK,
) -> base.FindResult:
    """Look through a list, newest first, for what fits and is not older than ``since``, by our own clock.

    ``slack``  how much older it may be all the same

    The list is not filtered by Twilio's ``DateSent``: a text that still waits in Twilio's queue has none, and to miss
    it would send it twice. Reading stops a page after the first record that is too old, should the order not be strict.
    """
    fitting: list[tuple[datetime, str]] = []
    seen = too_old = 0
    try:
        listed = await records()
        # That answer tells whether our clock is fast; where it is slow now, it may have been right at the call.
        theirs = since + min(api.ahead or timedelta(0), timedelta(0))
        oldest = theirs.astimezone(UTC).replace(microsecond=0) - slack
        async for record in listed:
            seen += 1
            created = record.date_created or oldest
            too_old += created < oldest
            if too_old > _PAGE_SIZE:
                break
            if created >= oldest and fits(record):
                if not is_id(record.sid):
                    return base.FindResult(base.Found.NOT_NOW)  # nor may it be taken for absent
                fitting.append((created, record.sid))
    except (twilio_http.NotSent, twilio_http.Doubtful, twilio_http.TooFast):
        return base.FindResult(base.Found.NOT_NOW)
    except TwilioException as error:  # 400 is about what was asked for, and would be so the next time
        return base.FindResult(base.Found.CANNOT_TELL if said(error) == 400 else base.Found.NOT_NOW)
    except (ValueError, TypeError, AttributeError, KeyError):
        return base.FindResult(base.Found.NOT_NOW)  # not Twilio's JSON
    if fitting:
        # Twilio's dates are whole seconds; newest first, so that turning it round keeps the order within one second.
        fitting.reverse()
        fitting.sort(key=lambda pair: pair[0])
        ahead = api.ahead
        moments = () if ahead is None else tuple(created - ahead for created, _ in fitting)
        return base.FindResult(base.Found.HERE, tuple(sid for _, sid in fitting), moments)
    whole = too_old > _PAGE_SIZE or seen < _LIST_LIMIT
    return base.FindResult(base.Found.ABSENT if whole else base.Found.CANNOT_TELL)


def is_id(sid: object) -> TypeGuard[str]:
    """Whether it can be an id of Twilio's. No text column holds just anything: SQLite's JSON cuts a text at a NUL."""
    return isinstance(sid, str) and _SID.fullmatch(sid) is not None


def list_limits() -> dict[str, int]:
    """Give the keyword arguments that every listing call shares with :func:`find`."""
    return {"limit": _LIST_LIMIT, "page_size": _PAGE_SIZE}


def hook_url(message: base.Outgoing, path: str, more: Iterable[tuple[str, str]] = ()) -> str:
    """Give the address that Twilio calls back about this message, with our id in it: evidence that needs no ref."""
    query = urlencode([("m", message.id), ("a", str(message.attempt)), *more], quote_via=quote)
    return f"{message.callback_url.rstrip('/')}{path}?{query}"


def attempt_of(request: base.HookRequest) -> int:
    """Which try of ours a callback speaks of, from its address; 0 when it does not say."""
    number = request.query.get("a", "")
    return int(number) if number.isdecimal() and len(number) < 6 else 0


def first_values(request: base.HookRequest) -> dict[str, str]:
    """Give the webhook's form as it is kept with an event."""
    return {name: request.one(name) for name in request.form}


def _refusal(status: int, code: str) -> base.SendResult:
    if not 400 <= status < 500:
        return _garbage()  # a redirect, or a status that contradicts itself: somebody else than Twilio answered
    if code == str(status):
        return _on_the_way(code)
    known = code in twilio_codes.meanings()
    # A code that nobody has told us of: that it is us who are refused, the status says all the same.
    meaning = twilio_codes.meaning(_BAD_LOGIN if status in _ABOUT_US and not known else code)
    return base.SendResult(
        meaning.outcome,
        code=code,
        reason=meaning.reason,
        text=twilio_codes.sentence(code),
        lane_wide=meaning.lane_wide,
    )


def _on_the_way(status: str) -> base.SendResult:
    """A 4xx without a code of Twilio's: a proxy or a filter before it has answered, so it is no word on the message.

    One that is not in the table is given no code, as it comes from nobody whose codes we know: five in a row hold the
    lane (``gateway.calls``), and one by itself is tried again.
    """
    meaning = twilio_codes.meanings().get(status)
    return base.SendResult(
        meaning.outcome if meaning else base.Outcome.RETRY,
        code=status if meaning else "",
        reason=meaning.reason if meaning else base.Reason.TEMPORARY,
        text=f"What answered (HTTP {status}) did not speak like Twilio: is there a proxy or a filter on the way?",
        lane_wide=meaning is not None and meaning.lane_wide,
    )


def _garbage() -> base.SendResult:
    sentence = "What answered did not speak like Twilio, so it is not known whether the message went out."
    return base.SendResult(base.Outcome.UNKNOWN, reason=base.Reason.TEMPORARY, text=sentence)


def status_of(error: TwilioException) -> int:
    """The HTTP status of an error; 0 where it has none. A page that is refused keeps it in its response."""
    response = error.args[1] if len(error.args) > 1 else None
    return _status_and_code(error)[0] or getattr(response, "status_code", 0)


def said(error: TwilioException) -> int:
    """The HTTP status of an error that is Twilio's own; 0 where a proxy or a filter on the way answered before it.

    Whoever takes a 404 for "it is gone" asks here.
    """
    status, code = _status_and_code(error)
    if status:
        return status if code != str(status) else 0
    response = error.args[1] if len(error.args) > 1 else None
    return status_of(error) if twilio_http.code_of(getattr(response, "text", "")) else 0


def _status_and_code(error: TwilioException) -> tuple[int, str]:
    # Two kinds without a common shape: the older errors and RFC 9457 ones. 5xx and 429 never come here.
    if isinstance(error, (TwilioRestException, TwilioServiceException)):
        status = error.status if isinstance(error.status, int) else 0
        ours = isinstance(error.code, int) and error.code >= twilio_http.LEAST_CODE
        return status, str(error.code if ours else status)
    return 0, ""


def _refuse_bad_settings(account: TwilioAccount, environment: Mapping[str, str]) -> None:
    if not account.account_sid or not account.auth_token:
        raise base.Misconfigured("Twilio needs the settings account_sid and auth_token.")
    if not account.api_base_url:
        return
    # The library rewrites the host for an edge or a region, and mangles an address of our own: 127.dublin.ie1.0.1
    for name in ("TWILIO_EDGE", "TWILIO_REGION"):
        if environment.get(name):
            raise base.Misconfigured(
                f"{name} is set in the environment and cannot go with api_base_url: unset one of them."
            )
    address = urlsplit(account.api_base_url)
    if address.scheme != "https" and not (
        address.scheme == "http" and loopback.is_this_machine(address.hostname or "")
    ):
        raise base.Misconfigured(
            "The setting api_base_url must start with https://, or the password would travel openly."
        )
