"""The journal: event names with fields, as JSON lines or for people, on standard error.

The first wall is the rule that no text and no whole number is handed to a logger. This is the second: whatever looks
like a phone number or an email address is masked in every field, also in what libraries log and in exceptions.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal, TextIO

import structlog

Format = Literal["json", "console"]

#: A word on both sides of an @. Bounded, as an endless word without one would be searched again from each letter.
_MAIL = re.compile(r"[^\s<>\"'(),;:@=/]{1,128}@[^\s<>\"'(),;:@=/]{1,255}")
#: + or 00 or an encoded + and 8 to 15 digits, with the separators that people write.
_ABROAD = re.compile(r"(?:\+|%2[Bb]|(?<![0-9A-Za-z.])00)[ (]{0,2}[1-9](?:[ ().-]{0,2}\d){7,14}(?![0-9])")
#: British as it is dialled at home (0 and 9 or 10 digits), or abroad without its plus (44 and 9 or 10).
_AT_HOME = re.compile(r"(?<![0-9A-Za-z.])\(?(?:0|44)(?:[ ()-]{0,2}\d){9,10}(?![0-9A-Za-z])")
_PHONES = (_ABROAD, _AT_HOME)
#: PostgreSQL quotes the row that it refuses, or its key, with names and words in it. They may hold line ends and
#: brackets, so a row ends where the traceback goes on.
_ROW = re.compile(r"(Failing row contains \().*?(?=\n\nThe above exception|\n\[SQL|\Z)", re.DOTALL)
_KEY = re.compile(
    r"(DETAIL:  Key \([^\n]*?\)=\().*?(?=\) (?:already exists|is not present|is still referenced|conflicts))", re.DOTALL
)
#: Libraries whose INFO lines tell of every request, with addresses in them.
_TALKATIVE = ("twilio", "aiosmtplib", "mail.log", "apscheduler", "asyncio", "uvicorn.access")
_OURS = ("gateway", "channels", "templates", "scheduler", "config")
_DEEPEST = 6


def say_left_out(school: str, sentence: str) -> None:
    """Write down why a school of a trust does not run."""
    structlog.get_logger().error("school.left_out", school=school, sentence=sentence)


def mask(address: str) -> str:
    """Give what may be written of a phone number (its last two digits) or an email address (nothing)."""
    if "@" in address:
        return "***@***"
    digits = [letter for letter in address if letter.isdecimal()]
    return "***" + "".join(digits[-2:])


def scrub(text: str) -> str:
    """Mask everything in a text that looks like a phone number or an email address, and the rows of a database."""
    if "Failing row" in text or "DETAIL:" in text:
        text = _KEY.sub(r"\g<1>***", _ROW.sub(r"\g<1>***).", text))
    if "@" in text:
        text = _MAIL.sub("***@***", text)
    for pattern in _PHONES:
        text = pattern.sub(lambda found: mask(found[0]), text)
    return text


def redact(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Scrub every field of an event, however deep (a structlog processor)."""
    return {scrub(str(name)): _redact_value(value, 0) for name, value in event.items()}


def configure(level: str, format: Format, *, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's logs to ``stream`` (standard error), from ``level`` upwards.

    ``level`` is debug, info, warning or error; ``format`` is json or console. May be called again.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(_make_formatter(shared, format))
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    # What libraries say at debug is rows and requests, with people's words in them.
    root.setLevel(max(least, logging.INFO))
    for name in _OURS:
        logging.getLogger(name).setLevel(least)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(least, logging.WARNING))


def _make_formatter(shared: list[Any], format: Format) -> structlog.stdlib.ProcessorFormatter:
    """Build the last steps, which every record takes, whoever logged it."""
    final: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        # As plain text: the rich formats would print local variables, and those hold people's words and numbers.
        structlog.processors.format_exc_info,
        redact,
    ]
    if format == "json":
        final.append(structlog.processors.JSONRenderer(serializer=_to_json))
    else:
        renderer: Callable[..., Any] = structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
        final.append(renderer)
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final)


def _to_json(event: dict[str, Any], **_options: object) -> str:
    return json.dumps(event, ensure_ascii=False)


def _redact_value(value: object, depth: int) -> object:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        text = scrub(str(value))
        return value if text == str(value) else text
    if isinstance(value, Mapping) and depth < _DEEPEST:
        return {scrub(str(name)): _redact_value(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
        return [_redact_value(inner, depth + 1) for inner in value]
    # Everything else becomes text here, and not in the renderer, where nobody would look at it any more.
    return scrub(value if isinstance(value, str) else str(value))
