"""What the provider takes and what it refuses, with Twilio's error codes.

Field names are those of Twilio's OpenAPI. A field that Twilio knows but the practice phones cannot play is refused
as well, rather than passed over in silence.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence, Set

from channels.simulator.shapes import Refusal

MESSAGE_FIELDS = frozenset(
    {
        "To",
        "From",
        "MessagingServiceSid",
        "Body",
        "StatusCallback",
        "ValidityPeriod",
        "SmartEncoded",
        "ProvideFeedback",
        "Attempt",
        "MaxPrice",
        "ForceDelivery",
        "ContentRetention",
        "AddressRetention",
        "ShortenUrls",
        "TrafficType",
        "RiskCheck",
    }
)
CALL_FIELDS = frozenset(
    {
        "To",
        "From",
        "Url",
        "Method",
        "FallbackUrl",
        "FallbackMethod",
        "Twiml",
        "StatusCallback",
        "StatusCallbackMethod",
        "StatusCallbackEvent",
        "Timeout",
        "TimeLimit",
        "MachineDetection",
        "MachineDetectionTimeout",
        "MachineDetectionSpeechThreshold",
        "MachineDetectionSpeechEndThreshold",
        "MachineDetectionSilenceTimeout",
        "AsyncAmd",
        "AsyncAmdStatusCallback",
        "AsyncAmdStatusCallbackMethod",
        "CallReason",
    }
)
MESSAGE_UPDATES = frozenset({"Body", "Status"})
CALL_UPDATES = frozenset({"Url", "Method", "Twiml", "Status"})
PAGING = frozenset({"Page", "PageSize", "PageToken"})
EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})

LONGEST_BODY = 1600
LONGEST_TWIML = 4000
LONGEST_VALIDITY = 36000  #: seconds

_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
# A name as sender: at most 11 of ASCII letters, digits, space and a few signs, with at least one letter.
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 .&_+-]{1,11}")
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")


def read_form(body: bytes, known: frozenset[str]) -> dict[str, list[str]]:
    """Read a posted form. Raises :class:`Refusal` 20001 that names a field which is not in the list."""
    form: dict[str, list[str]] = {}
    for name, value in urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        form.setdefault(name, []).append(value)
    _refuse_strange(form, known)
    return form


def read_query(query: Mapping[str, str], known: set[str]) -> dict[str, str]:
    """Read a list's query. Raises :class:`Refusal` 20001 that names a parameter which is not in the list."""
    _refuse_strange(query, known | PAGING)
    return dict(query)


def _refuse_strange(names: Iterable[str], known: Set[str]) -> None:
    strange = set(names) - known
    if strange:
        raise Refusal(20001, ", ".join(sorted(strange)))


def check_message(form: Mapping[str, str]) -> None:
    """Refuse what Twilio refuses of a text. Raises :class:`Refusal`."""
    to, sender, body = form.get("To", ""), form.get("From", ""), form.get("Body", "")
    if not to:
        raise Refusal(21604)
    if not _NUMBER.fullmatch(to):
        raise Refusal(21211)
    if service := form.get("MessagingServiceSid"):
        if not _SERVICE.fullmatch(service):
            raise Refusal(20404)
    elif not sender:
        raise Refusal(21603)
    if sender and not (_NUMBER.fullmatch(sender) or _NAME.fullmatch(sender)):
        raise Refusal(21212)
    if not body:
        raise Refusal(21602)
    if len(body) > LONGEST_BODY:
        raise Refusal(21617)
    if (url := form.get("StatusCallback")) and not _is_url(url):
        raise Refusal(21609)
    validity = form.get("ValidityPeriod", "1")
    if not (validity.isdigit() and 1 <= int(validity) <= LONGEST_VALIDITY):
        raise Refusal(21624)


def check_call(form: Mapping[str, Sequence[str]]) -> None:
    """Refuse what Twilio refuses of a call. Raises :class:`Refusal`."""
    one = {name: values[0] for name, values in form.items()}
    if not one.get("To"):
        raise Refusal(21201)
    if not one.get("From"):
        raise Refusal(21213)
    if not _NUMBER.fullmatch(one["To"]):
        raise Refusal(21211)
    if not _NUMBER.fullmatch(one["From"]):
        raise Refusal(21212)
    if not one.get("Twiml") and not _is_url(one.get("Url", "")):
        raise Refusal(21205)
    if len(one.get("Twiml", "")) > LONGEST_TWIML:
        raise Refusal(20001, "Twiml is longer than 4000 characters")
    for name in ("StatusCallback", "AsyncAmdStatusCallback", "FallbackUrl"):
        if one.get(name) and not _is_url(one[name]):
            raise Refusal(21609)
    asked = {word for value in form.get("StatusCallbackEvent", ()) for word in value.split()}
    if asked - EVENTS:
        raise Refusal(21626, ", ".join(sorted(asked - EVENTS)))


def _is_url(url: str) -> bool:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
