"""What ``handbell doctor`` says of the phone line: can it be rung, what to set at the provider, what is stuck."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support import desk, school

from channels.twilio_account import TwilioAccount
from channels.twilio_line import TwilioLine
from config import sections
from gateway import context, doctor
from gateway.database import Database
from gateway.models import PhoneCall, VoiceMessage

URL = "https://school.example"
RUNG = sections.VoiceSender(address="+441134960002")


def gateway_on(database: Database, *, url: str = URL, **line: Any) -> context.Gateway:
    made = desk.gateway(database)
    parts = {
        "database": sections.Database(url=database.url.render_as_string(hide_password=False)),
        "web": sections.Web(public_base_url=url),
        "twilio": sections.Twilio(voice_senders=(RUNG,)),
        "phone_line": sections.PhoneLine(**({"enabled": True} | line)),
    }
    lines = {TwilioLine.name: TwilioLine(TwilioAccount("AC" + "0" * 32, "token"))}
    return replace(made, settings=made.settings.model_copy(update=parts), lines=lines)


async def said(gateway: context.Gateway) -> list[tuple[str, str, str]]:
    return [(one.state, one.sentence, one.cure) for one in await doctor.examine(gateway) if one.name == "phone line"]


async def test_nothing_is_said_of_a_line_that_is_not_wanted(sqlite_database: Database) -> None:
    assert await said(gateway_on(sqlite_database, enabled=False)) == []


async def test_a_line_that_nobody_can_reach_is_bad(sqlite_database: Database) -> None:
    [(state, sentence, cure)] = await said(gateway_on(sqlite_database, url=""))
    assert (state, "cannot be answered" in sentence) == ("bad", True)
    assert cure == "Set web.public_base_url, or phone_line.enabled to false."


async def test_what_to_set_at_the_provider_and_when_the_office_takes_calls(sqlite_database: Database) -> None:
    address = f"“a call comes in” must be {URL}/hooks/twilio-line/call there, by POST."
    alone = await said(gateway_on(sqlite_database))
    assert alone == [
        ("ok", f"+441134960002: {address}", ""),
        ("warn", "Nobody is put through to the office.", "Set phone_line.office_number."),
    ]
    settings = {"numbers": ("+441134960009",), "office_number": "+441134960003", "office_closes": "15:45"}
    assert await said(gateway_on(sqlite_database, **settings)) == [
        ("ok", f"+441134960009: {address}", ""),
        ("ok", "Callers can be put through to the office from 08:00 to 15:45 on school days.", ""),
    ]


async def test_voice_messages_that_do_not_come_home_are_counted(database: Database) -> None:
    gateway = gateway_on(database, office_number="+441134960003")
    call = PhoneCall(line=TwilioLine.name, ref="CA1", caller="", called=RUNG.address, began_at=desk.NOW)
    await school.add(database, call)

    async def message(ref: str, **state: Any) -> None:
        row = VoiceMessage(
            line=TwilioLine.name, ref=ref, call_id=call.id or 0, seconds=9, recorded_at=desk.NOW, **state
        )
        await school.add(database, row)

    await message("RE1", due_at=desk.NOW)  # on its way, and nothing is wrong
    await message("RE2", gone_at=desk.NOW, trouble="Twilio did not answer in time.")  # that is over
    assert [state for state, *_ in await said(gateway)] == ["ok", "ok"]
    await message("RE3", due_at=desk.NOW, trouble="Twilio did not answer in time.")
    stuck = (await said(gateway))[0]
    sentence = "1 voice message could not be fetched, or not be deleted at the provider, so far."
    assert stuck[:2] == ("warn", sentence)
