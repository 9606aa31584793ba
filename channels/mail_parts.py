"""Mail as it comes, safely: the parts, headers, words and addresses of bytes that anybody may have written.

Built on the standard library's parser, whose time and depth a hostile mail could drive without end; what is cut off
here no family's mail has. Nothing raises for what a mail says. Sources: RFC 5322 (format), 2045 to 2049 (MIME),
2047 (words in headers), 6522 (reports).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import Compat32
from email.utils import getaddresses

_MOST_HEAD_BYTES = 262_144  #: of the mail's own headers
_MOST_HEADER = 2_000  #: characters of one header: the library splits parameters in quadratic time
_MOST_PARTS = 500
_MOST_MULTIPARTS = 100
_MOST_DIVIDERS = 2_000  #: lines that could begin a part: each part costs the library as much as a whole small mail
_MOST_WORK = 1_600_000  #: lines times the boundaries that each is held against
_MOST_REPORT = 4_194_304  #: bytes of a delivery report: what came back with it matters to nobody
_MOST_TEXT = 300_000  #: characters of one part that anybody reads
_HEAD_END = re.compile(rb"\r?\n\r?\n|\r\r")
#: Codecs of Python that no mail is written in, and that are slow or warn.
_NO_CHARSETS = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"})
#: One address that mail can go to. Bounded, so that no text takes long; no quoted local parts, which no family has.
ADDRESS = re.compile(
    r"(?<![\w.+=/#&'!$%*?^`{|}~-])[\w.+=/#&'!$%*?^`{|}~-]{1,128}@(?:[^\W_](?:[\w-]{0,62}[^\W_])?\.){1,10}[^\W\d_][\w-]{1,62}"
)


class _Bounded(Compat32):
    """The library's tolerant policy, with headers that have an end and are always text."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, _, value = sourcelines[0][: 2 * _MOST_HEADER].partition(":")
        for line in sourcelines[1:]:
            if len(value) > _MOST_HEADER:
                break
            value += line
        return name[:_MOST_HEADER], value[:_MOST_HEADER].lstrip(" \t").rstrip("\r\n")

    def header_fetch_parse(self, name: str, value: str) -> str:
        return _mend(value)


def parse(raw: bytes) -> Message:
    """Give the mail as a tree of parts; a mail that is made to break parsers, as its headers and one text."""
    raw = _cut(raw)
    try:
        return message_from_bytes(raw, policy=_Bounded())
    except (RecursionError, MessageError, ValueError, LookupError, TypeError, AttributeError, IndexError):
        # The library has no promise of its own for malformed mail: each of these has been seen in its issues.
        return BytesHeaderParser(policy=_Bounded()).parsebytes(raw[:_MOST_HEAD_BYTES])


def body(raw: bytes) -> bytes:
    """Give what follows the headers."""
    end = _HEAD_END.search(raw)
    return raw[end.end() :] if end else b""


def _cut(raw: bytes) -> bytes:
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")  # as old Macintoshes end lines, which the library's decoders do not know
    end = _HEAD_END.search(raw)
    if end is None or end.start() > _MOST_HEAD_BYTES:
        body = raw[end.start() :] if end else b""
        raw = raw[:_MOST_HEAD_BYTES].rpartition(b"\n")[0] + body
    if b"message/delivery-status" in raw[:_MOST_HEAD_BYTES].lower():
        raw = raw[:_MOST_REPORT]
    multiparts = [found.start() for found in re.finditer(rb"(?i)multipart/", raw)]
    if len(multiparts) > _MOST_MULTIPARTS:
        raw = raw[: multiparts[_MOST_MULTIPARTS]]
    dividers = [found.start() for found in re.finditer(rb"[\r\n]--", raw)]
    if len(dividers) > _MOST_DIVIDERS:
        raw = raw[: dividers[_MOST_DIVIDERS]]
    most_lines = _MOST_WORK // (1 + min(len(multiparts), _MOST_MULTIPARTS))
    if raw.count(b"\n") + raw.count(b"\r") > most_lines:
        at = 0
        for number, found in enumerate(re.finditer(rb"\r\n|\r|\n", raw)):
            at = found.end()
            if number >= most_lines:
                break
        raw = raw[:at]
    return raw


def parts(message: Message) -> Iterator[Message]:
    """Give the parts that hold something themselves, in order. What a message within holds is its own business."""
    waiting, seen = [message], 0
    while waiting and seen < _MOST_PARTS:
        part = waiting.pop()
        seen += 1
        kind = part.get_content_type()
        payload = children(part)
        if payload is not None and not kind.startswith("message/"):
            waiting += reversed(payload)
            continue
        yield part


def children(part: Message) -> list[Message] | None:
    """Give the parts within a part, None for one that holds something itself."""
    try:
        payload = part.get_payload()
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else None


def parameter(part: Message, name: str, of: str = "content-type") -> str:
    """Give a parameter of a header, lower-case, ``""`` where there is none."""
    try:
        value = part.get_param(name, header=of)
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    return (value[2] if isinstance(value, tuple) else str(value or "")).lower()


def header(message: Message, name: str) -> str:
    """Give a header as people read it, encoded words decoded, on one line; ``""`` where there is none."""
    return decoded(str(message.get(name, "")))


def decoded(value: str) -> str:
    """Decode the encoded words (RFC 2047) of a header's value."""
    value = " ".join(value[:_MOST_HEADER].split())
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError, LookupError):
        return value
    whole = "".join(piece if isinstance(piece, str) else decode(piece, charset or "") for piece, charset in pieces)
    return " ".join(whole.split())


def addresses(message: Message, *names: str) -> list[str]:
    """Give the addresses of these headers, lower-case and each once, whatever names and comments stand around them."""
    values = [str(value) for name in names for value in message.get_all(name, [])][:50]
    try:
        pairs = getaddresses(values)
    except (IndexError, ValueError, TypeError, AttributeError, RecursionError):
        pairs = []
    found = [address.lower() for _, address in pairs if ADDRESS.fullmatch(address)]
    return list(dict.fromkeys(found))


def first_address(text: str) -> str:
    """Give the first address in a text, ``""`` for none."""
    found = ADDRESS.search(text[:_MOST_HEADER])
    return found[0] if found else ""


def text(part: Message) -> str:
    """Give the words of a text part, whatever its declared encoding; ``""`` where it has none."""
    try:
        content = part.get_payload(decode=True)
        charset = part.get_content_charset() or ""
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError):
        content, charset = None, ""
    if not isinstance(content, bytes):
        return ""
    return decode(content[: 4 * _MOST_TEXT], charset)[:_MOST_TEXT]


def file_name(part: Message) -> str:
    """Give the name of an attached file, ``""`` where it has none."""
    try:
        return part.get_filename() or ""
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def _mend(value: object) -> str:
    """Bytes beyond ASCII stand in headers as surrogates: read them as UTF-8, else as Latin-1."""
    value = str(value)
    if value.isascii():
        return value
    return decode(value.encode("utf-8", "surrogateescape"), "")


def decode(content: bytes, charset: str = "") -> str:
    """Give bytes as text, by the encoding that they are said to be in, else by their looks; never raises."""
    if b"\x1b$" in content:
        charset = charset or "iso-2022-jp"  # old Japanese systems do not say so
    try:
        known = codecs.lookup(charset).name if charset else "utf-8"
        if known in _NO_CHARSETS:
            known = "utf-8"
        return content.decode("cp1252" if known == "iso8859-1" else known)
    except (LookupError, ValueError):
        pass
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start > len(content) - 4:  # cut within a character
            return content.decode("utf-8", "replace")
        return content.decode("latin-1")
