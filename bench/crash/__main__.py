"""``make crash``: kill everything again and again, count what arrived, and write ``docs/reliability.md``."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import signal
import sys
import tempfile
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
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left running
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    print(f"Seed {seed}: again by python -m bench.crash --seed {seed}", flush=True)
    results = []
    for mode in run.MODES:
        if options.mode.lower() not in mode.name.lower():
            continue
        result = asyncio.run(_one(mode, seed, options.kills // 2, keep=options.keep))
        results.append(result)
        print(page.line(result), flush=True)
        for fault in result.count.faults[:40]:
            print(f"  {fault}", flush=True)
    text = page.section(results)
    print(text)
    if not options.no_page:
        page.write(text)
    sys.exit(0 if all(result.good for result in results) else 1)


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
