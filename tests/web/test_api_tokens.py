"""Bearer tokens: given once, kept as a hash, and of no use once revoked."""

from __future__ import annotations

import json
import re

import pytest
import sqlalchemy as sa
from support.website import NOW, Family, Running

from gateway import audit, errors, tokens
from gateway.database import Database
from gateway.models import ApiToken

LOG = audit.Log(b"k" * 32)


async def make(database: Database, name: str) -> str:
    async with database.write() as session:
        return await tokens.create(session, name, log=LOG, now=NOW)


async def test_a_token_is_known_until_it_is_revoked(database: Database) -> None:
    token = await make(database, "MIS of Oakfield")
    assert token.startswith("hb_")
    assert len(token) > 40
    async with database.read() as session:
        known = await tokens.check(session, token)
        assert known is not None
        assert known.name == "MIS of Oakfield"
        assert token not in str(known.model_dump())
        for wrong in ("", "hb_", token[:-1], token + "x", token.upper(), "é"):
            assert await tokens.check(session, wrong) is None
    async with database.write() as session:
        await tokens.revoke(session, "MIS of Oakfield", log=LOG, now=NOW)
    async with database.read() as session:
        assert await tokens.check(session, token) is None
        actions = [line.action for line in await audit.lines_about(session)]
        bodies = (await session.scalars(sa.text("SELECT body FROM audit"))).all()
    assert actions == ["token.revoked", "token.created"]
    assert token not in "".join(bodies)


async def test_mistakes_are_sentences(database: Database) -> None:
    await make(database, "office")
    with pytest.raises(errors.Conflict, match="Choose another name"):
        await make(database, "office")
    for name in ("", " office", "a" * 61, "new\nline", "é"):
        with pytest.raises(errors.BadInput, match="cannot be the name of a token"):
            await make(database, name)
    async with database.write() as session:
        await tokens.revoke(session, "office", log=LOG, now=NOW)
    async with database.write() as session:
        with pytest.raises(errors.Conflict, match="revoked already"):
            await tokens.revoke(session, "office", log=LOG, now=NOW)
        with pytest.raises(errors.NotFound, match="no token “nobody”"):
            await tokens.revoke(session, "nobody", log=LOG, now=NOW)


async def test_without_a_token_nothing_opens(api: Running) -> None:
    for header in ("", "Bearer", "Bearer ", "Basic eDp5", "Bearer hb_wrong", "Bearer \u00e9", "hb_x"):
        for method, path in (("GET", "/notices"), ("POST", "/notices"), ("GET", "/contacts/1"), ("GET", "/inbound")):
            answer = await api.ask(method, f"/api/v1{path}", headers={"Authorization": header} if header else {})
            assert (answer.status, answer.headers["Content-Type"]) == (401, "application/problem+json"), header
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_revoked_token_opens_nothing(api: Running) -> None:
    assert (await api.api("GET", "/notices")).status == 200
    async with api.gateway.database.write() as session:
        await session.execute(sa.update(ApiToken).values(revoked_at=NOW))
    answer = await api.api("GET", "/notices")
    assert (answer.status, "revoked" in answer.json["detail"]) == (401, True)


async def test_a_token_that_may_only_read_changes_nothing(api: Running, family: Family) -> None:
    gateway = api.gateway
    async with gateway.database.write() as session:
        api.token = await tokens.create(session, "board", log=gateway.log, now=gateway.now(), read_only=True)
    for path in ("/notices", "/inbound", f"/contacts/{family.mum}", "/absences"):
        assert (await api.api("GET", path)).status == 200, path
    described = (await api.ask("GET", "/api/v1/openapi.json")).json["paths"]
    others = [(method, path) for path, found in described.items() for method in found if method != "get"]
    assert len(others) > 10
    for method, path in others:
        answer = await api.api(method, re.sub(r"{\w+}", "1", path), json={})
        assert (answer.status, "may only read" in answer.json["detail"]) == (403, True), path
    async with gateway.database.read() as session:
        [created, *_] = await audit.lines_about(session, action="token.created")
    assert json.loads(created.body) == {"name": "board", "read_only": True}
