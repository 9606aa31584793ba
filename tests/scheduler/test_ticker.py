"""The ticker on a real event loop; no test looks at how long anything took."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

import pytest
from apscheduler.schedulers import base
from apscheduler.triggers import interval

from scheduler import ticker

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Errors(list[tuple[str, Exception]]):
    def note(self, name: str, error: Exception) -> None:
        self.append((name, error))


@pytest.fixture
def errors() -> Errors:
    return Errors()


@pytest.fixture
async def ticking(errors: Errors) -> AsyncIterator[ticker.Ticker]:
    made = ticker.Ticker(on_error=errors.note, now=lambda: NOON, jitter_s=0.01)
    yield made
    await made.stop()


async def reach(counts: list[int], wanted: int) -> None:
    while len(counts) < wanted:
        await asyncio.sleep(0.005)


async def test_a_job_runs_again_and_again_and_its_last_good_run_is_known(ticking: ticker.Ticker) -> None:
    runs: list[int] = []

    async def job() -> None:
        runs.append(1)

    ticking.every(0.01, "plan", job)
    assert ticking.last_run == {}
    ticking.start()
    await reach(runs, 3)
    assert ticking.last_run == {"plan": NOON}


async def test_a_job_may_be_added_while_the_ticker_runs(ticking: ticker.Ticker) -> None:
    runs: list[int] = []

    async def job() -> None:
        runs.append(1)

    ticking.start()
    ticking.every(0.01, "plan", job)
    await reach(runs, 1)


async def test_an_exception_is_told_and_logged_and_stops_nothing(
    ticking: ticker.Ticker, errors: Errors, caplog: pytest.LogCaptureFixture
) -> None:
    bad: list[int] = []
    good: list[int] = []

    async def fail() -> None:
        bad.append(1)
        raise ZeroDivisionError("by nought")

    async def work() -> None:
        good.append(1)

    ticking.every(0.01, "fail", fail)
    ticking.every(0.01, "work", work)
    ticking.start()
    await reach(bad, 3)
    await reach(good, 3)
    await ticking.stop()
    assert len(errors) == len(bad)
    assert {(name, type(error)) for name, error in errors} == {("fail", ZeroDivisionError)}
    assert "fail" not in ticking.last_run
    failures = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.name for record in failures] == ["handbell.ticker"] * len(bad)
    assert all(record.exc_info for record in failures)


async def test_one_run_at_a_time_and_missed_runs_are_made_up_once(ticking: ticker.Ticker) -> None:
    release = asyncio.Event()
    started: list[int] = []
    other: list[int] = []

    async def slow() -> None:
        started.append(1)
        await release.wait()

    async def quick() -> None:
        other.append(1)

    ticking.every(0.01, "slow", slow)
    ticking.every(0.01, "quick", quick)
    ticking.start()
    await reach(other, 10)
    assert len(started) == 1
    release.set()
    await reach(started, 2)


async def test_stop_waits_for_the_run_under_way_and_starts_no_other(ticking: ticker.Ticker) -> None:
    release = asyncio.Event()
    started: list[int] = []
    ended: list[int] = []

    async def job() -> None:
        started.append(1)
        await release.wait()
        await asyncio.sleep(0)
        ended.append(1)

    ticking.every(0.01, "slow", job)
    ticking.start()
    await reach(started, 1)
    stopping = asyncio.create_task(ticking.stop())
    await asyncio.sleep(0.03)
    assert not stopping.done()
    release.set()
    await stopping
    assert (len(started), len(ended)) == (1, 1)
    await asyncio.sleep(0.03)
    assert len(started) == 1
    await ticking.stop()


async def test_stop_at_once_cuts_off_what_hangs(ticking: ticker.Ticker, caplog: pytest.LogCaptureFixture) -> None:
    started: list[int] = []
    cut_off: list[int] = []

    async def job() -> None:
        started.append(1)
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.append(1)

    ticking.every(0.01, "hanging", job)
    ticking.start()
    await reach(started, 1)
    await ticking.stop(at_once=True)
    assert (started, cut_off) == ([1], [1])
    assert [record.getMessage() for record in caplog.records] == ["ticker.job_cut_off: hanging"]
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_two_who_stop_it_at_once_both_wait_and_end_it_once(
    ticking: ticker.Ticker, caplog: pytest.LogCaptureFixture
) -> None:
    release, started, ended = asyncio.Event(), list[int](), list[int]()

    async def job() -> None:
        started.append(1)
        await release.wait()
        ended.append(1)

    ticking.every(0.01, "slow", job)
    ticking.start()
    await reach(started, 1)
    stopping = [asyncio.create_task(ticking.stop()) for _ in range(2)]
    await asyncio.sleep(0.03)
    assert [one.done() for one in stopping] == [False, False]
    release.set()
    await asyncio.gather(*stopping)
    await asyncio.sleep(0.03)
    assert ended == [1]
    assert caplog.records == []


async def test_stop_just_after_start_leaves_nothing_running(ticking: ticker.Ticker) -> None:
    runs: list[int] = []

    async def job() -> None:
        runs.append(1)

    ticking.every(0.001, "plan", job)
    ticking.start()
    await ticking.stop()
    count = len(runs)
    await asyncio.sleep(0.02)
    assert len(runs) == count
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_the_libraries_own_chatter_is_silent(ticking: ticker.Ticker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    runs: list[int] = []

    async def job() -> None:
        runs.append(1)

    ticking.every(0.01, "plan", job)
    ticking.start()
    await reach(runs, 2)
    await ticking.stop()
    assert not [record for record in caplog.records if record.name.startswith("apscheduler")]


async def test_names_are_taken_once_and_intervals_are_positive(ticking: ticker.Ticker) -> None:
    async def job() -> None:
        return

    ticking.every(1, "plan", job)
    with pytest.raises(ValueError, match="called plan already"):
        ticking.every(1, "plan", job)
    with pytest.raises(ValueError, match="more than 0 seconds"):
        ticking.every(0, "never", job)


async def test_a_job_can_be_asked_for_before_its_time(ticking: ticker.Ticker) -> None:
    runs: list[int] = []

    async def job() -> None:
        runs.append(1)

    ticking.every(3600, "plan", job)
    ticking.soon("plan")  # not started: nothing runs yet, and nothing is broken by it
    ticking.soon("unknown")
    ticking.start()
    await reach(runs, 1)  # its first run comes at once
    ticking.soon("plan")
    await reach(runs, 2)


async def test_a_first_run_whose_moment_passed_before_the_start_comes_at_the_start(ticking: ticker.Ticker) -> None:
    runs: list[int] = []

    async def job() -> None:
        runs.append(1)

    ticking.every(3600, "plan", job)
    await asyncio.sleep(0.05)  # longer than first runs are spread over
    ticking.start()
    await reach(runs, 1)


async def test_a_job_that_is_asked_for_while_it_runs_runs_once_more(ticking: ticker.Ticker) -> None:
    runs: list[int] = []
    release = asyncio.Event()

    async def job() -> None:
        runs.append(1)
        await release.wait()

    ticking.every(3600, "plan", job)
    ticking.start()
    await reach(runs, 1)
    for _ in range(3):
        ticking.soon("plan")
        await asyncio.sleep(0.01)
    assert len(runs) == 1
    release.set()
    await reach(runs, 2)
    await asyncio.sleep(0.05)
    assert len(runs) == 2, "three times asked is once more"


async def test_a_clock_that_is_set_back_keeps_no_job_waiting(
    ticking: ticker.Ticker, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_back = timedelta(0)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) - set_back

    for module in (ticker, base, interval):
        monkeypatch.setattr(module, "datetime", Clock)
    monkeypatch.setattr(ticker, "_CLOCK_SECONDS", 0.05)
    runs: list[int] = []

    async def job() -> None:
        runs.append(1)

    ticking.every(0.01, "job", job)
    ticking.start()
    async with asyncio.timeout(30):
        await reach(runs, 3)
        set_back = timedelta(hours=1)
        await reach(runs, len(runs) + 5)


async def test_a_run_knows_whose_it_is_whoever_woke_it(ticking: ticker.Ticker) -> None:
    """Two schools of one process share the journal: a line of a job has the key of the school that the job is of."""
    whose: contextvars.ContextVar[str] = contextvars.ContextVar("whose", default="")
    seen: list[str] = []

    async def job() -> None:
        seen.append(whose.get())

    async def set_up() -> None:
        whose.set("oakfield")
        ticking.every(3600, "plan", job)
        ticking.start()

    async def wake() -> None:
        whose.set("beechwood")
        ticking.soon("plan")

    await asyncio.create_task(set_up())
    while not seen:
        await asyncio.sleep(0.005)
    await asyncio.create_task(wake())
    while len(seen) < 2:
        await asyncio.sleep(0.005)
    assert seen == ["oakfield", "oakfield"]
