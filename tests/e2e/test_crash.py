"""The crash laboratory in short: ``make crash`` does the same for an hour."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from bench.crash import run

MODES = (run.Mode("sqlite", 1, called_back=True), run.Mode("postgresql", 2, called_back=False))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
async def test_nothing_is_lost_or_doubled_whoever_is_killed(mode: run.Mode) -> None:
    # Not in pytest's own folder: another session's clean-up would take it away from under the server.
    with tempfile.TemporaryDirectory(prefix="handbell-crash-") as folder:
        result = await run.run(mode, seed=37, kills=4, folder=Path(folder), patience=4, families=12)
    assert result.count.faults == []
    assert (result.count.lost, result.count.doubled) == (0, 0)
    assert result.kills.total() == 4
    assert result.kills.keys() == {"gateway", "world"} | ({"database"} if mode.database == "postgresql" else set())
    assert result.count.messages.total() >= 24  # how many fit between the kills hangs on the machine
    assert result.count.got >= 12
