"""One email as bytes, by hand: the standard library's EmailMessage takes 3 to 4 ms for what takes 0.03 ms here.

What it builds is small on purpose: plain text, or plain text and HTML as alternatives, and files beside them; 7-bit,
or 8-bit for a server that takes it. The tests read it back with the standard library, which is the judge. Sources: RFC
5322 (format), 2045 and 2046 (bodies), 2047 (words in headers), 2183 and 2231 (files and their names), 6152 (8BITMIME),
6532 (UTF-8 addresses), 3834 (Auto-Submitted), 2369 and 8058 (unsubscribe), 3282 (Content-Language).
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote

from channels import base

_LINE, _LONGEST_LINE = 78, 998  #: RFC 5322 section 2.1.1: should and must
_WORD_LINE, _WORD_FRAME = 76, len("=?utf-8?b??=")  #: RFC 2047 section 2: a line with encoded words, and their frame
_LONGEST_WORD = 75
_CONTROL = re.compile("[\x00-\x1f\x7f\u0080-\u009f\u2028\u2029]")
_PRINTABLE = re.compile("[ -~]*")
_LINE_END = re.compile("\r\n|\r|\n")
#: Deliberately narrower than RFC 5321: no quoted local parts and no address literals, which no family has.
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\\\"@\x00-\x1f\x7f]+@[^\s<>()\[\],;:\\\"@\x00-\x1f\x7f]+")
_LOCALE = re.compile("[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_CONTENT_TYPE = re.compile(r"[a-z]+/[A-Za-z0-9.+-]+(; ?[a-z]+=[A-Za-z0-9_-]+)*")
_WEB_ADDRESS = re.compile(r"https?://[!-;=?-~]+")
_LONGEST_NAME = 150  #: of a file, in bytes: percent-encoded it still fits its line
_MESSAGE_ID = re.compile("[A-Za-z0-9._-]+")
_THEIR_ID = re.compile("<[!-;=?-~]{1,900}>")


class BadHeader(ValueError):
    """A header would have been broken or forged; nothing is built. ``field`` names it, ``str()`` is a sentence."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def build(message: base.Outgoing, *, school_name: str, at: datetime, eight_bit: bool = False) -> bytes:
    """Give the whole email with CRLF line ends, ready for DATA but for the dots.

    ``at`` becomes its Date. The Message-ID is made of our message id and the sender's domain, so that every attempt
    carries the same. With ``eight_bit``, texts beyond ASCII are written as they are (RFC 6152). Raises
    :class:`BadHeader` for a line break or another control character in a header, a bad address or file name.
    """
    lines = [
        _date(at.replace(microsecond=0)),
        _from("From", school_name, message.sender),
        f"To: {ascii_domain('To', message.to)}",
        _text("Subject", message.subject),
        f"Message-ID: {message_id(message)}",
        f"Auto-Submitted: {'auto-replied' if message.in_reply_to else 'auto-generated'}",
        "MIME-Version: 1.0",
    ]
    # Somebody else's mailer wrote it: what is not plainly an id is left out, and the answer goes all the same.
    if _THEIR_ID.fullmatch(message.in_reply_to):
        lines += [f"In-Reply-To: {message.in_reply_to}", f"References: {message.in_reply_to}"]
    if message.unsubscribe_url:
        lines += _unsubscribe(message.unsubscribe_url)
    if not _LOCALE.fullmatch(message.locale):
        raise BadHeader("Content-Language", "The language of the email is not a language tag.")
    lines.append(f"Content-Language: {message.locale}")
    for line in lines:
        if len(line) > _LONGEST_LINE and max(map(len, line.split("\r\n"))) > _LONGEST_LINE:
            raise BadHeader(line.partition(":")[0], "A header of the email is too long.")
    return "\r\n".join(lines).encode() + b"\r\n" + _content(message, eight_bit=eight_bit)


# What is the same for many emails is made once: the sender, and the subject of a notice in one language.
@lru_cache(maxsize=4)
def _date(at: datetime) -> str:
    return f"Date: {format_datetime(at)}"


@lru_cache(maxsize=64)
def _domain_of(sender: str) -> str:
    return ascii_domain("From", sender).rpartition("@")[2]


def message_id(message: base.Outgoing) -> str:
    """Give the Message-ID with its brackets."""
    if not _MESSAGE_ID.fullmatch(message.id):
        raise BadHeader("Message-ID", "The message's id has characters that an email cannot carry.")
    return f"<{message.id}@{_domain_of(message.sender)}>"


def return_path(message: base.Outgoing, domain: str) -> str:
    """Give the envelope sender that names the message (VERP), so that every bounce finds it: ``bounce+ID@domain``."""
    if not _MESSAGE_ID.fullmatch(message.id):
        raise BadHeader("Return-Path", "The message's id has characters that an email cannot carry.")
    return f"bounce+{message.id}@{domain}"


def ascii_domain(field: str, address: str) -> str:
    """Check an address and give it with its domain in ASCII (IDNA). The local part stays as it is."""
    if not _ADDRESS.fullmatch(address) or _CONTROL.search(address) or len(address.encode()) > 254:
        raise BadHeader(field, "This is not an email address that mail can be sent to.")
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain if domain.isascii() else domain.encode('idna').decode()}"
    except UnicodeError:
        raise BadHeader(field, "The domain of this email address cannot exist.") from None


@lru_cache(maxsize=64)
def _from(field: str, name: str, sender: str) -> str:
    address = ascii_domain(field, sender)
    if not name:
        return f"{field}: {address}"
    _refuse_controls(field, name)
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    one_line = f"{field}: {quoted} <{address}>"
    if _is_plain(name) and len(one_line) <= _LINE:
        return one_line
    return "\r\n ".join([*_words(field, name), f"<{address}>"])


@lru_cache(maxsize=256)
def _text(field: str, text: str) -> str:
    _refuse_controls(field, text)
    if _is_plain(text):
        folded = _fold(field, text)
        if folded:
            return folded
    return "\r\n ".join(_words(field, text))


def _is_plain(text: str) -> bool:
    return bool(_PRINTABLE.fullmatch(text)) and "=?" not in text and text == text.strip(" ")


def _fold(field: str, text: str) -> str:
    """Fold plain text at single spaces, or give ``""`` where that cannot be done without changing it."""
    lines = [f"{field}:"]
    for word in text.split(" "):
        if not word or len(word) > _LINE - 1:
            return "" if text else lines[0] + " "
        if len(lines[-1]) + 1 + len(word) > _LINE:
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines)


def _words(field: str, text: str) -> list[str]:
    """Give RFC 2047 encoded words, one to a line; no character is cut in two, as section 5 asks."""
    words, chunk = [], b""
    room = _bytes_in(_WORD_LINE - len(field) - 2)
    for character in text:
        encoded = character.encode()
        if len(chunk) + len(encoded) > room:
            words.append(chunk)
            chunk, room = b"", _bytes_in(_LONGEST_WORD)
        chunk += encoded
    words.append(chunk)
    lines = [f"=?utf-8?b?{binascii.b2a_base64(word, newline=False).decode()}?=" for word in words]
    lines[0] = f"{field}: {lines[0]}"
    return lines


def _bytes_in(characters: int) -> int:
    return (characters - _WORD_FRAME) // 4 * 3


def _unsubscribe(url: str) -> list[str]:
    _refuse_controls("List-Unsubscribe", url)
    if not _WEB_ADDRESS.fullmatch(url):
        raise BadHeader("List-Unsubscribe", "The unsubscribe address is not a web address.")
    # RFC 8058 asks for https; mailbox providers leave anything else alone, and practice mode has nothing else.
    return [f"List-Unsubscribe: <{url}>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"]


def _refuse_controls(field: str, value: str) -> None:
    if _CONTROL.search(value):
        raise BadHeader(field, f"The {field} of the email has a line break or another control character in it.")


def _content(message: base.Outgoing, *, eight_bit: bool) -> bytes:
    words = _part("plain", message.body, eight_bit=eight_bit)
    if message.html:
        parts = [words, _part("html", message.html, eight_bit=eight_bit)]
        words = _multipart("alternative", parts, boundary=_boundary(message, "alternative"))
    if not message.attachments:
        return words
    files = [_file(attachment) for attachment in message.attachments]
    return _multipart("mixed", [words, *files], boundary=_boundary(message, "mixed"))


def _boundary(message: base.Outgoing, level: str) -> bytes:
    # "=_" cannot come up in quoted-printable nor in base64; in an 8-bit text the rest cannot be guessed beforehand.
    seed = f"{level} {message.id} {message.body}"
    return b"=_" + hashlib.sha256(seed.encode()).hexdigest()[:32].encode()


def _multipart(subtype: str, parts: Sequence[bytes], *, boundary: bytes) -> bytes:
    head = f'Content-Type: multipart/{subtype};\r\n boundary="'.encode() + boundary + b'"\r\n\r\n'
    # The line end before a boundary belongs to the boundary (RFC 2046 section 5.1.1), not to the part.
    return head + b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"


def _part(subtype: str, text: str, *, eight_bit: bool) -> bytes:
    """Give one text part with its headers. It always ends with a line end, as a text file does."""
    content = (_LINE_END.sub("\r\n", text) if "\r" in text else text.replace("\n", "\r\n")).encode()
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    beyond_ascii = 0 if content.isascii() else len(content) - len(content.decode("ascii", "ignore"))
    if (eight_bit or not beyond_ascii) and _fits_lines(content):
        encoding, encoded = b"8bit" if beyond_ascii else b"7bit", content
    # Quoted-printable triples every byte beyond ASCII, base64 adds a third to all: take the shorter one.
    elif beyond_ascii * 6 > len(content):
        encoding, encoded = b"base64", _base64(content)
    else:
        encoding, encoded = b"quoted-printable", binascii.b2a_qp(content)
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: '.encode()
    return head + encoding + b"\r\n\r\n" + encoded


def _fits_lines(content: bytes) -> bool:
    """Whether it may go as it is: no NUL, and no line longer than RFC 5321 section 4.5.3.1.6 allows."""
    return b"\0" not in content and (
        len(content) <= _LONGEST_LINE or max(map(len, content.split(b"\r\n"))) <= _LONGEST_LINE
    )


def _file(attachment: base.Attachment) -> bytes:
    """Give one file with its headers."""
    if not _CONTENT_TYPE.fullmatch(attachment.content_type):
        raise BadHeader("Content-Type", f"{attachment.content_type!r} is no type of a file, such as application/pdf.")
    _refuse_controls("Content-Disposition", attachment.name)
    if not attachment.name or len(attachment.name.encode()) > _LONGEST_NAME or set(attachment.name) & set('/\\"'):
        raise BadHeader(
            "Content-Disposition", "The name of a file that goes along is empty, too long, or has / \\ in it."
        )
    lines = [
        f"Content-Type: {attachment.content_type}",
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: attachment;\r\n {_file_name(attachment.name)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + _base64(attachment.content)


def _file_name(name: str) -> str:
    """The name as a parameter: plain, or percent-encoded with its charset (RFC 2231 section 4)."""
    return f'filename="{name}"' if _is_plain(name) else f"filename*=utf-8''{quote(name, safe='')}"


def _base64(content: bytes) -> bytes:
    lines = (binascii.b2a_base64(content[i : i + 57], newline=False) for i in range(0, len(content), 57))
    return b"".join(line + b"\r\n" for line in lines)
