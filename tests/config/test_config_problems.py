"""Every mistake becomes a sentence with its place and its cure."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import settings, shape, sources

PRACTICE = "[practice]\nenabled = true\n"
WriteFile = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    def write_file(text: str) -> Path:
        path = tmp_path / "handbell.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def refuse(path: Path | None, **environ: str) -> tuple[str, ...]:
    with pytest.raises(settings.ConfigError) as caught:
        settings.load(path, environ=environ, credentials=None)
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("[twilio]\nacount_sid = 'x'", 4, "twilio.acount_sid {} is not a setting; did you mean account_sid?"),
        ("[twillio]\naccount_sid = 'x'", 3, "twillio {} is not a setting; did you mean twilio?"),
        ("[school]\nport = 1", 4, "school.port {} is not a setting; did you mean web.port?"),
        ("[log]\ncolour = 'red'", 4, "log.colour {} is not a setting; there are level, format"),
        ("[web]\n\nport = 70000", 5, "web.port {} must be at most 65535, but is 70000. It means: Port to listen on."),
        ("[web]\nport = 'abc'", 4, "web.port {} must be a whole number, but is 'abc'. It means: Port to listen on."),
        ("[web]\nport = 80.5", 4, "web.port {} must be a whole number, but is 80.5. It means: Port to listen on."),
        (
            "[log]\nlevel = 'loud'",
            4,
            "log.level {} must be one of 'debug', 'info', 'warning' or 'error', but is 'loud'",
        ),
        ("[school]\nshort_name = 'The Oakfield Primary School'", 4, "school.short_name {} must have at most 20 char"),
        ("[school]\ntimezone = 'Europe/Londn'", 4, "school.timezone {} must be a time zone such as Europe/London."),
        ("[school]\nphone = 'ring us'", 4, "school.phone {} must be a phone number"),
        ("[school]\nlanguage = 'English!'", 4, "school.language {} must be a language tag"),
        ("[school]\nname = 5", 4, "school.name {} must be text in quotes, but is 5."),
        ("[languages]\nallow_drafts = 'perhaps'", 4, "languages.allow_drafts {} must be true or false"),
        ("[costs]\npence_per_email = inf", 4, "costs.pence_per_email {} must be"),
        (
            "[web]\npublic_base_url = 'http://handbell.example.com'",
            4,
            "web.public_base_url {} must begin with https://",
        ),
        ("[web]\npublic_base_url = 'handbell'", 4, "web.public_base_url {} must be an address such as"),
        ("[database]\nurl = 'mysql://h/d'", 4, "database.url {} must begin with sqlite:/// or postgresql://."),
        ("[database]\nurl = 'postgresql://[h/d'", 4, "database.url {} must be a whole address."),
        ("[web]\npublic_base_url = 'https://[h'", 4, "web.public_base_url {} must be a whole address."),
        ("[twilio]\naccount_sid = 'AC123'", 4, "twilio.account_sid {} must be AC and 32"),
        ("[smtp]\nfrom_address = 'office'", 4, "smtp.from_address {} must be an email address"),
        ("[smtp]\nhost = 'smtp://x'", 4, "smtp.host {} must be a host name"),
        ("[[twilio.sms_senders]]\nadress = 'x'", 3, "twilio.sms_senders#1.address {} is missing."),
        ("[[twilio.sms_senders]]\naddress = '07700900123'", 4, "twilio.sms_senders#1.address {} must be a number in"),
        ("[[twilio.sms_senders]]\naddress = ''", 4, "twilio.sms_senders#1.address {} must be a number, a messaging"),
        ("[[twilio.voice_senders]]\naddress = 'Oakfield'", 4, "twilio.voice_senders#1.address {} must be a number in"),
        ("[twilio]\nsms_senders = [\n  {address = ''},\n]", 4, "twilio.sms_senders#1.address {} must be a number, a"),
        ("[twilio]\nsms_senders = 5", 4, "twilio.sms_senders {} must be a list"),
        ("[sending]\nurgent_slots = 20", 3, "sending {} must have fewer urgent_slots than its concurrency"),
        ("[sending.retry.sms]\nbase_s = 900", 3, "sending.retry.sms {} must have a max_s"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(write: WriteFile, text: str, line: int, sentence: str) -> None:
    path = write(PRACTICE + text)
    expected = sentence.format(f"in {path} line {line}")
    assert any(problem.startswith(expected) for problem in refuse(path)), refuse(path)


def test_all_mistakes_are_told_at_once(write: WriteFile) -> None:
    path = write(PRACTICE + "[web]\nport = 0\nhots = 'x'\n[log]\nlevel = 'x'\n")
    assert len(refuse(path, HANDBELL_SMTP__PORT="x", HANDBELL_SMTP_HOST="y")) == 5


def test_a_mistake_in_the_environment_is_named_with_its_variable() -> None:
    (problem,) = refuse(None, HANDBELL_PRACTICE__ENABLED="true", HANDBELL_ROLES="web,sendr")
    assert problem.startswith("roles#2 in the environment variable HANDBELL_ROLES must be one of 'web', 'sender' or")
    (problem,) = refuse(None, HANDBELL_PRACTICE__ENABLED="true", HANDBELL_ROLES="web,web")
    assert "none of them twice" in problem


def test_a_file_that_cannot_be_read_is_said_in_words(write: WriteFile, tmp_path: Path) -> None:
    assert refuse(tmp_path / "none.toml")[0].startswith("There is no settings file ")
    assert "cannot be read" in refuse(tmp_path)[0]
    assert "is not valid TOML" in refuse(write("[school\n"))[0]
    path = tmp_path / "latin.toml"
    path.write_bytes(b"[school]\nname = '\xe9cole'\n")
    assert "save it as UTF-8" in refuse(path)[0]


def test_a_live_school_is_told_everything_that_it_lacks() -> None:
    told = "\n".join(refuse(None))
    for key in ("school.name", "school.short_name", "school.phone", "twilio.sms_senders", "audit.key"):
        assert f"{key} is not set" in told
    assert "HANDBELL_AUDIT__KEY" in told


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (
            {"HANDBELL_SENDING__LEASE_S": "25", "HANDBELL_SMTP__TIMEOUT_S": "10"},
            "sending.lease_s must be more than 25 seconds: one call of Twilio",
        ),
        ({"HANDBELL_SMTP__TIMEOUT_S": "50"}, "sending.lease_s must be at least 125 seconds: one mail"),
        ({"HANDBELL_SMTP__HOST": "127.0.0.1"}, "smtp.from_address is not set"),
        ({"HANDBELL_SMTP__USERNAME": "office"}, "smtp.password is not set"),
        (
            {
                "HANDBELL_SMTP__HOST": "mail.school.example",
                "HANDBELL_SMTP__FROM_ADDRESS": "a@school.example",
            },
            "smtp.host is not on this machine: while practice.enabled is true nothing may leave it. Set it to 127.0.",
        ),
        (
            {"HANDBELL_TWILIO__ACCOUNT_SID": "AC" + "0" * 32},
            "twilio.api_base_url is not on this machine: while practice.enabled is true nothing may leave it.",
        ),
        (
            {"HANDBELL_TWILIO__ACCOUNT_SID": "AC" + "0" * 32, "HANDBELL_TWILIO__API_BASE_URL": "http://127.0.0.1"},
            "twilio.api_base_url is not on this machine",  # without a port of its own nothing could listen there
        ),
        ({"HANDBELL_WEB__PUBLIC_BASE_URL": "https://handbell.example"}, "web.public_base_url is not on this machine"),
        (
            {"HANDBELL_TWILIO__SMS_SENDERS": '[{"address": "Oakfield"}, {"address": "Oakfield"}]'},
            "twilio.sms_senders has the same address twice",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(environ: dict[str, str], sentence: str) -> None:
    (problem,) = refuse(None, HANDBELL_PRACTICE__ENABLED="true", **environ)
    assert problem.startswith(sentence)


def test_a_login_does_not_cross_the_network_in_clear() -> None:
    told = refuse(
        None,
        HANDBELL_SMTP__HOST="mail.school.example",
        HANDBELL_SMTP__FROM_ADDRESS="a@school.example",
        HANDBELL_SMTP__USERNAME="office",
        HANDBELL_SMTP__PASSWORD="x",
        HANDBELL_SMTP__SECURITY="none",
    )
    assert any(problem.startswith("smtp.security is none: a login") for problem in told)


def test_practice_on_this_machine_is_let_through() -> None:
    environ = {
        "HANDBELL_PRACTICE__ENABLED": "true",
        "HANDBELL_TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
        "HANDBELL_TWILIO__API_BASE_URL": "http://127.0.0.1:9001",
        "HANDBELL_SMTP__HOST": "localhost",
        "HANDBELL_SMTP__FROM_ADDRESS": "a@school.example",
        "HANDBELL_WEB__PUBLIC_BASE_URL": "http://127.0.0.1:8080",
    }
    assert settings.load(None, environ=environ, credentials=None).practice.enabled


def test_a_call_ends_well_within_the_lease() -> None:
    sending = settings.Settings().sending
    assert 0 < sending.call_s < sending.lease_s


def test_a_short_audit_key_and_a_missing_token_are_refused_when_live() -> None:
    told = "\n".join(refuse(None, HANDBELL_AUDIT__KEY="short", HANDBELL_TWILIO__SMS_SENDERS='[{"address": "Oak"}]'))
    assert "audit.key is too short" in told
    assert "twilio.auth_token is not set" in told
    assert "twilio.account_sid is not set" in told


@pytest.mark.parametrize(
    ("address", "remarks"),
    [
        ("+441134960001", []),
        ("MG0123456789abcdef0123456789abcdef", []),
        ("60006", ["short code"]),
        ("Oakfield", ["cannot answer"]),
        ("Oak St Pri1", ["cannot answer"]),
        ("Oak-field", ["cannot answer", "some suppliers"]),
        ("Info", ["cannot answer", "too general"]),
        ("School", ["cannot answer", "could be any school's"]),
        ("+15005550006", ["no +44 number"]),
    ],
)
def test_senders_that_networks_treat_badly_are_warned_of(address: str, remarks: list[str]) -> None:
    loaded = settings.Settings.model_validate(
        {
            "twilio": {"sms_senders": [{"address": address}]},
            "web": {"public_base_url": "https://x.school.example"},
            "costs": {"pence_per_text_part": 4},
        }
    )
    warnings = loaded.warnings()
    assert len(warnings) == len(remarks)
    for warning, remark in zip(warnings, remarks, strict=True):
        assert warning.startswith("twilio.sms_senders#1.address ")
        assert remark in warning


@pytest.mark.parametrize(
    ("address", "faults"),
    [
        ("OakfieldPrimary", ["15 characters"]),
        ("12345678901", ["no letter"]),
        ("Oak_field!", ["networks refuse: letters"]),
        ("Szkoła", ["networks refuse: letters"]),
        ("123456789012!", ["13 characters", "no letter", "networks refuse: letters"]),
        ("+15005550006", []),
        ("Oakfield", []),
    ],
)
def test_a_name_that_no_network_takes_is_refused(address: str, faults: list[str]) -> None:
    senders = json.dumps([{"address": address}])
    told = [line for line in refuse(None, HANDBELL_TWILIO__SMS_SENDERS=senders) if "twilio.sms_senders#1" in line]
    assert len(told) == len(faults)
    for line, fault in zip(told, faults, strict=True):
        assert fault in line


def test_what_works_but_perhaps_not_as_expected_is_warned_of() -> None:
    loaded = settings.Settings.model_validate(
        {
            "twilio": {"voice_senders": [{"address": "+441134960001"}], "poll": "never"},
            "smtp": {"host": "mail.school.example", "security": "none"},
            "web": {"host": "0.0.0.0"},
        }
    )
    told = "\n".join(loaded.warnings())
    for words in ("no receipts", "key presses", "in clear", "price of calls", "over plain http"):
        assert words in told
    for web in ({}, {"host": "0.0.0.0", "office_url": "https://office.school.example"}):
        assert "over plain http" not in "\n".join(settings.Settings.model_validate({"web": web}).warnings())


def test_secrets_in_the_file_are_warned_of(write: WriteFile) -> None:
    text = (
        "[audit]\nkey = 'x'\n[[twilio.shared_keys]]\nkey_id = 'a'\nsecret = 'b'\n"
        "[database]\nurl = 'postgresql://bell:pw@h/d'\n"
    )
    loaded = settings.load(write(PRACTICE + text), environ={}, credentials=None)
    told = "\n".join(loaded.warnings())
    for key in ("audit.key", "twilio.shared_keys", "database.password"):
        assert f"{key} stands in the settings file" in told
    environ = {"HANDBELL_AUDIT__KEY": "y"}
    assert "audit.key" not in "\n".join(
        settings.load(write(PRACTICE + text), environ=environ, credentials=None).warnings()
    )


def test_lines_are_found_through_quotes_tables_and_comments() -> None:
    text = '# [a]\na = 1\n[b]\nx = """\nc = 1\n[d]\n"""\n"y" = 2\n[[e.f]]\nz = 1\n[[e.f]]\nz = 2\n[g]\nh . i = 3\n'
    lines = sources.locate(text)
    assert lines["a",] == 2
    assert lines["b", "y"] == 8
    assert ("b", "c") not in lines
    assert ("d",) not in lines
    assert (lines["e", "f", 0, "z"], lines["e", "f", 1, "z"]) == (10, 12)
    assert lines["g", "h", "i"] == 14


KEYS = [key for key, _, _ in shape.leaves(settings.Settings) if "[" not in key]


@given(
    environ=st.dictionaries(
        st.sampled_from([f"HANDBELL_{key.replace('.', '__').upper()}" for key in KEYS]),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30),
        max_size=5,
    )
)
def test_no_text_breaks_the_loader(environ: dict[str, str]) -> None:
    with contextlib.suppress(settings.ConfigError):  # anything else would be the failure looked for
        settings.load(None, environ=environ, credentials=None)
