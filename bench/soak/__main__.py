"""``make soak``: load a gateway as a trust does, for an hour, and write ``docs/reliability.md``."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from bench.soak import page, run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="for how long")
    parser.add_argument("--families", type=int, default=run.FAMILIES, help="so many messages has each notice")
    parser.add_argument("--every", type=float, default=60.0, help="seconds from one notice to the next")
    parser.add_argument("--sqlite", action="store_true", help="on SQLite; else on a PostgreSQL server of its own")
    parser.add_argument("--no-page", action="store_true", help="leave docs/reliability.md as it is")
    options = parser.parse_args()
    load = run.Load(options.minutes * 60, families=options.families, every=options.every, sqlite=options.sqlite)
    folder = Path(tempfile.mkdtemp(prefix="handbell-soak-"))
    try:
        result = asyncio.run(_soaked(load, folder))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("Stopped; nothing was written.")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(page.section(result))
    if not options.no_page:
        page.write(result)
    sys.exit(1 if result.faults() else 0)


async def _soaked(load: run.Load, folder: Path) -> run.Result:
    whole = asyncio.current_task()
    assert whole is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, whole.cancel)  # so that nothing is left running
    return await run.run(load, folder, say=lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
