"""The documentation is made from the settings, and stays true to them."""

from __future__ import annotations

import importlib.resources
import re
import tomllib
from pathlib import Path

from config import reference, settings

EXAMPLE = importlib.resources.files("config") / "handbell.example.toml"
SECRETS = {"HANDBELL_TWILIO__AUTH_TOKEN": "t" * 32, "HANDBELL_AUDIT__KEY": "k" * 32}


def test_the_example_file_is_fresh() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == reference.example()


def test_the_example_loads_once_its_secrets_are_given() -> None:
    with importlib.resources.as_file(EXAMPLE) as path:
        loaded = settings.load(path, environ=SECRETS, credentials=None)
    assert loaded.school.name == "Oakfield Primary School"
    assert not any("stands in the settings file" in warning for warning in loaded.warnings())


def test_every_default_in_the_example_is_the_real_one(tmp_path: Path) -> None:
    path = tmp_path / "all.toml"
    path.write_text(re.sub(r"(?m)^# (\w+ = )", r"\1", reference.example()), encoding="utf-8")
    with importlib.resources.as_file(EXAMPLE) as example:
        loaded = [settings.load(one, environ=SECRETS, credentials=None) for one in (path, example)]
    assert loaded[0].model_dump() == loaded[1].model_dump()


def test_every_setting_is_described_with_a_type_that_people_know() -> None:
    entries = reference.describe()
    assert len({entry.key for entry in entries}) == len(entries) > 50
    for entry in entries:
        assert entry.help, entry.key
        assert not re.search(r"[<\[]|class|NoneType", entry.type), entry
    by_key = {entry.key: entry for entry in entries}
    assert by_key["web.port"] == ("web.port", "whole number", "8080", "Port to listen on")
    assert by_key["twilio.auth_token"].default == ""
    assert by_key["sending.retry.email.max_attempts"].default == "14"
    assert by_key["smtp.ca_file"][1:3] == ("path", "")


def test_the_example_names_every_setting() -> None:
    text = reference.example()
    for entry in reference.describe():
        section, _, name = entry.key.rpartition(".")
        if "shared_keys" not in section:
            assert re.search(rf"(?m)^(# )?{name}( =|:)", text), entry.key
    assert tomllib.loads(text)["school"]["short_name"] == "Oakfield"
