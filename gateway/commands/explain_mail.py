"""``handbell explain bounce`` and ``explain email``: how Handbell reads a mail that came in."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from gateway import errors
from gateway.commands import lines, showing

File = Annotated[
    str | None, typer.Argument(metavar="FILE", help="A mail as it came (.eml); of an email, its text alone (.txt).")
]
Jsonl = Annotated[
    bool,
    typer.Option("--jsonl", help='Read {"id", "file"} objects from standard input, one a line, and answer each.'),
]
#: As much as is taken in of a mail where nothing else is set.
_MOST_BYTES = 26_214_400

Reader = Callable[[Path, bytes], Mapping[str, object]]


def bounce(file: File = None, jsonl: Jsonl = False) -> None:
    """Say whether a mail is a bounce, whom it is about, and whether their address is dead."""
    from gateway import wiring

    def reader(_: Path, raw: bytes) -> Mapping[str, object]:
        return wiring.explain_bounce(raw)

    if lines.asked(file, jsonl, partial(_answer, reader=reader, failed=_no_bounce), key="file", failed=_no_bounce):
        return
    found = _found(file or "", reader)
    recipients = found["recipients"]
    if not isinstance(recipients, list) or not recipients:
        showing.say("This is no bounce, or it names nobody.")
        return
    for one in recipients:
        showing.say(f"{one['address']}: {_WORDS[one['kind']]}")


def email(file: File = None, jsonl: Jsonl = False) -> None:
    """Say whether a machine wrote an email, and what is new in it."""
    from gateway import wiring

    def reader(path: Path, raw: bytes) -> Mapping[str, object]:
        return wiring.explain_email(raw, suffix=path.suffix.lower())

    if lines.asked(file, jsonl, partial(_answer, reader=reader, failed=_no_email), key="file", failed=_no_email):
        return
    found = _found(file or "", reader)
    showing.say("A machine wrote this: nobody's answer." if found["is_auto"] else "A person wrote this.")
    showing.say(str(found["reply"]) or "It has no words.")


_WORDS = {
    "permanent": "there is no such mailbox.",
    "temporary": "it did not arrive, and may at another time.",
    "policy": "it was refused because of us or of our words: the address may be right.",
    "complaint": "it arrived, and was called unwanted.",
    "delivered": "it arrived.",
}


def _no_bounce(why: str) -> Mapping[str, object]:
    return {"is_bounce": False, "recipients": [], "error": why}


def _no_email(why: str) -> Mapping[str, object]:
    return {"is_auto": False, "reply": "", "error": why}


def _answer(file: str, *, reader: Reader, failed: lines.Answer) -> Mapping[str, object]:
    try:
        return _read(file, reader)
    except errors.BadInput as error:
        return failed(str(error))
    except OSError as error:
        return failed(f"The file cannot be read: {error.strerror}.")
    except ValueError:
        return failed("The file's name has characters that none can have.")


def _found(file: str, reader: Reader) -> Mapping[str, object]:
    try:
        return _read(file, reader)
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}.") from None


def _read(file: str, reader: Reader) -> Mapping[str, object]:
    path = Path(file)
    if not stat.S_ISREG(path.stat().st_mode):
        # Asked before it is opened: a pipe to which nobody writes would keep us waiting.
        what = "This is a folder." if path.is_dir() else "This is not a file."
        raise errors.BadInput([errors.Problem(what, "Save the mail as a file, and name that.", file)])
    with path.open("rb") as stream:
        return reader(path, stream.read(_MOST_BYTES))
