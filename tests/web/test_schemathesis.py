"""The API keeps what its description promises, whatever is sent to any of its operations: schemathesis makes it up.

More of it: ``HANDBELL_EXAMPLES=100 pytest tests/web/test_schemathesis.py``.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks
from support import absences, evenings
from support.website import MUM, NOW, OFFICE, Family, Running

from channels.base import Medium
from gateway import intake, notices
from gateway.absence import rounds, rules
from gateway.desk import arriving, promise
from gateway.models import DetailState, LineType, NewDetail, PointKind
from gateway.understanding import library

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

EXAMPLES: Final = int(os.environ.get("HANDBELL_EXAMPLES", "8"))  #: of what fits and of what does not, per operation
#: What must hold whatever was sent. Unknown parameters are let pass, and rules that no schema can say are refused with
#: 422: for those two, schemathesis would want the contrary. Tokens are the business of test_entries.py.
CHECKS: Final = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
NOT_HERE: Final = ("/translations/draft", "/emergencies/rehearsals")  #: need what this site has not: 503
WORDS: Final = {"title": "Oakfield", "audience": {"whole_school": True}, "purpose": "service", "media": ["sms"]}
TEXT: Final = {"en": "The museum opens at nine."}
OPTIONS: Final = [{"key": key, "label": {"en": key}} for key in "12"]
HALF: Final = "\ud800"  #: of a character: in JSON it can be written, in an address it cannot
#: What shapes let pass and something behind them may stumble over, and where it is put.
EDGES: Final[Sequence[Any]] = (
    "\0", HALF, "\u00b2", " ", "1" * 5000, 0, -1, 2**31, 2**63, 10**30, 1e308, "0001-01-01", "9999-12-31",
    "0001-01-01T00:00:00", "9999-12-31T23:59:59", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    [], {}, None,
)  # fmt: skip
EDGE: Final = st.none() | st.tuples(st.sampled_from(EDGES), st.integers(0, 20))
DAY: Final = f"{absences.TODAY}"
ASKED: Final[Sequence[tuple[str, dict[str, Any]]]] = (
    ("/notices", WORDS | {"key": "notices", "text": TEXT}),
    ("/notices", WORDS | {"key": "campaigns", "text": TEXT, "schedule": {"cron": "0 15 * * *", "school_days": "next"}}),
    ("/notices", evenings.EVENING | {"key": "events", "event": evenings.TIMES}),
    ("/surveys", {
        "key": "surveys", "title": "The gate", "audience": {"whole_school": True},
        "questions": [{"text": {"en": "Is it easier?"}, "options": OPTIONS}],
    }),
    ("/emergencies", {"key": "emergencies", "what_happened": {"en": "A gas leak."}, "what_to_do": "Stay at home."}),
    ("/praises", {"pupil": "Ana", "kind": "effort", "staff": "Ms Okafor"}),
    ("/calendar/closures", {"first": "2026-11-25", "why": "Snow"}),
    ("/marks", {"marks": [{"pupil": "P1", "date": DAY, "session": "am", "code": "N"}]}),
)  # fmt: skip


async def fill(api: Running, family: Family) -> None:
    """Something of each kind, so that what is sent meets more than an empty school."""
    for path, body in ASKED:
        answer = await api.api("POST", path, json=body)
        assert answer.status in (200, 201), (path, answer.text)
    gateway = api.gateway
    api.clock.pass_by(minutes=30)
    said = {"MessageSid": "SM1", "From": MUM, "To": OFFICE, "Body": "What time does the club end?"}
    assert (await api.hook("/hooks/twilio-sms/inbound", said)).status == 200
    await intake.handle_waiting(gateway.database, log=gateway.log, now=gateway.now())
    async with gateway.database.write_here() as session:
        await notices.plan_due(session, gateway)
    async with gateway.database.write() as session:
        await rounds.turn(session, gateway, rules.load(absences.settings()))
        await arriving.turn(session, gateway, promise.load(gateway.settings), library.load())
        session.add(
            NewDetail(
                contact_id=family.mum, old_address=MUM, kind=PointKind.PHONE, address="+447700900123",
                line_type=LineType.MOBILE, state=DetailState.PROVED, told_on=Medium.SMS, made_at=NOW, open_key="1",
            )
        )  # fmt: skip


def known(case: Case) -> None:
    """Ask for what there is: keys are called after their collection, and the first row of each table has the id 1."""
    for name in case.path_parameters:
        if name == "key":
            case.path_parameters[name] = case.path.split("/")[1]
        elif name == "pupil" or name.endswith("_id"):
            case.path_parameters[name] = 1


def spoil(value: dict[str, Any], edge: Any, at: int) -> None:
    """Put something else in the place of one leaf of some data: the ``at``-th, counted round and round."""
    places = list[tuple[Any, Any]]()

    def look(part: Any) -> None:
        for key, inner in list(part.items() if isinstance(part, dict) else enumerate(part)):
            if isinstance(inner, dict | list) and inner:
                look(inner)
            else:
                places.append((part, key))

    look(value)
    if places:
        part, key = places[at % len(places)]
        part[key] = edge


def ask(api: Running, operation: APIOperation[Any, Any, Any], seen: Counter[int]) -> None:
    """Made-up requests to one operation; raises what is wrong with an answer."""
    headers = {"Authorization": f"Bearer {api.token}"}

    @hypothesis.settings(max_examples=EXAMPLES, phases=[hypothesis.Phase.generate])
    @hypothesis.given(st.one_of(operation.as_strategy(mode) for mode in GenerationMode), st.booleans(), EDGE)
    def check(case: Case, of_ours: bool, edge: tuple[Any, int] | None) -> None:
        if of_ours:
            known(case)
        if edge:
            spoil(case.body if isinstance(case.body, dict) else {} if edge[0] == HALF else case.query, *edge)
        answer = case.call(base_url=f"{api.url}/api/v1", headers=headers)
        not_here = answer.status_code == 503 and operation.label.endswith(NOT_HERE)
        case.validate_response(answer, checks=CHECKS if not_here else [not_a_server_error, *CHECKS])
        seen[answer.status_code] += 1

    check()


async def test_what_no_database_holds_is_refused_wherever_it_stands(api: Running) -> None:
    described = (await api.ask("GET", "/api/v1/openapi.json")).json["paths"]
    paths = [(method, path) for path, found in described.items() for method in found if method != "get"]
    assert len(paths) > 30
    for method, path in paths:
        for unheld in ("\0", HALF, "a" + HALF):
            body = {"a": [{"b": unheld}]}
            answer = await api.api(method, re.sub(r"{\w+}", "1", path), json=body)
            assert (answer.status, "the character NUL" in answer.text) == (422, True), (path, answer.text)


async def test_every_operation_answers_as_it_is_described(api: Running, family: Family) -> None:
    await fill(api, family)
    described = (await api.ask("GET", "/api/v1/openapi.json")).json
    seen = Counter[int]()
    operations = [found.ok() for found in schemathesis.openapi.from_dict(described).get_all_operations()]
    assert len(operations) > 80
    faults = list[str]()
    for operation in operations:
        try:
            await asyncio.to_thread(ask, api, operation, seen)
        except (Exception, FailureGroup) as error:  # all of them, not the first alone
            faults.append(f"{operation.label}: {error}")
    assert not faults, "\n\n".join(faults)
    assert min(seen[200], seen[404], seen[422]) > len(operations) / 4, seen  # neither all refused nor all let pass
