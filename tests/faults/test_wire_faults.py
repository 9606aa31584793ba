"""Whatever a provider's wire does: nothing is lost, nothing doubled, the lane backs off alone, and all goes out after.

Each row of the two tables is one fault, met by a real lane and a real channel; what phones and mailboxes got is counted
in the simulator behind the gate. ``taken`` hands the request on first, so that only the answer is bad.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from support import engine, gate, holds, mail_gate
from support.engine import Engine, S
from support.gate import Behaviour, Gate, Reader, Writer
from support.mail_gate import at
from support.waiting import until

from channels.base import Medium
from gateway import states
from gateway.database import Database
from gateway.models import Message

MANY = 24


@dataclass(frozen=True)
class Fault:
    """One way to go wrong.

    ``doubt``  nobody can tell from the wire whether the request was taken
    ``account``  the account is refused, so that its other lanes wait as well
    """

    name: str
    behave: Behaviour
    doubt: bool = False
    account: bool = False


def answering(answer: bytes, *, taken: bool = False, then: Callable[[Gate, Writer], object] | None = None) -> Behaviour:
    """Read each request, answer with these bytes, and go on or cut."""

    async def behave(gate_: Gate, reader: Reader, writer: Writer) -> None:
        while True:
            asked = await gate.request(reader)
            gate_.hits += 1
            if taken and asked.startswith(b"POST"):
                await gate_.ask(asked)
            writer.write(answer)
            await writer.drain()
            if then is not None:
                done = then(gate_, writer)
                if asyncio.iscoroutine(done):
                    await done
                return

    return behave


def status(line: str, body: str = "", *headers: str, kind: str = "application/json") -> bytes:
    lines = [f"HTTP/1.1 {line}", f"Content-Type: {kind}", f"Content-Length: {len(body.encode())}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


async def for_ever(_gate: Gate, _writer: Writer) -> None:
    await asyncio.Event().wait()


def cut(_gate: Gate, writer: Writer) -> None:
    writer.close()


def with_rst(_gate: Gate, writer: Writer) -> None:
    gate.reset(writer)


def pouring(piece: bytes, pause: float = 0.0) -> Callable[[Gate, Writer], object]:
    return lambda gate_, writer: gate_.pour(writer, piece, pause)


HTML = "<html><body><h1>The school's filter says no</h1></body></html>"
TODAY = "Date: Mon, 23 Nov 2026 09:00:00 GMT"
NO_SMTP = b"HTTP/1.1 400 Bad\r\n\r\n"
HUGE = b"HTTP/1.1 201 Created\r\nContent-Length: 99999999999\r\n\r\n{}"
POUR, HEADERS, LINES = pouring(b"x" * 0x10000), pouring(b"X-More: yes\r\n" * 999), pouring(b"250-more\r\n" * 999)
HUNDREDS = pouring(b"HTTP/1.1 100 Continue\r\n\r\n" * 9, pause=0.02)
EARLY = mail_gate.STEPS[:-1]  # before the text has left
CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
NOBODY = '{"code": 20003, "message": "Authenticate", "status": 401}'
BUSY = '{"code": 20429, "message": "Too Many Requests", "status": 429}'


def slow(*headers: str) -> Behaviour:
    return answering(status("429 Too Many Requests", BUSY, *headers))


HTTP = [
    Fault("hangs", answering(b"", then=for_ever), doubt=True),
    Fault("hangs, but has taken it", answering(b"", taken=True, then=for_ever), doubt=True),
    Fault("hangs in the middle of its headers", answering(b"HTTP/1.1 201 Created\r\nContent-", then=for_ever), True),
    Fault("hangs in the middle of its body", answering(status("201 Created", "{}")[:-1], then=for_ever), True),
    Fault("resets", answering(b"", then=with_rst), doubt=True),
    Fault("resets, but has taken it", answering(b"", taken=True, then=with_rst), doubt=True),
    Fault("closes without a word", answering(b"", then=cut), doubt=True),
    Fault("cuts its answer, but has taken it", answering(b"HTTP/1.1 201 Cre", taken=True, then=cut), doubt=True),
    Fault("answers HTML with 200", answering(status("200 OK", HTML, kind="text/html")), doubt=True),
    Fault("answers HTML with 200, but has taken it", answering(status("200 OK", HTML), taken=True), doubt=True),
    Fault("answers half a JSON", answering(status("201 Created", '{"sid": "SM'), taken=True), doubt=True),
    Fault("answers another JSON", answering(status("201 Created", '{"hello": [1, 2]}')), doubt=True),
    Fault("answers a list", answering(status("201 Created", "[]")), doubt=True),
    Fault("answers a number", answering(status("201 Created", "42")), doubt=True),
    Fault("answers null", answering(status("201 Created", "null")), doubt=True),
    Fault("answers a sid that is a number", answering(status("201 Created", '{"sid": 42}')), doubt=True),
    Fault("answers nothing with 204", answering(b"HTTP/1.1 204 No Content\r\n\r\n"), doubt=True),
    Fault("speaks no HTTP", answering(b"\x15\x03\x01\x00\x02\x02\x16\r\n\r\n", then=cut), doubt=True),
    Fault("greets like a mail server", answering(b"220 mail.example.com ESMTP\r\n", then=for_ever), doubt=True),
    Fault(
        "never ends its body",
        answering(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n", then=pouring(CHUNK)),
        doubt=True,
    ),
    Fault("never ends a body of no length", answering(b"HTTP/1.1 201 Created\r\n\r\n", then=POUR), True),
    Fault("promises a huge body", answering(HUGE, then=for_ever), True),
    Fault("never ends its headers", answering(b"HTTP/1.1 201 Created\r\n", then=HEADERS), True),
    Fault("sends a huge header", answering(status("201 Created", "{}", "X-Big: " + "x" * 200_000)), doubt=True),
    Fault("sends 100 for ever", answering(b"", then=HUNDREDS), doubt=True),
    Fault("sends 103 and hangs", answering(b"HTTP/1.1 103 Early Hints\r\n\r\n", then=for_ever), doubt=True),
    Fault("wants another protocol", answering(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", then=for_ever), doubt=True),
    Fault("sends us elsewhere", answering(status("301 Moved", "", "Location: http://127.0.0.1:9/x")), doubt=True),
    Fault("sends us round in circles", answering(status("307 Again", "", "Location: /2010-04-01/x.json")), doubt=True),
    Fault("fails with 500", answering(status("500 Oops", "{}")), doubt=True),
    Fault("fails with 502, but has taken it", answering(status("502 Bad", HTML), taken=True), doubt=True),
    Fault("fails with 503 and asks for a year", answering(status("503 No", "", "Retry-After: 31536000")), doubt=True),
    Fault("429", slow()),
    Fault("429, wait 1 s", slow("Retry-After: 1")),
    Fault("429, wait 0 s", slow("Retry-After: 0")),
    Fault("429, wait 30 years", slow("Retry-After: 999999999")),
    Fault("429, wait longer than numbers go", slow("Retry-After: " + "9" * 400)),
    Fault("429, wait -5 s", slow("Retry-After: -5")),
    Fault("429, wait until a date in 2099", slow("Retry-After: Fri, 31 Dec 2099 23:59:59 GMT", TODAY)),
    Fault("429, wait until a date that is over", slow("Retry-After: Fri, 31 Dec 1999 23:59:59 GMT", TODAY)),
    Fault("429, wait until soon", slow("Retry-After: soon")),
    Fault("429 in HTML", answering(status("429 Slow down", HTML, kind="text/html"))),
    Fault("401", answering(status("401 Who", NOBODY)), account=True),
    Fault("403 of a filter", answering(status("403 Forbidden", HTML, kind="text/html"))),
    Fault("400 of a proxy", answering(status("400 Bad Request", HTML, kind="text/html"))),
    Fault("408 of a proxy", answering(status("408 Timeout", HTML, kind="text/html")), doubt=True),
    Fault("407 of a proxy", answering(status("407 Proxy", HTML, kind="text/html"))),
]  # fmt: skip
BY_VOICE = {"hangs", "hangs, but has taken it", "resets, but has taken it", "answers HTML with 200", "429", "401",
            "fails with 502, but has taken it", "never ends its body"}  # fmt: skip

MAIL = [
    *[Fault(f"hangs at {step}", at(step, b"", then=for_ever)) for step in EARLY],
    *[Fault(f"cuts at {step}", at(step, b"", then=cut)) for step in EARLY],
    *[Fault(f"resets at {step}", at(step, b"", then=with_rst)) for step in EARLY],
    *[Fault(f"says 421 at {step}", at(step, b"421 4.3.2 closing\r\n", then=cut)) for step in EARLY[:3]],
    *[Fault(f"speaks no SMTP at {step}", at(step, NO_SMTP, then=for_ever)) for step in EARLY],
    *[Fault(f"never ends its lines at {step}", at(step, b"", then=LINES)) for step in EARLY],
    *[Fault(f"never ends one line at {step}", at(step, b"250 ", then=POUR)) for step in ("greeting", "MAIL")],
    Fault("turns us away", at("greeting", b"554 5.7.1 Your address is on a list\r\n", then=cut)),
    Fault("changes its mind in the middle", at("EHLO", b"250-mail.example.com\r\n500 no\r\n", then=cut)),
    Fault("cannot take mail", at("MAIL", b"452 4.3.1 Insufficient system storage\r\n")),
    Fault("does not take our From", at("MAIL", b"553 5.7.1 Not your address\r\n")),
    Fault("wants a login", at("MAIL", b"530 5.7.0 Authentication required\r\n")),
    Fault("hangs after the text", at(".", b"", then=for_ever), doubt=True),
    Fault("hangs after the text, but has taken it", at(".", b"", taken=True, then=for_ever), doubt=True),
    Fault("cuts after the text, but has taken it", at(".", b"", taken=True, then=cut), doubt=True),
    Fault("resets after the text, but has taken it", at(".", b"", taken=True, then=with_rst), doubt=True),
    Fault("cuts its last word, but has taken it", at(".", b"250 2.0", taken=True, then=cut), doubt=True),
    Fault("speaks no SMTP after the text, but has taken it", at(".", NO_SMTP, taken=True, then=for_ever), True),
    Fault("never ends its lines after the text", at(".", b"", taken=True, then=LINES), True),
]  # fmt: skip


@asynccontextmanager
async def in_trouble(works: Engine, medium: Medium, fault: Fault) -> AsyncIterator[list[Message]]:
    """Many messages meet a fault, and the other lanes go on sending meanwhile; at the end it is over."""
    await works.gates[medium].go_wrong(fault.behave)
    messages = await works.queue(medium, MANY)
    await until(lambda: works.gates[medium].hits > 0, "the fault is met")
    for other in works.gates:
        if other is medium:
            continue
        if fault.account and other is not Medium.EMAIL:
            await until(lambda other=other: works.held(other), f"{other} is spared")  # type: ignore[misc]
            continue
        [one] = await works.queue(other)
        await until(lambda one=one: works.got(one) == 1, f"{other} goes on")  # type: ignore[misc]
    yield messages
    await works.gates[medium].heal()
    await works.wait_out_hold(medium)


async def none_is_doubled(works: Engine, messages: list[Message]) -> None:
    """A relay cannot be asked what it has taken: that is left to staff, in doubt, and all the rest went out."""
    await until(lambda: works.all_are(messages, S.ACCEPTED, S.FAILED), "everything is decided after the fault")
    rows = await works.rows(messages)
    assert all(row.reason == states.IN_DOUBT for row in rows if row.state is S.FAILED)
    assert {works.got(row) for row in rows if row.state is S.ACCEPTED} == {1}
    assert all(works.got(row) <= 1 for row in rows)
    assert 0 < sum(row.state is S.FAILED for row in rows) < MANY


async def all_went_out(works: Engine, messages: list[Message]) -> None:
    """Once each, by itself, and every row says so."""
    await until(lambda: works.all_are(messages, S.ACCEPTED, S.DELIVERED), "everything is sent after the fault")
    assert [works.got(message) for message in messages] == [1] * len(messages)


async def fails_and_mends(works: Engine, medium: Medium, fault: Fault) -> None:
    async with in_trouble(works, medium, fault) as messages:
        await until(lambda: works.held(medium), "the lane backs off")
        await works.clock.passes(minutes=2)
        assert (await holds.kept(works, medium)).holds, "not every message is burnt on a provider that fails"
        rows = await works.rows(messages)
        assert {row.state for row in rows} <= {S.QUEUED, S.SENDING} | ({S.UNKNOWN} if fault.doubt else set())
        assert sum(row.retries for row in rows) < 5, "tries are kept for what is the message's own trouble"
        # What lies in the sockets of one connection is some megabytes.
        most = works.gates[medium].hits * 12 * 2**20
        assert works.gates[medium].sent <= most, "an endless answer is not read to its end"
    await (none_is_doubled if fault.doubt and medium is Medium.EMAIL else all_went_out)(works, messages)
    await until(lambda: _works(works, medium), "the lane works again")
    assert (await works.lane_row(medium)).active


async def _works(works: Engine, medium: Medium) -> bool:
    return (await works.lane_row(medium)).open_since is None


@pytest.mark.parametrize("fault", HTTP, ids=lambda fault: fault.name)
async def test_texts(sqlite_database: Database, fault: Fault) -> None:
    async with engine.running(sqlite_database) as works:
        await fails_and_mends(works, Medium.SMS, fault)


@pytest.mark.parametrize("fault", [one for one in HTTP if one.name in BY_VOICE], ids=lambda fault: fault.name)
async def test_calls(sqlite_database: Database, fault: Fault) -> None:
    async with engine.running(sqlite_database) as works:
        await fails_and_mends(works, Medium.VOICE, fault)


@pytest.mark.parametrize("fault", MAIL, ids=lambda fault: fault.name)
async def test_mail(sqlite_database: Database, fault: Fault) -> None:
    async with engine.running(sqlite_database) as works:
        await fails_and_mends(works, Medium.EMAIL, fault)
