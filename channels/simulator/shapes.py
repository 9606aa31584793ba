"""The provider's answers, shaped as the response schemas of Twilio's OpenAPI (twilio_api_v2010.json, MIT)."""

from __future__ import annotations

import email.utils
import functools
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from channels.simulator.records import Call, Recording, Text

Json = dict[str, object]
Record = TypeVar("Record", Text, Call, Recording)

VERSION = "2010-04-01"

#: Twilio's sentences by error code (twilio.com/docs/api/errors).
ERRORS = {
    20001: (400, "Unknown parameters"),
    20003: (401, "Authenticate"),
    20009: (400, "Cannot update this resource before it is complete"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "Internal Server Error"),
    21201: (400, "No 'To' number is specified"),
    21205: (400, "Url parameter is required"),
    21211: (400, "Invalid 'To' Phone Number"),
    21212: (400, "Invalid 'From' Number"),
    21213: (400, "No 'From' number is specified"),
    21220: (400, "Call is not in-progress. Cannot redirect."),
    21408: (400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21609: (400, "The StatusCallback URL is not a valid url."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (429, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "The 'To' phone number is not currently reachable using the 'From' phone number via SMS"),
    21614: (400, "'To' number is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21624: (400, "Invalid validity period value"),
    21626: (400, "Invalid 'StatusCallbackEvent'"),
}


class Refusal(Exception):
    """The provider does not do it. ``code`` is a key of :data:`ERRORS`."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.status, sentence = ERRORS[code]
        self.sentence = f"{sentence}: {detail}" if detail else sentence


def error(code: int, sentence: str, status: int) -> Json:
    """Twilio's body of an error."""
    return {
        "code": code,
        "message": sentence,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }


def stamp(at: datetime | None) -> str | None:
    """An RFC 2822 date in UTC, as Twilio writes all its dates."""
    return None if at is None else _stamp(at.replace(microsecond=0))


@functools.lru_cache(maxsize=1024)
def _stamp(second: datetime) -> str:
    return email.utils.format_datetime(second.astimezone(UTC))


def message(text: Text, account: str) -> Json:
    """``api.v2010.account.message``."""
    uri = f"/{VERSION}/Accounts/{account}/Messages/{text.sid}"
    unsent = text.service_sid is not None and text.sent is None
    return {
        "account_sid": account,
        "api_version": VERSION,
        "body": "" if text.redacted else text.body,
        "date_created": stamp(text.created),
        "date_sent": stamp(text.sent),
        "date_updated": stamp(text.updated),
        "direction": text.direction,
        "error_code": text.error_code,
        "error_message": None,
        "from": None if unsent else text.sender,
        "messaging_service_sid": text.service_sid,
        "num_media": str(text.media),
        "num_segments": "0" if unsent else str(text.segments),
        "price": None,
        "price_unit": "USD",
        "sid": text.sid,
        "status": text.status.value,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": text.to,
        "uri": f"{uri}.json",
    }


def media_page(text: Text, account: str, *, path: str) -> Json:
    """Every picture of a text, on one page (``api.v2010.account.message.media``)."""
    sids = [f"ME{text.sid[2:-1]}{number}" for number in range(text.media)]
    shown = [
        {
            "account_sid": account,
            "content_type": "image/jpeg",
            "date_created": stamp(text.created),
            "date_updated": stamp(text.created),
            "parent_sid": text.sid,
            "sid": sid,
            "uri": f"/{VERSION}/Accounts/{account}/Messages/{text.sid}/Media/{sid}.json",
        }
        for sid in sids
    ]
    return {
        "end": max(len(shown) - 1, 0), "first_page_uri": path, "media_list": shown, "next_page_uri": None, "page": 0,
        "page_size": 50, "previous_page_uri": None, "start": 0, "uri": path,
    }  # fmt: skip


def call(record: Call, account: str) -> Json:
    """``api.v2010.account.call``."""
    uri = f"/{VERSION}/Accounts/{account}/Calls/{record.sid}"
    ended = record.ended or (None if record.live else record.updated)
    return {
        "account_sid": account,
        "answered_by": record.answered_by,
        "api_version": VERSION,
        "caller_name": None,
        "date_created": stamp(record.created),
        "date_updated": stamp(record.updated),
        "direction": record.direction,
        "duration": str(round(record.seconds)) if ended else None,
        "end_time": stamp(ended),
        "forwarded_from": None,
        "from": record.sender,
        "from_formatted": record.sender,
        "group_sid": None,
        "parent_call_sid": None,
        "phone_number_sid": None,
        "price": None,
        "price_unit": "USD",
        "queue_time": "0",
        "sid": record.sid,
        "start_time": stamp(record.started or ended),
        "status": record.status,
        "subresource_uris": {"recordings": f"{uri}/Recordings.json"},
        "to": record.to,
        "to_formatted": record.to,
        "trunk_sid": None,
        "uri": f"{uri}.json",
    }


def recording(record: Recording, account: str) -> Json:
    """``api.v2010.account.recording``."""
    uri = f"/{VERSION}/Accounts/{account}/Recordings/{record.sid}"
    return {
        "account_sid": account,
        "api_version": VERSION,
        "call_sid": record.call_sid,
        "channels": 1,
        "conference_sid": None,
        "date_created": stamp(record.created),
        "date_updated": stamp(record.created),
        "duration": str(record.seconds),
        "encryption_details": None,
        "error_code": None,
        "media_url": f"https://api.twilio.com{uri}",
        "price": None,
        "price_unit": "USD",
        "sid": record.sid,
        "source": "RecordVerb",
        "start_time": stamp(record.created),
        "status": "completed",
        "subresource_uris": {},
        "uri": f"{uri}.json",
    }


def account(sid: str, at: datetime) -> Json:
    """``api.v2010.account``, without its token."""
    uri = f"/{VERSION}/Accounts/{sid}"
    return {
        "auth_token": None,
        "date_created": stamp(at),
        "date_updated": stamp(at),
        "friendly_name": "Practice",
        "owner_account_sid": sid,
        "sid": sid,
        "status": "active",
        "subresource_uris": {"messages": f"{uri}/Messages.json", "calls": f"{uri}/Calls.json"},
        "type": "Full",
        "uri": f"{uri}.json",
    }


def page(
    records: Sequence[Record],
    query: Mapping[str, str],
    *,
    path: str,
    key: str,
    shape: Callable[[Record], Json],
    shifting: bool = False,
) -> Json:
    """One page of a list, newest first. ``PageToken`` holds the last id seen, so new records shift no page.

    ``shifting``  count by ``Page`` all the same
    """
    size = min(max(_whole(query.get("PageSize"), 50), 1), 1000)
    number = page_number(query)
    token = query.get("PageToken", "")
    start = number * size
    if token and not shifting:
        start = next((at + 1 for at, record in enumerate(records) if record.sid == token[2:]), len(records))
    shown = records[start : start + size]

    def address(which: int, last: str = "") -> str:
        rest = {name: value for name, value in query.items() if name not in {"Page", "PageSize", "PageToken"}}
        more = {"PageSize": str(size), "Page": str(which)} | ({"PageToken": f"PA{last}"} if last else {})
        return f"{path}?{urllib.parse.urlencode(rest | more)}"

    return {
        "end": start + len(shown) - 1 if shown else start,
        "first_page_uri": address(0),
        "next_page_uri": address(number + 1, shown[-1].sid) if start + size < len(records) else None,
        "page": number,
        "page_size": size,
        "previous_page_uri": address(number - 1) if number else None,
        "start": start,
        "uri": address(number, token[2:]),
        key: [shape(record) for record in shown],
    }


def page_number(query: Mapping[str, str]) -> int:
    """Which page is asked for, from 0."""
    return max(_whole(query.get("Page"), 0), 0)


def _whole(value: str | None, otherwise: int) -> int:
    return int(value) if value and value.isdigit() else otherwise


def fits(at: datetime, query: Mapping[str, str], name: str) -> bool:
    """Whether a time fits ``name``, ``name<`` and ``name>`` of a list's query (all inclusive; a day or a second).

    Raises :class:`Refusal` 20001 for a date that is none.
    """
    if exactly := query.get(name):
        start, end = _span(exactly)
        if not start <= at < end:
            return False
    if (before := query.get(f"{name}<")) and at >= _span(before)[1]:
        return False
    after = query.get(f"{name}>")
    return not after or at >= _span(after)[0]


def _span(value: str) -> tuple[datetime, datetime]:
    try:
        start = datetime.fromisoformat(value)
    except ValueError as problem:
        raise Refusal(20001, f"{value} is not a date") from problem
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    return start, start + (timedelta(days=1) if len(value) == 10 else timedelta(seconds=1))
