"""The kinds of value that a setting may hold, each with a check that says what is wrong in words.

The words complete the sentence "<setting> <place> …", so they begin with "must".
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Annotated
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr

NO_SECRET = SecretStr("")
CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
E164 = re.compile(r"\+[1-9][0-9]{7,14}")
_MAIL_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CONDITION = "(gsm|free|cheapest|one_way|can_wait)"
_ROUTE = re.compile(f"(twilio|notify|smtp)( if {_CONDITION}( and {_CONDITION})*)?")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
#: A login as the driver reads it: a password may hold what ends one in a web address.
_LOGIN = re.compile("([^:/?#]+://[^:/@]*):([^@]+)@")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{4,24}")
_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_VOICE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{2,4})?\s*:\s*((Polly|Google)\.[\w-]+)?")
_ACCOUNT_SID = re.compile(r"AC[0-9a-f]{32}")
_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}


class Section(BaseModel):
    """A frozen group of settings that refuses what it does not know and never shows a value in an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False, str_strip_whitespace=True
    )


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def part_password(url: str) -> tuple[str, str]:
    """Take the password out of a database address: (the address without it, the password or "")."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, ""
    if not parts.password:
        if found := _LOGIN.match(url):
            return f"{found[1]}@{url[found.end() :]}", unquote(found[2])
        return url, ""
    login, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login.partition(':')[0]}@{host}")), unquote(parts.password)


def join_password(url: str, password: str) -> str:
    """Put the password back into a database address, for the driver alone."""
    parts = urlsplit(url)
    if not password:
        return url
    login, _, host = parts.netloc.rpartition("@")
    return url.replace(f"//{parts.netloc}", f"//{login}:{quote(password, safe='')}@{host}", 1)


def _split_list(value: object) -> object:
    """Read a list out of one text, as the environment and credential files give it."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            # The decoder's own message would be no help and its cause holds the text, which may be secret.
            raise ValueError("must be a list in JSON when it begins with [") from None
    return [word.strip() for word in re.split(r"[,\n]", value) if word.strip()]


def _check_timezone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("must be a time zone such as Europe/London")
    return ZoneInfo(value).key


def _check_language(value: str) -> str:
    if not _LANGUAGE_TAG.fullmatch(value):
        raise ValueError("must be a language tag such as en, pl or pt-BR")
    return value


def _check_voice(value: str) -> str:
    if not _VOICE.fullmatch(value):
        raise ValueError("must be a language and a voice of Twilio's, such as pl: Polly.Ewa")
    return value


def _check_instead(value: str) -> str:
    tag, colon, others = value.partition(":")
    if not colon or not others.split() or not all(map(_LANGUAGE_TAG.fullmatch, [tag.strip(), *others.split()])):
        raise ValueError("must be a language and those that stand in for it, such as ps: fa ur")
    return value


def _check_phone(value: str) -> str:
    if not _PHONE.fullmatch(value):
        raise ValueError("must be a phone number, digits and spaces")
    return value


def _check_number(value: str) -> str:
    value = re.sub(r"[ ()-]", "", value)
    if not E164.fullmatch(value):
        raise ValueError("must be a number in international form, such as +441134960000")
    return value


def _check_number_if_any(value: str) -> str:
    return _check_number(value) if value else ""


def _check_clock(value: str) -> str:
    if not CLOCK.fullmatch(value):
        raise ValueError("must be a time of day with hours and minutes, such as 08:30")
    return value


def _check_text_sender(value: str) -> str:
    if not value:
        raise ValueError("must be a number, a messaging service (MG…) or a name")
    if value.startswith("+") or (value[0] == "0" and re.fullmatch(r"[0-9 ()-]+", value)):
        return _check_number(value)
    return value


def _check_account_sid(value: str) -> str:
    if value and not _ACCOUNT_SID.fullmatch(value):
        raise ValueError("must be AC and 32 letters a-f or digits, as on Twilio's console")
    return value


def _check_route(value: str) -> str:
    if not _ROUTE.fullmatch(value):
        raise ValueError(
            "must be a provider (twilio, notify, smtp) and its conditions, such as “notify if gsm and free”; these are "
            "gsm, free, cheapest, one_way and can_wait"
        )
    return value


def _check_notify_sender(value: str) -> str:
    address, _, sender_id = value.partition(":")
    if sender_id and not _UUID.fullmatch(sender_id.strip()):
        raise ValueError("must have the sender's id at Notify after the colon, 36 letters and digits, or no colon")
    _check_text_sender(address.strip())
    return value


def _check_mail_address(value: str) -> str:
    if value and not _MAIL_ADDRESS.fullmatch(value):
        raise ValueError("must be an email address such as office@school.example")
    return value


def _check_host_name(value: str) -> str:
    if value and not _HOST_NAME.fullmatch(value):
        raise ValueError("must be a host name such as mail.school.example")
    return value


def _split_address(value: str) -> SplitResult:
    try:
        return urlsplit(value)
    except ValueError:
        raise ValueError("must be a whole address") from None


def _check_web_address(value: str) -> str:
    if not value:
        return value
    parts = _split_address(value)
    # Python's own reading leaves out tabs and line ends in silence; whoever sends it on might not.
    if not parts.hostname or parts.username or parts.query or parts.fragment or re.search(r"[\s\0-\x1f\x7f]", value):
        raise ValueError("must be an address such as https://handbell.school.example")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("must begin with https:// (plain http:// is for this machine alone)")
    return value.rstrip("/")


def _check_database_url(value: str) -> str:
    if not value:
        return value
    scheme, colon, rest = value.partition("://")
    if scheme not in _DRIVERS or not colon:
        raise ValueError("must begin with sqlite:/// or postgresql://")
    _split_address(value)
    return f"{_DRIVERS[scheme]}://{rest}"


def _check_distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values or len(set(values)) < len(values):
        raise ValueError("must name at least one, and none of them twice")
    return values


#: A list that may also come as one text: words parted by commas or lines, or a list in JSON.
Listed = BeforeValidator(_split_list)
Distinct = AfterValidator(_check_distinct)
TimeZone = Annotated[str, AfterValidator(_check_timezone)]
LanguageTag = Annotated[str, AfterValidator(_check_language)]
VoiceChoice = Annotated[str, AfterValidator(_check_voice)]
LanguagesInstead = Annotated[str, AfterValidator(_check_instead)]
Phone = Annotated[str, AfterValidator(_check_phone)]
Number = Annotated[str, AfterValidator(_check_number)]
NumberIfAny = Annotated[str, AfterValidator(_check_number_if_any)]
Clock = Annotated[str, AfterValidator(_check_clock)]
TextSender = Annotated[str, AfterValidator(_check_text_sender)]
AccountSid = Annotated[str, AfterValidator(_check_account_sid)]
NotifySender = Annotated[str, AfterValidator(_check_notify_sender)]
Route = Annotated[str, AfterValidator(_check_route)]
MailAddress = Annotated[str, AfterValidator(_check_mail_address)]
HostName = Annotated[str, AfterValidator(_check_host_name)]
WebAddress = Annotated[str, AfterValidator(_check_web_address)]
DatabaseUrl = Annotated[str, AfterValidator(_check_database_url)]
