"""An address of PostgreSQL says how its server is proved, in PostgreSQL's own words: to the driver, and to pg_dump."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway import errors, migrate
from gateway.backup import engines


async def test_the_driver_looks_at_the_certificate_that_the_address_names(tmp_path: Path, unused_tcp_port: int) -> None:
    lost = tmp_path / "ca.pem"
    url = f"postgresql+asyncpg://bell@127.0.0.1:{unused_tcp_port}/d?sslmode=verify-full&sslrootcert={lost}"
    with pytest.raises(errors.NotReady, match="No such file"):
        await migrate.current(url)


async def test_and_so_does_whoever_makes_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pg_dump"
    program.write_text('#!/bin/sh\nfor one; do case $one in --file=*) env >"${one#--file=}" ;; esac; done\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    url = "postgresql+asyncpg://bell:secret@h:5433/d?sslmode=verify-full&sslrootcert=/ca.pem&sslcert=/c&sslkey=/k"
    told = (await engines.write(url, tmp_path)).read_text().splitlines()
    assert {line for line in told if line.startswith("PG")} == {
        "PGHOST=h", "PGPORT=5433", "PGUSER=bell", "PGPASSWORD=secret", "PGDATABASE=d",
        "PGSSLMODE=verify-full", "PGSSLROOTCERT=/ca.pem", "PGSSLCERT=/c", "PGSSLKEY=/k",
    }  # fmt: skip
