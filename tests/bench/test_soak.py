"""The soak in short: the same programs for some seconds, and what is called growing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from support.waiting import until

from bench.soak import page, run, samples


def line(*, rss: float = 0.0, blocks: float = 0.0, files: float = 0.0, tasks: float = 0.0) -> list[samples.Sample]:
    """An hour in which some of it grows by so much."""
    return [
        samples.Sample(
            n * 15.0,
            150 + 40 * min(n / 40, 1) + rss * n / 240,
            int(1e6 + blocks * n / 240),
            int(40 + files * n / 240),
            int(60 + tasks * n / 240),
            0,
            0.0,
            True,
        )
        for n in range(240)
    ]


@pytest.mark.parametrize(
    ("leak", "said"),
    [
        ({}, ""),
        ({"rss": 40.0}, "memory grew"),
        ({"blocks": 6e4}, "what Python holds grew"),
        ({"files": 30.0}, "open files grew"),
        ({"tasks": 30.0}, "tasks grew"),
    ],
)
def test_what_grows_is_named_and_the_beginning_does_not_count(leak: dict[str, float], said: str) -> None:
    found = samples.growing(line(**leak))
    assert [one.partition(" from")[0] for one in found] == ([said] if said else [])
    assert samples.slope(line(rss=40.0)) == pytest.approx(40, abs=1)


async def test_some_seconds_of_it(tmp_path: Path) -> None:
    load = run.Load(6, families=30, every=1.5, sqlite=True)
    result = await run.run(load, tmp_path)
    assert result.trouble == []
    assert all(one.ready for one in result.samples)
    assert result.sent >= 30
    assert result.answered > 10
    file = tmp_path / "reliability.md"
    file.write_text("# Reliability\n\n## Of others\n", "utf-8")
    for _ in range(2):
        page.write(result, file)
    text = file.read_text("utf-8")
    assert text.count(page.BEGIN) == text.count("## Loaded for long") == text.count("## Of others") == 1
    assert f"{result.sent:,}, {result.answered:,}" in text


async def test_who_ends_it_leaves_nothing_running(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.soak", "--sqlite", "--no-page", "--minutes=5", "--families=5",
        stdout=asyncio.subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    programs = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    await until(lambda: len(programs.read_text().split()) == 2, "the simulator and the gateway run", every=0.05)
    started = programs.read_text().split()
    child.terminate()
    code = await child.wait()
    left = [pid for pid in started if Path(f"/proc/{pid}").exists()]
    for pid in left:
        os.kill(int(pid), signal.SIGKILL)
    assert (code, left) == (1, [])
    assert list(tmp_path.iterdir()) == []
