"""The simulator is held to Twilio's published OpenAPI: its answers, and the fields that it takes."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest

from channels.simulator import Simulator, magic, records, rules, shapes

SCHOOL = "+442079460137"
MUM = "+447700900123"
CORPORA = Path(os.environ.get("HANDBELL_CORPORA", Path(__file__).resolve().parents[2] / "../shared/corpora"))
SPEC = CORPORA / "twilio_openapi" / "twilio_api_v2010.json"
BASE = "/2010-04-01/Accounts/{AccountSid}"

pytestmark = pytest.mark.skipif(
    not SPEC.exists(), reason="Twilio's OpenAPI is not on this machine (see HANDBELL_CORPORA)"
)


@cache
def spec() -> dict[str, Any]:
    return dict(json.loads(SPEC.read_text("utf-8")))


def as_json_schema(part: Any) -> Any:
    """OpenAPI 3.0's ``nullable`` in the words of JSON Schema; properties that are not named are refused."""
    if isinstance(part, list):
        return [as_json_schema(one) for one in part]
    if not isinstance(part, dict):
        return part
    found = {name: as_json_schema(value) for name, value in part.items() if name != "nullable"}
    if "properties" in found and isinstance(found["properties"], dict):
        found["additionalProperties"] = False
    if part.get("nullable"):
        return {"anyOf": [found, {"type": "null"}]}
    return found


@cache
def schema_of(path: str, method: str, status: str) -> dict[str, Any]:
    answer = spec()["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    return dict(as_json_schema(answer)) | {"components": as_json_schema(spec()["components"])}


def fields_of(path: str) -> set[str]:
    body = spec()["paths"][path]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
    return set(body["schema"]["properties"])


class Asker:
    """Asks the simulator and checks each answer against the schema."""

    def __init__(self, simulator: Simulator, session: aiohttp.ClientSession) -> None:
        self.root = f"{simulator.http_url}/2010-04-01/Accounts/{simulator.account_sid}"
        self.session = session
        self.key = {"Authorization": aiohttp.encode_basic_auth(simulator.account_sid, "a-practice-token")}

    async def ask(self, method: str, path: str, *, schema: str, status: int = 200, **more: Any) -> dict[str, Any]:
        async with self.session.request(method, self.root + path, headers=self.key, **more) as answer:
            assert answer.status == status
            found: dict[str, Any] = await answer.json()
        jsonschema.validate(found, schema_of(schema, method.lower(), str(status)))
        return found


@pytest.fixture
def asker(simulator: Simulator, web_client: aiohttp.ClientSession) -> Asker:
    return Asker(simulator, web_client)


@pytest.mark.parametrize("to", [MUM, "+447700900002", "+447700900907", "+447700900901"])
async def test_messages_fit(simulator: Simulator, asker: Asker, to: str) -> None:
    for form in ({"From": SCHOOL}, {"MessagingServiceSid": "MG" + "0" * 32}):
        made = await asker.ask(
            "POST",
            "/Messages.json",
            schema=f"{BASE}/Messages.json",
            status=201,
            data={"To": to, "Body": "Hello", "ValidityPeriod": "600"} | form,
        )
        await simulator.idle()
        one = f"/Messages/{made['sid']}.json"
        await asker.ask("GET", one, schema=f"{BASE}/Messages/{{Sid}}.json")
    simulator.reply(MUM, "Hello", to=SCHOOL, media=2)
    first = await asker.ask("GET", "/Messages.json?PageSize=1", schema=f"{BASE}/Messages.json")
    token = first["next_page_uri"].partition("?")[2]
    second = await asker.ask("GET", f"/Messages.json?{token}", schema=f"{BASE}/Messages.json")
    assert (second["page"], second["start"], second["end"]) == (1, 1, 1)


@pytest.mark.parametrize("calls", ["answer", "ring", "no-answer", "busy", "voicemail", "failed"])
async def test_calls_fit(simulator: Simulator, asker: Asker, calls: str) -> None:
    simulator.world.script(MUM, calls=calls)
    words = "<Response><Say>Hello</Say></Response>"
    form = {"To": MUM, "From": SCHOOL, "Twiml": words, "MachineDetection": "Enable"}
    made = await asker.ask("POST", "/Calls.json", schema=f"{BASE}/Calls.json", status=201, data=form)
    one = f"/Calls/{made['sid']}.json"
    await asker.ask("GET", one, schema=f"{BASE}/Calls/{{Sid}}.json")
    if calls == "ring":
        await asker.ask("POST", one, schema=f"{BASE}/Calls/{{Sid}}.json", data={"Status": "completed"})
    await simulator.idle()
    await asker.ask("GET", one, schema=f"{BASE}/Calls/{{Sid}}.json")
    await asker.ask("GET", "/Calls.json", schema=f"{BASE}/Calls.json")


async def test_the_account_fits(asker: Asker) -> None:
    found = await asker.ask("GET", ".json", schema="/2010-04-01/Accounts/{Sid}.json")
    assert found["auth_token"] is None


def test_every_field_that_it_takes_is_twilios() -> None:
    assert fields_of(f"{BASE}/Messages.json") >= rules.MESSAGE_FIELDS
    assert fields_of(f"{BASE}/Calls.json") >= rules.CALL_FIELDS
    assert fields_of(f"{BASE}/Calls/{{Sid}}.json") >= rules.CALL_UPDATES


async def test_recordings_fit(simulator: Simulator, asker: Asker) -> None:
    kept = records.Recording("RE" + "1" * 32, "CA" + "1" * 32, 7, simulator.world.now(), b"")
    simulator.world.recordings[kept.sid] = kept
    path = f"{BASE}/Recordings"
    await asker.ask("GET", "/Recordings.json", schema=f"{path}.json")
    await asker.ask("GET", f"/Recordings/{kept.sid}.json", schema=f"{path}/{{Sid}}.json")
    url = f"{asker.root}/Recordings/{kept.sid}.json"
    async with asker.session.delete(url, headers=asker.key) as gone, asker.session.get(url, headers=asker.key) as none:
        assert (gone.status, none.status) == (204, 404)


def test_every_error_has_its_place_in_twilios_list() -> None:
    listed = CORPORA / "twilio_webhooks" / "twilio_error_messages.json"
    if not listed.exists():
        pytest.skip("Twilio's list of error codes is not on this machine (see HANDBELL_CORPORA)")
    known = {int(code) for code in json.loads(listed.read_text("utf-8"))}
    used = set(shapes.ERRORS) | {fate.code for fate in magic.TEXT_FATES.values() if fate.code}
    assert used - known <= {30036}  # has a page of its own in Twilio's docs (errors/30036), but is not in this list


def test_segments_are_counted_as_twilio_counts() -> None:
    listed = CORPORA / "sms_segments" / "expected.jsonl"
    if not listed.exists():
        pytest.skip("The corpus of SMS segments is not on this machine (see HANDBELL_CORPORA)")
    for line in listed.read_text("utf-8").splitlines():
        row = json.loads(line)
        if "segments" in row and row["text"]:
            assert records.count_segments(row["text"]) == row["segments"], row["id"]
