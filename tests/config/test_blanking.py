"""A settings file without its secrets: nothing else of it is changed, and it says what is to be put in again."""

from __future__ import annotations

import tomllib

import pytest

from config import blanking

FILE = '''
# Oakfield's own
[school]
name = "Oakfield"   # as on the gate
[twilio]
account_sid = "AC1"
auth_token = "a-token"  # of the office
accepted_tokens = ["an-old-one", 'an-older-one']
[smtp]
username = "same"
password = "same"
dkim_private_key = """
-----BEGIN PRIVATE KEY-----
MIIE
-----END PRIVATE KEY-----
"""
[database]
url = "postgresql+asyncpg://handbell:hunter2@db.example.com/school"
'''


def test_every_secret_is_blank_and_all_else_is_as_it_was() -> None:
    made = blanking.without_secrets(FILE)
    first, rest = made.split("\n", 1)
    assert first == (
        "# To be put in again, as no copy holds secrets: twilio.auth_token, twilio.accepted_tokens#1, "
        "twilio.accepted_tokens#2, smtp.password, smtp.dkim_private_key, database.url."
    )
    for secret in ("a-token", "an-old", "PRIVATE", "hunter2", 'password = "same"'):
        assert secret not in rest
    table = tomllib.loads(rest)
    assert table["smtp"] == {"username": "same", "password": "", "dkim_private_key": ""}
    assert table["database"]["url"] == "postgresql+asyncpg://handbell:@db.example.com/school"
    assert "# as on the gate" in rest
    assert "# of the office" in rest


def test_a_file_without_secrets_is_as_it_is() -> None:
    assert blanking.without_secrets(plain := '[school]\nname = "Oakfield"\n') == plain


@pytest.mark.parametrize(
    "hard",
    [
        'twilio = { account_sid = "same", auth_token = "same" }',  # the first of the two is no secret
        '[twilio]\nauth_token = "a\\u0041"',  # written otherwise than it is
    ],
)
def test_what_cannot_be_told_apart_is_left_out_whole(hard: str) -> None:
    made = blanking.without_secrets(hard)
    assert made.startswith(blanking.BLANKED)
    assert tomllib.loads(made) == {}


@pytest.mark.parametrize("password", ["ab/cd", "ab#cd", "ab?cd", "ab@cd", "ab%2Fcd", "a:b"])
def test_the_password_in_a_databases_address_is_blank_whatever_is_in_it(password: str) -> None:
    made = blanking.without_secrets(f'[database]\nurl = "postgresql://handbell:{password}@localhost/school"')
    assert tomllib.loads(made)["database"]["url"] == "postgresql://handbell:@localhost/school"
    assert made.startswith(f"{blanking.BLANKED} database.url.")
