"""``python -m bench [names] [--quick]``: measure, print, and write ``docs/benchmarks.md``.

Each part is a module ``bench/NAME.py`` with ``async def section(*, quick: bool) -> str``, which gives its piece of the
page. It runs in a process of its own, so that no part measures the memory and the caches of the one before it. Pieces
of parts that do not run, or fail, stay as they are.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from gateway import wiring

#: Every part in the order of the page, with the most seconds that it may take: short form, whole form.
PARTS: Mapping[str, tuple[int, int]] = {
    "texts": (120, 900),
    "email": (120, 900),
    "planning": (180, 1800),
    "urgency": (240, 900),
    "inbound": (180, 900),
    "growth": (300, 2400),
    "replies": (60, 120),
    "footprint": (120, 300),
    "pages": (300, 900),
    "trust": (400, 2400),
    "peers": (1200, 2400),
}
ON_REQUEST = {"peers"}  #: installs other programs: ``make bench-peers``
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
ELSEWHERE = {"trust": PAGE.with_name("scaling.md")}  #: parts whose piece stands on another page, among what it means
_PIECE = re.compile(r"<!-- bench (\w+) -->\n(.*?)<!-- end \1 -->\n", re.DOTALL)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, and write docs/benchmarks.md.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"which parts: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="a short form that shows whether it works; writes no page")
    parser.add_argument("--write", action="store_true", help="write the page after a short form too")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in PARTS]:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    names = [name for name in PARTS if name in asked.names or (not asked.names and name not in ON_REQUEST)]
    failed = []
    for number, name in enumerate(names, start=1):
        print(f"[{number}/{len(names)}] {name}", flush=True)
        piece = measured(name, quick=asked.quick)
        if piece is None:
            failed.append(name)
            continue
        print(f"\n{piece}", flush=True)
        if name in ELSEWHERE and (asked.write or not asked.quick):
            ELSEWHERE[name].write_text(put(ELSEWHERE[name].read_text("utf-8"), name, piece), "utf-8")
        elif asked.write or not asked.quick:
            PAGE.write_text(page(pieces(PAGE.read_text("utf-8")) | {name: piece}), "utf-8")
    if failed:
        print(f"Nothing was measured of: {', '.join(failed)}. What the page says of it is what it said before.")
    return 1 if failed else 0


def measured(name: str, *, quick: bool) -> str | None:
    """Run one part in a process of its own. None where it failed or took too long; its own words say why."""
    allowed = PARTS[name][0 if quick else 1]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="handbell-bench-") as folder:
        written = Path(folder) / "piece.md"
        command = [sys.executable, "-c", "from bench import __main__ as m; m.run_here()", name, str(written)]
        with subprocess.Popen([*command, *(["quick"] if quick else [])], start_new_session=True) as child:
            try:
                child.wait(allowed)
            except subprocess.TimeoutExpired:
                print(f"{name} took longer than {allowed} s and was stopped.")
            finally:
                _end_group(child)
        if child.returncode or not written.exists():
            return None
        return f"{written.read_text('utf-8').strip()}\n\n{footer(time.monotonic() - begun, quick=quick)}\n"


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End whatever a part has left behind: sinks, daemons and servers that it started."""
    try:
        os.killpg(child.pid, signal.SIGTERM)
        child.wait(20)
    except ProcessLookupError:
        pass
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def run_here() -> None:
    """Measure one part in this process: ``name file [quick]`` on the command line."""
    name, written, *rest = sys.argv[1:]
    Path(written).write_text(uvloop.run(_section(name, quick=bool(rest))), "utf-8")


async def _section(name: str, *, quick: bool) -> str:
    """Measure; when told to end, close what was opened: a server of one's own would outlive us."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    section = importlib.import_module(f"bench.{name}").section
    gc.collect()  # as the daemon does at its start, for all sides alike
    gc.freeze()
    gc.set_threshold(*wiring.COLLECTED)
    piece: str = await section(quick=quick)
    return piece


def footer(seconds: float, *, quick: bool) -> str:
    """Where, when and how the figures above it were measured."""
    form = "short form" if quick else "whole form"
    when = datetime.now(UTC).strftime("%d %B %Y").lstrip("0")
    return f"<sub>{form}, {seconds:.0f} s, {when}, {machine()}</sub>\n"


def machine() -> str:
    """What it ran on, in a few words."""
    return f"{os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}"


def pieces(text: str) -> dict[str, str]:
    """The pieces of a page by name."""
    return {found[1]: found[2] for found in _PIECE.finditer(text)}


def put(text: str, name: str, piece: str) -> str:
    """A page with another piece of this name."""
    start, end = f"<!-- bench {name} -->\n", f"<!-- end {name} -->\n"
    before, _, rest = text.partition(start)
    return before + start + piece + end + rest.partition(end)[2]


def page(known: Mapping[str, str]) -> str:
    """The whole page from its pieces."""
    body = "\n".join(f"<!-- bench {name} -->\n{known[name]}<!-- end {name} -->\n" for name in PARTS if name in known)
    return f"""# Benchmarks

Written by `make bench` and, where other programs are compared, by `make bench-peers`; `python -m bench NAME` measures
one part again. Figures a second belong to one machine and one minute. A ratio is taken within one round, in which both
sides ran one after the other, and is shown as the median of all rounds with the lowest and the highest; so it can be
compared with another machine's. Under each part stands when and on what it was measured. What the project asks of
itself stands beside the figure, and where it is missed the page says so.

{body}"""


if __name__ == "__main__":
    sys.exit(main())
