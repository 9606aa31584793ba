"""A trust's settings: what is common, what is a school's own, and what two schools must never share."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import settings as reading
from config import trust
from config.problems import ConfigError
from config.settings import Settings

COMMON = """
[trust]
schools = "{folder}/schools"
[database]
url = "postgresql://handbell:secret@db.example/handbell"
state_dir = "{folder}/state"
[twilio]
account_sid = "AC00000000000000000000000000000000"
[absence]
safeguarding_lead = "Mrs Okafor"
"""
SCHOOL = """
[school]
name = "{name} Primary School"
short_name = "{name}"
phone = "0113 496 0000"
[web]
public_base_url = "https://{name}.example.com"
[[twilio.sms_senders]]
address = "{number}"
"""
NOTIFY = """
[notify]
sms_template = "8e222534-7f05-4972-86e3-17c5d9f894e2"
sms_senders = ["{number}: 8e222534-7f05-4972-86e3-17c5d9f894e2"]
"""
KEY = "k" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A trust of two schools, with credentials."""
    (tmp_path / "schools").mkdir()
    (tmp_path / "credentials").mkdir()
    (tmp_path / "handbell.toml").write_text(COMMON.format(folder=tmp_path))
    write(tmp_path, "twilio.auth_token", "everybody's token")
    for key, number in (("oak", "+441134960001"), ("beech", "+441134960002")):
        (tmp_path / "schools" / f"{key}.toml").write_text(SCHOOL.format(name=key.title(), number=number))
        write(tmp_path, f"handbell_{key}.audit.key", f"{key} {KEY}")
    return tmp_path


def write(folder: Path, credential: str, value: str) -> None:
    (folder / "credentials" / credential).write_text(value)


def load(folder: Path, school: str = "", **environ: str) -> Settings:
    credentials = folder / "credentials"
    return reading.load(folder / "handbell.toml", environ=environ, credentials=credentials, school=school)


def refused(folder: Path, school: str = "oak") -> str:
    with pytest.raises(ConfigError) as told:
        load(folder, school)
    return str(told.value)


def test_what_is_a_schools_own_lies_over_what_is_common(folder: Path) -> None:
    write(folder, "oak.twilio.auth_token", "Oak's token")
    oak, beech = (load(folder, key, HANDBELL_WEB__PORT="9000") for key in trust.keys(load(folder))[::-1])
    assert [one.school_key for one in (oak, beech)] == ["oak", "beech"]
    assert [one.school.short_name for one in (oak, beech)] == ["Oak", "Beech"]
    assert [one.twilio.auth_token.get_secret_value() for one in (oak, beech)] == ["Oak's token", "everybody's token"]
    assert [one.audit.key.get_secret_value() for one in (oak, beech)] == [f"oak {KEY}", f"beech {KEY}"]
    assert [one.web.port for one in (oak, beech)] == [9000, 9000]
    assert oak.database.state_dir == folder / "state" / "schools" / "oak"
    assert oak.languages.folder == beech.languages.folder == folder / "state" / "words"
    assert oak.database.dsn().endswith("@db.example/handbell?school=oak")
    assert trust.clashes({"oak": oak, "beech": beech}) == []


def test_a_setting_of_a_school_that_is_wrong_is_told_with_its_own_file_and_line(folder: Path) -> None:
    file = folder / "schools" / "oak.toml"
    file.write_text(file.read_text().replace('phone = "0113 496 0000"', "phone = 5"))
    assert f"school.phone in {file} line 5" in refused(folder)
    load(folder, "beech")  # the other one's are as good as before


@pytest.mark.parametrize("key", ["Oak", "oak-field", "1oak", "twilio", "o" * 41, "../oak", 'oak"; drop'])
def test_a_key_is_a_plain_word(folder: Path, key: str) -> None:
    assert "can be no school's key" in refused(folder, key)


def test_a_school_that_is_not_there_is_told_with_those_that_are(folder: Path) -> None:
    assert "There are: beech, oak." in refused(folder, "ash")


def test_sqlite_is_for_one_school(folder: Path) -> None:
    text = COMMON.format(folder=folder).replace('url = "postgresql://handbell:secret@db.example/handbell"', "")
    (folder / "handbell.toml").write_text(text)
    assert "SQLite is for one school" in refused(folder)


def test_one_school_alone_has_no_key(tmp_path: Path) -> None:
    (tmp_path / "handbell.toml").write_text("")
    (tmp_path / "credentials").mkdir()
    assert "Leave out --school" in refused(tmp_path)


def test_no_key_of_the_audit_log_is_for_all(folder: Path) -> None:
    write(folder, "audit.key", KEY)
    assert "credential oak.audit.key" in refused(folder)


@pytest.mark.parametrize(
    ("of_beech", "shared"),
    [
        (SCHOOL.format(name="Oak", number="+441134960002"), "host name"),
        (SCHOOL.format(name="Beech", number="+441134960001"), "number"),
        (SCHOOL.format(name="Beech", number="+441134960002") + NOTIFY.format(number="+441134960001"), "number"),
    ],
)
def test_what_two_schools_must_not_share(folder: Path, of_beech: str, shared: str) -> None:
    write(folder, "notify.api_key", "everybody's service")
    (folder / "schools" / "beech.toml").write_text(of_beech)
    [sentence] = trust.clashes({key: load(folder, key) for key in ("oak", "beech")})
    assert sentence.startswith(f"oak and beech have the same {shared}")


def test_a_public_address_with_a_path_is_no_schools(folder: Path) -> None:
    file = folder / "schools" / "oak.toml"
    file.write_text(file.read_text().replace("https://Oak.example.com", "https://trust.example.com/oak"))
    [sentence] = trust.clashes({"oak": load(folder, "oak")})
    assert "has a path" in sentence
