"""What reaches the journal, and what never does."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from hypothesis import given
from hypothesis import strategies as st
from support import journal

from gateway import logs
from gateway.database import Database
from gateway.models import Contact
from gateway.models.types import core

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    journal.write_plainly()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(stream: io.StringIO) -> Lines:
    logs.configure("info", "json", stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json(lines: Lines) -> None:
    structlog.contextvars.bind_contextvars(run="r1")
    structlog.get_logger("gateway.sender").info(
        "message.accepted", message="01J8", parts=3, at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "message.accepted",
        "level": "info",
        "logger": "gateway.sender",
        "run": "r1",
        "message": "01J8",
        "parts": 3,
        "at": "2026-01-01 00:00:00+00:00",
    }


def test_the_standard_library_takes_the_same_way(lines: Lines) -> None:
    logging.getLogger("some.library").warning("retrying %s in %d s", "+447700900123", 3)
    (line,) = lines()
    assert (line["event"], line["level"], line["logger"]) == ("retrying ***23 in 3 s", "warning", "some.library")


def test_levels_are_kept_and_talkative_libraries_are_hushed(lines: Lines) -> None:
    structlog.get_logger().debug("not.wanted")
    logging.getLogger("some.library").debug("not wanted")
    logging.getLogger("twilio.http_client").info("a request with everything in it")
    logging.getLogger("apscheduler.executors.default").info("Running job")
    logging.getLogger("twilio.http_client").warning("wanted")
    assert [line["event"] for line in lines()] == ["wanted"]


def test_no_library_is_heard_at_debug(lines: Lines, stream: io.StringIO) -> None:
    """aiosqlite tells each statement with its values, and so each family's words."""
    logs.configure("debug", "json", stream=stream)
    logging.getLogger("some.library").debug("INSERT … 'Ana is ill'")
    logging.getLogger("some.library").info("started")
    structlog.get_logger("gateway.sender").debug("claimed")
    assert [line["event"] for line in lines()] == ["started", "claimed"]


def test_configuring_again_replaces_what_was(lines: Lines, stream: io.StringIO) -> None:
    logs.configure("error", "json", stream=stream)
    structlog.get_logger().warning("too.quiet")
    structlog.get_logger().error("once")
    assert [line["event"] for line in lines()] == ["once"]


def test_exceptions_show_the_way_but_no_values(lines: Lines) -> None:
    def send(body: str) -> None:
        raise ValueError("no route to +44 7700 900123 or ana.mother@example.com")

    def fail() -> None:
        words = " ".join(["Ana", "is", "absent"])
        send(words)

    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("send.failed", to="07700 900 123")
        logging.getLogger("some.library").exception("and theirs")
    ours, theirs = lines()
    for line in (ours, theirs):
        assert "ValueError: no route to ***23 or ***@***" in line["exception"]
        assert "in send" in line["exception"]
        assert "Ana is absent" not in json.dumps(line)
    assert ours["to"] == "***23"


async def test_a_row_that_the_database_refuses_is_not_quoted(database: Database, lines: Lines) -> None:
    """PostgreSQL names the whole row in its DETAIL; SQLAlchemy hides its own parameters alone."""
    name = "Zuzanna (Zu).\n[Kowalska]"
    contact = core(Contact)
    row = {"forename": name, "surname": name, "source_id": name, "written_language": "pl"}
    async with database.write() as session:
        session.add(Contact(**row))
    for refused in (sa.update(contact).values(surname=sa.null()), sa.insert(contact).values(**row)):
        try:
            async with database.write() as session:
                await session.execute(refused)
        except sa.exc.IntegrityError:
            structlog.get_logger().exception("import.failed")
    for line in lines():
        assert "IntegrityError" in line["exception"]
        assert not {"Zuzanna", "Kowalska"} & set(re.findall(r"\w+", line["exception"]))
        assert "in test_a_row_that_the_database_refuses_is_not_quoted" in line["exception"]


def test_people_get_plain_lines_with_the_same_walls(stream: io.StringIO) -> None:
    logs.configure("debug", "console", stream=stream)
    try:
        raise OSError("cannot reach ana.mother@example.com")
    except OSError:
        structlog.get_logger("gateway").exception("send.failed", to="+447700900123", part=2)
    text = stream.getvalue()
    assert "send.failed" in text
    assert "part=2" in text
    assert "OSError: cannot reach ***@***" in text
    assert "7700900" not in text
    assert "\x1b[" not in text


NUMBERS = [
    "+447700900123",
    "+44 7700 900123",
    "+44 (0)7700 900123",
    "+44-7700-900-123",
    "(+44) 7700 900123",
    "00447700900123",
    "0044 7700 900 123",
    "07700900123",
    "07700 900 123",
    "07700-900-123",
    "(020) 7946 0123",
    "020 7946 0123",
    "0113 496 0123",
    "447700900123",
    "+1 (500) 555-0023",
    "+48 512 345 623",
    "+353 1 234 5623",
]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "around", ["{}", "to {}.", "To={}&From=x", '{{"to": "{}"}}', "a,{},b", "tel:{}", "_{}_", "<{}>"]
)
def test_whatever_looks_like_a_number_is_masked(number: str, around: str) -> None:
    scrubbed = logs.scrub(around.format(number))
    assert "***23" in scrubbed
    assert sum(letter.isdecimal() for letter in scrubbed) == 2


@pytest.mark.parametrize(
    "address",
    [
        "ana.mother@example.com",
        "a+b@mail.example.com",
        "жук@пример.example",
        "<x_y@example.com>",
        "mailto:a@example.com",
    ],
)
def test_whatever_looks_like_an_address_is_masked(address: str) -> None:
    scrubbed = logs.scrub(f"sent to {address} at once")
    assert "***@***" in scrubbed
    assert "example" not in scrubbed


@pytest.mark.parametrize(
    "text",
    [
        "message.accepted",
        "2026-11-22T11:52:00.123456Z",
        "2026-11-22 11:52:00+00:00",
        "01JD9Z8Q4T7M3K2N5P6R8S9T0V",
        "SM00000000000000000000000000000001",
        "SMd41d8cd98f00b204e9800998ecf8427e",
        "127.0.0.1:8080",
        "0.123456789012",
        "21610",
        "30003 of 100000",
        "d41d8cd98f00b204e9800998ecf8427e0123456789ab",
    ],
)
def test_what_staff_must_read_stays(text: str) -> None:
    assert logs.scrub(text) == text


def test_fields_of_every_kind_are_scrubbed(lines: Lines) -> None:
    class Person:
        def __str__(self) -> str:
            return "Person(07700 900123)"

    ring: list[object] = ["07700900123"]
    ring.append(ring)
    structlog.get_logger().info(
        "sent to +447700900123",
        number=447700900123,
        count=3,
        ratio=0.5,
        nothing=None,
        nested={"to": ["+447700900123", {"ana@example.com": ("x", "07700 900123")}]},
        thing=Person(),
        raw=b"To=%2B447700900123",
        error=ValueError("07700 900123"),
        numbers={"+447700900123"},
        ring=ring,
    )
    (line,) = lines()
    assert "7700" not in json.dumps(line)
    assert "example" not in json.dumps(line)
    assert (line["number"], line["count"], line["ratio"], line["nothing"]) == ("***23", 3, 0.5, None)
    assert line["nested"] == {"to": ["***23", {"***@***": ["x", "***23"]}]}


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("+447700900123", "***23"),
        ("07700 900 1 2 3", "***23"),
        ("a@example.com", "***@***"),
        ("Oakfield", "***"),
        ("", "***"),
    ],
)
def test_one_address_masked(address: str, masked: str) -> None:
    assert logs.mask(address) == masked
    assert logs.scrub(masked) == masked


@given(
    before=st.text(max_size=10),
    after=st.text(max_size=10),
    number=st.integers(0, 999).map(lambda n: f"+447700900{n:03}"),
)
def test_no_neighbour_hides_a_number(before: str, after: str, number: str) -> None:
    assert number not in logs.scrub(f"{before} {number} {after}")


def test_a_very_long_word_is_no_trouble() -> None:
    word = "a" * 200_000
    assert logs.scrub(f"{word} @ {word}") == f"{word} @ {word}"


@given(st.text())
def test_scrubbing_twice_is_scrubbing_once(text: str) -> None:
    assert logs.scrub(logs.scrub(text)) == logs.scrub(text)
