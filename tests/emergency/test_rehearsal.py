"""A rehearsal goes as far as this process's own pretend world, whatever the settings say."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from support import school
from support.absences import Morning

from channels.base import Medium
from config import sections
from config.settings import Settings
from gateway.database import Database
from gateway.emergency import alarm
from gateway.models import Audit, Message
from gateway.models.types import core
from gateway.wiring import rehearsing

ASKED = alarm.Asked("This is a rehearsal.", "You need not do anything.", {"whole_school": True})


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nothing_of_it_reaches_a_real_provider_and_who_would_not_be_reached_is_told(
    database: Database, tmp_path: Path
) -> None:
    """The settings name a provider and a mail server that are there: nobody so much as knocks at their doors."""
    knocks: list[object] = []

    async def knocked(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        knocks.append(writer.get_extra_info("peername"))
        writer.close()

    real = await asyncio.start_server(knocked, "127.0.0.1", 0)
    port = real.sockets[0].getsockname()[1]
    here = await Morning(database).open()
    twilio = sections.Twilio(
        account_sid="AC" + "1" * 32, auth_token=SecretStr("a-real-token"), api_base_url=f"http://127.0.0.1:{port}",
        sms_senders=(sections.TextSender(address="+441134960001"),),
        voice_senders=(sections.VoiceSender(address="+441134960002"),),
    )  # fmt: skip
    smtp = sections.Smtp(host="127.0.0.1", port=port, security="none", from_address="office@oakfield.example")
    where = database.url.render_as_string(hide_password=False)
    settings = here.gateway.settings.model_copy(
        update={
            "twilio": twilio, "smtp": smtp, "database": sections.Database(url=where, state_dir=tmp_path),
            "audit": sections.Audit(key=SecretStr("k" * 32)),
        }
    )  # fmt: skip
    here.gateway = replace(here.gateway, settings=settings)
    await here.child("Ana", await here.parent("Maria", mail="maria@example.com", written_language="pl"))
    await here.child("Ben", await here.parent("Eve"))
    await school.pupil(database, "Nemo", form="4B")
    async with real:
        report = await rehearsing.beside(here.gateway, ASKED, "Mrs Head")  # as a page of a running daemon does
    assert knocks == []
    assert report["ended"]
    assert report["arrived"] == {"sms": 2, "voice": 2, "email": 1}
    [lost] = report["unreached"]
    assert (lost["name"], lost["form"], lost["why"]) == (
        "Nemo Example", "4B", ["Nobody is on file who may be told about this child."],
    )  # fmt: skip
    assert any("nobody was reached" in sentence for sentence in report["sentences"])
    async with database.read() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Message)) == 0
        [line] = (await session.scalars(sa.select(Audit).where(core(Audit).c.action == "emergency.rehearsed"))).all()
    assert '"unreached":1' in line.body.replace(" ", "")


def test_the_settings_of_a_rehearsal_lead_nowhere(tmp_path: Path) -> None:
    """Every address in them is of this machine, every secret its own, whatever the school's settings are."""
    real = Settings(
        twilio=sections.Twilio(account_sid="AC" + "1" * 32, auth_token=SecretStr("real"), poll="always"),
        smtp=sections.Smtp(host="mail.example.com", username="u", password=SecretStr("real"), security="tls"),
        mail_in=sections.MailIn(mode="imap", host="mail.example.com", username="u", password=SecretStr("real")),
        database=sections.Database(url="postgresql+asyncpg://db.example.com/handbell"),
    )
    settings = rehearsing.apart(real, tmp_path, faster=dict.fromkeys(Medium, 3.0))
    plain = settings.model_dump_json()
    assert "mail.example.com" not in plain
    assert "db.example.com" not in plain
    assert settings.practice.enabled
    assert settings.mail_in.mode == "off"
    assert settings.twilio.api_base_url.startswith("http://127.0.0.1:")
    assert settings.smtp.host == "127.0.0.1"
    assert settings.twilio.auth_token.get_secret_value() not in ("real", "")
    assert settings.twilio.account_sid != real.twilio.account_sid
    assert settings.web.public_base_url.startswith("http://127.0.0.1:")
    assert settings.database.dsn().startswith("sqlite")
