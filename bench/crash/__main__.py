"""``make crash``: kill everything again and again, count what arrived, and write ``docs/reliability.md``."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from bench.crash import page, run

KILLS = 200  #: in each mode


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    parser.add_argument("--seed", type=int, help="which kills, faults and notices; without it a new one")
    parser.add_argument("--kills", type=int, default=KILLS, help="in each mode, half of them called back, half polled")
    parser.add_argument("--mode", type=str, default="", help="only the modes whose name holds this, such as SQLite")
    parser.add_argument("--keep", action="store_true", help="keep the folders, with their logs and databases")
    parser.add_argument("--no-page", action="store_true", help="leave docs/reliability.md as it is")
    options = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    print(f"Seed {seed}: again by python -m bench.crash --seed {seed}", flush=True)
    modes = [mode for mode in run.MODES if options.mode.lower() in mode.name.lower()]
    try:
        results = asyncio.run(_all(modes, seed, options))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("Stopped. What was done by then stands in the page.")
    print(page.section({result.mode.name: page.row(result) for result in results}))
    sys.exit(0 if len(results) == len(modes) and all(result.good for result in results) else 1)


async def _all(modes: Sequence[run.Mode], seed: int, options: argparse.Namespace) -> list[run.Result]:
    """One mode after another, on an otherwise idle machine. Each is kept as soon as it is there."""
    whole = asyncio.current_task()
    assert whole is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, whole.cancel)  # so that nothing is left running
    results = []
    for mode in modes:
        try:
            result = await _one(mode, seed, options.kills // 2, keep=options.keep)
        except Exception:  # the laboratory's own trouble; the other modes have theirs
            print(f"{mode.name}:\n{traceback.format_exc()}", flush=True)
            continue
        results.append(result)
        print(page.line(result), flush=True)
        for fault in result.count.faults[:40]:
            print(f"  {fault}", flush=True)
        if not options.no_page:
            page.write(result)
    return results


async def _one(mode: run.Mode, seed: int, kills: int, *, keep: bool) -> run.Result:
    folder = Path(tempfile.mkdtemp(prefix="handbell-crash-"))
    if keep:
        print(f"{mode.name}: {folder}", flush=True)
    try:
        return await run.run(mode, seed=seed, kills=kills, folder=folder)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
