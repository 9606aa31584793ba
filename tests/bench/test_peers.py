"""What the comparison with other programs stands on: texts brought to them, a sink for SMPP, and honest absences."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bench.peers import bringing, fetching, opening, processes, smpp_sink
from bench.peers.contract import Peer

_OK = b"HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\n\r\nSent"
_CHUNKED = b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nSent\r\n0\r\n\r\n"


@contextlib.asynccontextmanager
async def answering(*pieces: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that answers every request in these pieces, and what it was asked for."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                asked.append(request.split()[1])
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], asked


@pytest.mark.parametrize(
    "pieces", [(_OK,), (_OK[:30], _OK[30:-2], _OK[-2:]), (_CHUNKED,), (_CHUNKED[:-3], _CHUNKED[-3:])]
)
async def test_every_text_is_brought_once_however_the_answers_come(pieces: tuple[bytes, ...]) -> None:
    async with answering(*pieces) as (port, asked):
        await bringing.bring(port, (b"/send?n=%d" % n for n in range(120)), status=b" 202 ")
    assert sorted(asked) == sorted(b"/send?n=%d" % n for n in range(120))


async def test_a_text_that_is_not_taken_ends_the_bringing() -> None:
    async with answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nNo") as (port, _):
        with pytest.raises(bringing.Refused, match="403 Forbidden"):
            await bringing.bring(port, (b"/" for _ in range(120)), status=b" 202 ")


def _pdu(command: int, number: int, body: bytes = b"") -> bytes:
    return struct.pack(">IIII", 16 + len(body), command, 0, number) + body


async def test_the_sink_for_smpp_binds_takes_and_counts() -> None:
    sent = _pdu(0x02, 1, b"bench\0\0\0\x34\0\0\0") + _pdu(0x04, 2, b"\0" * 40) + _pdu(0x04, 3, b"\0" * 40)
    sent += _pdu(0x15, 4) + _pdu(0x8000_0015, 5) + _pdu(0x103, 6)  # a link check, an answer, and data_sm
    with smpp_sink.running() as (port, counted):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent[:50])
        await writer.drain()
        writer.write(sent[50:])
        answers = []
        for _ in range(5):
            length, command, status, number = struct.unpack(">IIII", await reader.readexactly(16))
            answers.append((command, status, number, await reader.readexactly(length - 16)))
        async with aiohttp.ClientSession() as session:
            count = await processes.count(session, counted)
        writer.close()
        await writer.wait_closed()
    assert answers == [
        (0x8000_0002, 0, 1, b"sink\0"),
        (0x8000_0004, 0, 2, b"1\0"),
        (0x8000_0004, 0, 3, b"2\0"),
        (0x8000_0015, 0, 4, b""),
        (0x8000_0000, 3, 6, b""),  # generic_nack, "invalid command id"
    ]
    assert count == 2


async def test_a_program_that_cannot_be_had_is_left_out_with_its_reason() -> None:
    closed: list[str] = []

    @contextlib.asynccontextmanager
    async def peer(name: str, *, opens: Exception | None = None, sends: Exception | None = None) -> AsyncIterator[Peer]:
        async def send(count: int) -> None:
            if sends is not None:
                raise sends

        if opens is not None:
            raise opens
        try:
            yield Peer(send, [])
        finally:
            closed.append(name)

    no_file = fetching.NotHere(
        "`pip` failed: no such file:\n /srv/school/wheels/one.whl of https://packages.example/one"
    )
    ended = RuntimeError("it ended; the last it said: out of luck.")
    async with contextlib.AsyncExitStack() as stack:
        opens = {
            "Whole": lambda: peer("Whole"),
            "Absent": lambda: peer("Absent", opens=no_file),
            "Broken": lambda: peer("Broken", sends=ended),
            "Silent": lambda: peer("Silent", sends=TimeoutError()),
        }
        opened, absent = await opening.opened(opens, stack)
        assert list(opened) == ["Whole"]
        assert closed == ["Broken", "Silent"], "the one that works is used from now on"
    assert opening.left_out(absent).splitlines() == [
        "- **Absent** is left out: `pip` failed: no such file: …/one.whl of …/.",
        "- **Broken** is left out: it ended; the last it said: out of luck.",
        "- **Silent** is left out: TimeoutError.",
    ]
    assert closed == ["Broken", "Silent", "Whole"]


async def test_a_loop_answers_each_line_and_its_end_is_told_with_its_last_words(tmp_path: Path) -> None:
    script = """
import sys
for line in sys.stdin:
    if int(line) > 2:
        sys.exit("more than I can do")
    print("done", flush=True)
"""
    async with processes.loop([sys.executable, "-c", script], folder=tmp_path) as one:
        await one.send(1)
        await one.send(2)
        with pytest.raises(RuntimeError, match="the last it said: more than I can do"):
            await one.send(3)


async def test_a_program_that_never_listens_is_told_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "old.log").write_text("PANIC: no such library\n\n")
    with pytest.raises(RuntimeError, match="does not answer after 0 s; the last it said: PANIC: no such library"):
        await processes.listening(9, folder=tmp_path, seconds=0.2)
