"""What outsiders hand us, damaged in every way: ``TARGETS`` by name, each with made-up bytes and who reads them.

A reader may refuse what it gets with a sentence, and nothing else: whatever else it raises is a fault of ours.
"""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from hypothesis import strategies as st

from channels import base, mail_in, mail_reading
from channels.twilio_account import TwilioAccount
from channels.twilio_sms import TwilioSms
from channels.twilio_voice import TwilioVoice
from gateway import errors
from gateway.definitions import reading
from gateway.importing import formats

MAILS: Final = Path(__file__).parents[1] / "channels" / "mails" / "bounces"
AT: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CSV: Final = (
    "Pupil ID,Forename,Surname,Year,Form,DOB,Contact 1 Name,Contact 1 Mobile,Contact 1 Email\r\n"
    'P1,Zoë,Nowak,5,5B,01/02/2016,"Nowak, Maria",07700 900123,maria@example.com\r\n'
)
CTF: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<CTfile><Header><DocumentName>Common Transfer File</DocumentName>'
    "<CTFversion>19.0</CTFversion><SourceSchool><LEA>820</LEA><Estab>1234</Estab></SourceSchool><DestSchool><LEA>820"
    "</LEA><Estab>LLLL</Estab></DestSchool></Header><CTFpupilData><Pupil><UPN>T820123415001</UPN><Surname>Nowak"
    "</Surname><Forename>Zoë</Forename><DOB>2015-04-01</DOB><Contacts><Contact><Order>1</Order><Surname>Nowak</Surname>"
    "<Forename>Maria</Forename><Phones><Phone><TelephoneType>M</TelephoneType><PhoneNo>07700 900123</PhoneNo></Phone>"
    "</Phones></Contact></Contacts></Pupil></CTFpupilData></CTfile>"
)
ONEROSTER: Final = {
    "manifest.csv": "propertyName,value\nmanifest.version,1.0\noneroster.version,1.1\nfile.users,bulk\n",
    "users.csv": "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,"
    "familyName,identifier,email,sms,phone,agentSourcedIds,grades\n"
    's1,,,true,o1,student,,"{UPN:a}",Zofia,Kowalska,H801200001001,,,,g1,05\n'
    "g1,,,true,o1,guardian,,,Anna,Kowalska,,anna@example.com,07700 900101,,s1,\n",
}
WONDE: Final = {
    "data": [
        {
            "id": "A1", "mis_id": 17, "upi": "f0", "surname": "Nowak", "forename": "Zoë", "middle_names": None,
            "contacts": {"data": [{"id": "B1", "title": "Mrs", "forename": "Maria", "surname": "Nowak",
                "relationship": {"relationship": "Mother", "priority": 1, "parental_responsibility": True},
                "contact_details": {"data": {"phones": {"mobile": "07700 900123"}, "emails": {"home": "b@example.com"}}}
            }]},
        }
    ]
}  # fmt: skip
TOML: Final = """\
key = "evening"
kind = "event"
title = "Parents' evening"
purpose = "service"
media = ["sms", "email"]
until = 2026-12-01T12:00:00
text = {en = "Come to the hall at {start}.", pl = "Zapraszamy."}
[audience]
years = [4, "R"]
but_not = {forms = ["3A"]}
[[steps]]
media = ["voice"]
after = "20m"
[schedule]
cron = "0 15 * * *"
[event]
starts = 2026-12-08T15:30:00
ends = 2026-12-08T19:00:00
[[event.sessions]]
starts = 2026-12-08T15:30:00
ends = 2026-12-08T16:00:00
minutes = 10
"""
FORMS: Final = (
    b"MessageSid=SM1&From=%2B447700900001&To=%2B447700900999&Body=STOP&NumMedia=1&MediaUrl0=x",
    b"MessageSid=SM1&MessageStatus=failed&ErrorCode=30003&RawDlrDoneDate=2611231200",
    b"CallSid=CA1&CallStatus=completed&Digits=1&AnsweredBy=human&Duration=5&RecordingSid=RE1",
)
PIECES: Final = st.sampled_from([
    b"", b"\0", b"\xff", b"\xed\xa0\x80", b"\xe2\x80\xae", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b"\t", b'"', b"'",
    b"<", b"&x;", b"]]>", b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///'>]>", b"=?utf-8?b?", b"{", b"%", b"%ff", b";",
    b",", b"../", b"[" * 2000, b'{"a":' * 2000, b"<a>" * 2000, b"9" * 5000, b"-1", b"1e999", b"NaN",
    b"1979-05-27T07:32:00Z", b"0000-00-00", b"PK\x05\x06", b"Content-Type: multipart/mixed; boundary=x\n",
])  # fmt: skip


@dataclass(frozen=True)
class Target:
    """``feed`` has the bytes read, in a folder of its own where a reader wants a file; it raises for a fault alone."""

    made: st.SearchStrategy[bytes]
    feed: Callable[[bytes, Path], None]


def damaged(*whole: bytes) -> st.SearchStrategy[bytes]:
    """Something that is whole, with a few pieces put in place of others; now and then no more than noise."""
    cuts = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 40), PIECES), max_size=4)

    def cut(sent: bytes, at: list[tuple[int, int, bytes]]) -> bytes:
        for place, length, piece in at:
            start = place % (len(sent) + 1)
            sent = sent[:start] + piece + sent[start + length :]
        return sent

    return st.builds(cut, st.sampled_from(whole), cuts) | st.binary(max_size=300)


def imported(name: str) -> Callable[[bytes, Path], None]:
    """Read a file as an import does, up to its last row."""

    def feed(sent: bytes, folder: Path) -> None:
        path = folder / name
        path.write_bytes(sent)
        with contextlib.suppress(errors.BadInput):
            for source in formats.look_all([path]):
                for _ in source.rows():
                    pass

    return feed


def zipped(sent: bytes, folder: Path) -> None:
    """A bundle whose list of people is damaged, and one that is damaged as a zip."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as bundle:
        bundle.writestr("manifest.csv", ONEROSTER["manifest.csv"])
        bundle.writestr("users.csv", sent)
    whole = written.getvalue()
    imported("bundle.zip")(whole, folder)
    at = (sum(sent) * 7919) % len(whole)
    imported("broken.zip")(whole[:at] + bytes([sum(sent) % 256]) + whole[at + 1 :], folder)


def defined(sent: bytes, folder: Path) -> None:
    path = folder / "notice.toml"
    path.write_bytes(sent)
    with contextlib.suppress(errors.BadDefinition):
        reading.read_file(path)


def mailed(sent: bytes, _folder: Path) -> None:
    """It is read to its end, whatever it says."""
    for event in mail_reading.read(
        mail_in.Mail(sent, AT, envelope_from="", envelope_to=("bounce+01JM@school.example",))
    ):
        json.dumps(event.raw)


def answered() -> list[bytes]:
    """Families' answers as their programs send them: quoted, in letters of many kinds, as text and as a page."""
    found = list[bytes]()
    for line in (MAILS.parent / "replies.jsonl").read_text("utf-8").splitlines():
        mail, kept = EmailMessage(), json.loads(line)
        mail["From"], mail["Subject"] = "Maria Nowak <maria@example.com>", "Re: Wycieczka – pojutrze"
        if "text" in kept:
            mail.set_content(kept["text"])
        page = kept.get("html", "<div>Tak</div><blockquote>Dear parent</blockquote>")
        (mail.add_alternative if "text" in kept else mail.set_content)(page, subtype="html")
        found.append(mail.as_bytes())
    return found


def called(sent: bytes, _folder: Path) -> None:
    """A webhook whose signature held: texts and calls."""
    account = TwilioAccount(account_sid="AC" + "0" * 32, auth_token="t" * 32)
    form = parse_qs(sent.decode("utf-8", "replace"), keep_blank_values=True)
    for path, channel in (
        ("/hooks/twilio-sms/inbound", TwilioSms(account)),
        ("/hooks/twilio-voice/keys", TwilioVoice(account)),
    ):
        for event in channel.parse(base.HookRequest("POST", path, path, {}, {}, form, sent, AT)):
            json.dumps(event.raw)


TARGETS: Final = {
    "CSV": Target(damaged(CSV.encode(), CSV.encode("utf-16"), CSV.encode("latin-1")), imported("pupils.csv")),
    "CTF": Target(damaged(CTF.encode()), imported("8201234_CTF.xml")),
    "OneRoster": Target(damaged(ONEROSTER["users.csv"].encode()), zipped),
    "Wonde (JSON)": Target(damaged(json.dumps(WONDE).encode()), imported("students.json")),
    "definitions (TOML)": Target(damaged(TOML.encode()), defined),
    "inbound mail": Target(damaged(*answered()), mailed),
    "bounces (DSN)": Target(damaged(*(file.read_bytes() for file in sorted(MAILS.glob("*.eml")))), mailed),
    "webhooks": Target(damaged(*FORMS), called),
}
