"""Where settings come from, who wins, and what stays secret."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path

import pydantic
import pytest

from config import problems, sections, settings

SECRET = "correct-horse-battery-staple-0123456789"
LIVE = """\
[school]
name = "Oakfield Primary School"
short_name = "Oakfield"
phone = "0113 496 0000"

[web]
public_base_url = "https://handbell.school.example/"

[twilio]
account_sid = "AC00000000000000000000000000000000"

[[twilio.sms_senders]]
address = "+44 113 496 0001"
parts_per_second = 10

[costs]
pence_per_text_part = 4.2
"""
SECRETS = {"HANDBELL_TWILIO__AUTH_TOKEN": SECRET, "HANDBELL_AUDIT__KEY": SECRET}

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


def practise(**environ: str) -> settings.Settings:
    return settings.load(None, environ={"HANDBELL_PRACTICE__ENABLED": "true", **environ}, credentials=None)


def test_practice_needs_no_settings_at_all() -> None:
    assert practise().practice.enabled


def test_a_live_school_loads_without_a_warning(write: WriteFile) -> None:
    loaded = settings.load(write(LIVE), environ=SECRETS, credentials=None)
    assert loaded.school.short_name == "Oakfield"
    assert loaded.twilio.sms_senders[0].address == "+441134960001"
    assert loaded.twilio.sms_senders[0].parts_per_second == 10.0
    assert loaded.web.public_base_url == "https://handbell.school.example"
    assert loaded.twilio.auth_token.get_secret_value() == SECRET
    assert loaded.warnings() == []


def test_the_environment_wins_over_the_file_and_a_credential_over_both(write: WriteFile, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "web.port").write_text("9003\n", encoding="utf-8")
    path = write("[practice]\nenabled = true\n[web]\nport = 9001\nhost = '::1'\n")
    assert settings.load(path, environ={}, credentials=None).web.port == 9001
    environ = {"HANDBELL_WEB__PORT": "9002"}
    assert settings.load(path, environ=environ, credentials=None).web.port == 9002
    loaded = settings.load(path, environ=environ, credentials=credentials)
    assert (loaded.web.port, loaded.web.host) == (9003, "::1")


def test_credentials_may_carry_the_name_that_systemd_gives_a_whole_directory(tmp_path: Path) -> None:
    (tmp_path / "handbell_twilio.auth_token").write_text(SECRET + "\n", encoding="utf-8")
    (tmp_path / "handbell_twilio.accepted_tokens").write_text("one\ntwo\n", encoding="utf-8")
    (tmp_path / "server.pem").write_text("a certificate is no setting", encoding="utf-8")
    loaded = settings.load(None, environ={"HANDBELL_PRACTICE__ENABLED": "1"}, credentials=tmp_path)
    assert loaded.twilio.auth_token.get_secret_value() == SECRET
    assert [token.get_secret_value() for token in loaded.twilio.accepted_tokens] == ["one", "two"]


def test_a_credential_that_is_not_text_or_not_a_setting_is_refused(tmp_path: Path) -> None:
    (tmp_path / "audit.key").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "twilio.auth_tokn").write_text(SECRET, encoding="utf-8")
    with pytest.raises(settings.ConfigError) as caught:
        settings.load(None, environ={"HANDBELL_PRACTICE__ENABLED": "1"}, credentials=tmp_path)
    assert "The credential audit.key is not text" in str(caught.value)
    assert "twilio.auth_tokn in the credential twilio.auth_tokn is not a setting; did you mean auth_token?" in str(
        caught.value
    )
    assert SECRET not in str(caught.value)


def test_a_missing_credentials_directory_is_said(tmp_path: Path) -> None:
    with pytest.raises(settings.ConfigError, match="no credentials directory"):
        settings.load(None, environ={}, credentials=tmp_path / "nowhere")


def test_lists_come_from_the_environment_as_words_or_as_json() -> None:
    loaded = practise(
        HANDBELL_ROLES="web, clock",
        HANDBELL_TWILIO__SMS_SENDERS='[{"address": "Oakfield", "parts_per_second": 10, "burst": 5}]',
        HANDBELL_TWILIO__SHARED_KEYS=json.dumps([{"key_id": "webhooks_sharedkey_1", "secret": SECRET}]),
    )
    assert loaded.roles == ("web", "clock")
    assert loaded.twilio.sms_senders[0].burst == 5
    assert loaded.twilio.shared_keys[0].secret.get_secret_value() == SECRET


def test_variables_of_others_are_left_alone_but_a_single_underscore_is_not_passed_over() -> None:
    assert practise(HANDBELL_CORPORA="/corpora", HANDBELL_CONFIG="/x.toml", HOME="/")
    problems = refuse(None, HANDBELL_PRACTICE__ENABLED="1", HANDBELL_TWILIO_AUTH_TOKEN=SECRET)
    assert len(problems) == 1
    assert "did you mean HANDBELL_TWILIO__AUTH_TOKEN, with two underscores?" in problems[0]
    assert SECRET not in problems[0]


@pytest.mark.parametrize(
    ("variable", "meant"),
    [("HANDBELL_ROLS", "HANDBELL_ROLES"), ("HANDBELL_CONFG", "HANDBELL_CONFIG"), ("HANDBELL_ROLE", "HANDBELL_ROLES")],
)
def test_a_variable_that_is_nearly_a_setting_is_not_passed_over(variable: str, meant: str) -> None:
    assert refuse(None, HANDBELL_PRACTICE__ENABLED="1", **{variable: "web"}) == (
        f"The environment variable {variable} is not a setting; did you mean {meant}?",
    )


def test_variables_of_our_own_tools_are_no_misspellings() -> None:
    assert practise(HANDBELL_TEST_POSTGRES="x", HANDBELL_SIMULATOR_TOKEN="x", HANDBELL_COLOUR="x", HANDBELL_CONFIG="x")


def test_systemd_names_the_state_directory_and_the_file_overrules_it(write: WriteFile) -> None:
    assert practise(STATE_DIRECTORY="/var/lib/a:/var/lib/b").database.dsn() == (
        "sqlite+aiosqlite:////var/lib/a/handbell.sqlite3"
    )
    path = write("[practice]\nenabled = true\n[database]\nstate_dir = '/srv/handbell'\n")
    loaded = settings.load(path, environ={"STATE_DIRECTORY": "/var/lib/a"}, credentials=None)
    assert loaded.database.state_dir == Path("/srv/handbell")


@pytest.mark.parametrize(
    ("given", "kept", "dsn"),
    [
        ("sqlite:///school.db", "sqlite+aiosqlite:///school.db", "sqlite+aiosqlite:///school.db"),
        ("sqlite+aiosqlite:////a/b", "sqlite+aiosqlite:////a/b", "sqlite+aiosqlite:////a/b"),
        ("postgresql://h/d", "postgresql+asyncpg://h/d", "postgresql+asyncpg://h/d"),
        (
            "postgresql:///d?host=/run/pg",
            "postgresql+asyncpg:///d?host=/run/pg",
            "postgresql+asyncpg:///d?host=/run/pg",
        ),
        (
            "postgres://bell:p%40ss%2Fw@h:5433/d?ssl=require",
            "postgresql+asyncpg://bell@h:5433/d?ssl=require",
            "postgresql+asyncpg://bell:p%40ss%2Fw@h:5433/d?ssl=require",
        ),
        *(
            (
                f"postgresql://bell:p{sign}w@h/d",
                "postgresql+asyncpg://bell@h/d",
                f"postgresql+asyncpg://bell:p{code}w@h/d",
            )
            for sign, code in (("/", "%2F"), ("?", "%3F"), ("#", "%23"))
        ),
        ("sqlite:///a:b@c", "sqlite+aiosqlite:///a:b@c", "sqlite+aiosqlite:///a:b@c"),
    ],
)
def test_database_addresses_are_completed_and_their_password_is_set_apart(given: str, kept: str, dsn: str) -> None:
    database = practise(HANDBELL_DATABASE__URL=given).database
    assert (database.url, database.dsn()) == (kept, dsn)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("10.0.0.7", "10.0.0.7"),
    ],
)
def test_what_listens_on_all_addresses_is_asked_at_the_machines_own(host: str, here: str) -> None:
    assert sections.Web(host=host, port=8080).here == f"http://{here}:8080"


def test_the_database_password_may_come_by_itself_but_not_twice() -> None:
    environ = {"HANDBELL_DATABASE__URL": "postgresql://bell@h/d", "HANDBELL_DATABASE__PASSWORD": "a b"}
    assert practise(**environ).database.dsn() == "postgresql+asyncpg://bell:a%20b@h/d"
    environ["HANDBELL_DATABASE__URL"] = f"postgresql://bell:{SECRET}@h/d"
    problems = refuse(None, HANDBELL_PRACTICE__ENABLED="1", **environ)
    assert "password once" in problems[0]
    assert SECRET not in problems[0]


def test_no_secret_is_ever_shown(write: WriteFile) -> None:
    environ = {
        "HANDBELL_TWILIO__AUTH_TOKEN": SECRET,
        "HANDBELL_TWILIO__ACCEPTED_TOKENS": f"{SECRET}1,{SECRET}2",
        "HANDBELL_TWILIO__SHARED_KEYS": json.dumps([{"key_id": "k", "secret": SECRET}]),
        "HANDBELL_SMTP__PASSWORD": SECRET,
        "HANDBELL_AUDIT__KEY": SECRET,
        "HANDBELL_DATABASE__URL": f"postgresql://bell:{SECRET}@h/d",
    }
    loaded = settings.load(write(LIVE), environ=environ, credentials=None)
    shown = f"{loaded!r} {loaded} {json.dumps(loaded.redacted())} {loaded.warnings()} {loaded.model_dump_json()}"
    assert SECRET not in shown
    assert loaded.redacted()["twilio"]["auth_token"] == "**********"
    assert loaded.redacted()["smtp"]["username"] == ""


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HANDBELL_TWILIO__SHARED_KEYS", f'[{{"key_id": "k", "secrt": "{SECRET}"}}]'),
        ("HANDBELL_TWILIO__SHARED_KEYS", f'[{{"key_id": "k", "secret": ["{SECRET}"]}}]'),
        ("HANDBELL_TWILIO__SHARED_KEYS", f'["{SECRET}"]'),
        ("HANDBELL_TWILIO__SHARED_KEYS", f"[{SECRET}"),
        ("HANDBELL_TWILIO__ACCEPTED_TOKENS", f'[["{SECRET}"]]'),
        ("HANDBELL_TWILIO", SECRET),
        ("HANDBELL_TWILIO__ACCOUNT_SID", SECRET),
        ("HANDBELL_TWILIO__AUTH_TOKEN__X", SECRET),
        ("HANDBELL_DATABASE__URL", f"mysql://bell:{SECRET}@h/d"),
        ("HANDBELL_DATABASE__URL", f"postgresql:bell:{SECRET}@h/d"),
        ("HANDBELL_WEB__PUBLIC_BASE_URL", f"https://bell:{SECRET}@h/"),
    ],
)
def test_no_error_shows_a_secret_not_even_in_its_traceback(variable: str, value: str) -> None:
    with pytest.raises(settings.ConfigError) as caught:
        settings.load(None, environ={variable: value, "HANDBELL_PRACTICE__ENABLED": "1"}, credentials=None)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert all(problem.strip() for problem in caught.value.problems)


def test_the_settings_cannot_be_changed_afterwards() -> None:
    loaded = practise()
    with pytest.raises(pydantic.ValidationError):
        loaded.web.port = 1  # type: ignore[misc]  # the refusal is what is tested


def test_a_section_of_retries_may_give_only_one_figure() -> None:
    retry = practise(HANDBELL_SENDING__RETRY__SMS__MAX_ATTEMPTS="2").sending.retry
    assert (retry.sms.max_attempts, retry.sms.base_s) == (2, 5)
    assert retry.email.max_attempts == 14


def test_the_absence_check_needs_the_name_of_a_person(tmp_path: Path) -> None:
    path = tmp_path / "handbell.toml"
    path.write_text("[practice]\nenabled = true\n[absence]\nenabled = true\n")
    with pytest.raises(problems.ConfigError, match=r"absence\.safeguarding_lead is not set: name the person"):
        settings.load(path, environ={}, credentials=None)


def test_languages_and_voices_of_a_schools_own() -> None:
    chosen = {"HANDBELL_TWILIO__VOICES": "pl: Polly.Ewa, cy:", "HANDBELL_LANGUAGES__INSTEAD": '["ps: fa ur"]'}
    found = settings.load(None, environ=chosen | {"HANDBELL_PRACTICE__ENABLED": "true"}, credentials=None)
    assert found.twilio.chosen_voices() == {"pl": "Polly.Ewa", "cy": ""}
    assert found.languages.chosen_instead() == {"ps": ("fa", "ur")}


@pytest.mark.parametrize(
    ("key", "value"), [("TWILIO__VOICES", "Polly.Ewa"), ("LANGUAGES__INSTEAD", "ps fa"), ("LANGUAGES__INSTEAD", "ps:")]
)
def test_a_choice_that_cannot_be_read_is_named(key: str, value: str) -> None:
    with pytest.raises(problems.ConfigError, match=key.partition("__")[2].lower()):
        settings.load(None, environ={f"HANDBELL_{key}": value, "HANDBELL_PRACTICE__ENABLED": "true"}, credentials=None)
