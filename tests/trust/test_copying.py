"""As whom a school of a trust is copied: as the role for that, and as itself where older walls have none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import databases, trust
from support.databases import Postgres

from gateway import enclosure
from gateway.backup import engines


async def test_a_school_of_older_walls_is_copied_before_they_are_brought_up_to_date(
    postgres: Postgres, three: trust.Trust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{databases.programs()}{os.pathsep}{os.environ['PATH']}")
    key = three.keys[0]
    own, copier = enclosure.name(key), enclosure.copier(three.name)

    async def copied(folder: str) -> bytes:
        (tmp_path / folder).mkdir()
        return (await engines.write(three.of(key), tmp_path / folder)).read_bytes()[:5]

    assert await copied("now") == b"PGDMP"
    await postgres.execute(f'REVOKE "{own}" FROM "{copier}" GRANTED BY "{three.login}"', within=three.name)
    grant = f"GRANT EXECUTE ON FUNCTION {trust.SET_CONFIG} TO"
    await postgres.execute(f'{grant} "{own}"', within=three.name)
    try:
        assert await copied("before") == b"PGDMP"
    finally:
        await postgres.execute(f'REVOKE EXECUTE ON FUNCTION {trust.SET_CONFIG} FROM "{own}"', within=three.name)
        await postgres.execute(f'SET ROLE "{three.login}"; GRANT "{own}" TO "{copier}" WITH INHERIT TRUE, SET FALSE')
