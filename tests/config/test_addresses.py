"""Every address in the settings that we call, or that others call us by: over TLS, or on this machine alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ValidationError

from config.settings import Settings

DATABASE = "database.url"  # of another kind, and parted from its password: test_settings.py

#: Where a plain http address, or one with a name in it, could lead to somebody else.
REFUSED = [
    "http://translate.school.example", "http://127.0.0.1.evil.example", "http://localhost.evil.example",
    "http://127.0.0.1@evil.example", "https://127.0.0.1@evil.example", "https://user:secret@evil.example",
    "http://[::ffff:10.0.0.1]", "http://10.0.0.1", "http://169.254.169.254/latest", "http://0.0.0.0", "http://2130706434",
    "ftp://127.0.0.1", "file:///etc/passwd", "javascript:alert(1)", "//evil.example", "evil.example", "https://",
    "https://evil.example#x", "https://evil.example?x=1", "http://[::1", "https://evil.example\r\nX: y",
]  # fmt: skip
TAKEN = [
    "https://school.example",
    "https://school.example:8443/path",
    "http://127.0.0.1:9001",
    "http://localhost:9001",
]


def addresses(model: type[BaseModel], place: str = "") -> Iterator[tuple[str, type[BaseModel], str]]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from addresses(inner, f"{name}.")
        elif "url" in name.split("_"):
            yield f"{place}{name}", model, name


FOUND = {place: (model, name) for place, model, name in addresses(Settings) if place != DATABASE}


def test_these_are_all() -> None:
    """By hand: a new one is thought about here."""
    assert set(FOUND) == {
        "web.public_base_url", "web.office_url", "twilio.api_base_url", "notify.api_base_url", "translation.url",
        "oauth.token_url",
    }  # fmt: skip


@pytest.mark.parametrize("place", FOUND)
@pytest.mark.parametrize("address", REFUSED)
def test_what_could_lead_to_somebody_else_is_refused(place: str, address: str) -> None:
    model, name = FOUND[place]
    with pytest.raises(ValidationError) as caught:
        model.model_validate({name: address})
    assert {error["loc"][0] for error in caught.value.errors()} == {name}


@pytest.mark.parametrize("place", FOUND)
@pytest.mark.parametrize("address", TAKEN)
def test_tls_or_this_machine_is_taken(place: str, address: str) -> None:
    model, name = FOUND[place]
    assert getattr(model.model_validate({name: address}), name) == address
