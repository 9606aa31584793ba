"""``make fuzz``: every reader of :mod:`support.fuzzing` again and again, with figures for ``docs/reliability.md``.

Each in a process of its own, so that the memory of one is not the next one's. A fault ends it, with what was sent.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import hypothesis
from hypothesis import HealthCheck
from support import fuzzing

PAGE: Final = Path(__file__).parents[1] / "docs" / "reliability.md"
BEGIN, END = "<!-- begin: make fuzz -->", "<!-- end: make fuzz -->"


def run(name: str, *, examples: int, seed: int) -> dict[str, Any]:
    """Feed one reader: how often, the longest that it took in ms, and by how many MB the process grew at most."""
    target, longest, count = fuzzing.TARGETS[name], 0.0, 0
    with tempfile.TemporaryDirectory() as folder:

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @hypothesis.given(target.made)
        def feed(sent: bytes) -> None:
            nonlocal longest, count
            begun = time.perf_counter()
            target.feed(sent, Path(folder))
            longest, count = max(longest, time.perf_counter() - begun), count + 1

        target.feed(b"", Path(folder))  # what is loaded once is not the reader's
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        feed()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"name": name, "examples": count, "ms": longest * 1000, "mb": grown / 1024}


def section(found: Mapping[str, Mapping[str, Any]], *, seed: int) -> str:
    """The section of the page, as Markdown."""
    rows = [
        f"| {name} | {one['examples']:,} | {one['ms']:,.0f} | {one['mb']:,.0f} | none |" for name, one in found.items()
    ]
    table = "\n".join(rows)
    return f"""{BEGIN}
## Whatever is sent

Written by `make fuzz`; `make fuzz EXAMPLES=N SEED={seed}` draws the same again. Something whole, damaged in up to four
places (cut, with bytes that are no text, thousands of brackets or digits, entities, line ends), or noise, is read to
its end or refused with a sentence. `tests/gateway/test_fuzz.py` does a little of it each time; to a running site
`tests/web/test_schemathesis.py` does the like by the API, `test_page_fuzz.py` on the pages and `test_hook_fuzz.py` by
the webhooks, signed and not.

| what | examples | longest, ms | grown by at most, MB | faults |
| --- | ---: | ---: | ---: | --- |
{table}

The time is one example's, on a machine that does other things as well; memory is what the whole process grew by, with
all that the examples themselves take.
{END}"""


def write(text: str, file: Path = PAGE) -> None:
    """Put the section in the place of the one before; what others wrote there stays."""
    before, found, rest = file.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2] if found else "\n"
    file.write_text(f"{before.rstrip()}\n\n{text}{after}", "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--examples", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one", choices=fuzzing.TARGETS, help="this one alone, here, and nothing is written")
    asked = parser.parse_args()
    if asked.one:
        sys.stdout.write(json.dumps(run(asked.one, examples=asked.examples, seed=asked.seed)))
        return 0
    found = dict[str, Any]()
    for name in fuzzing.TARGETS:
        again = [sys.executable, __file__, "--one", name, f"--examples={asked.examples}", f"--seed={asked.seed}"]
        done = subprocess.run(again, stdout=subprocess.PIPE, check=False)  # what is wrong is on the screen
        if done.returncode:
            return done.returncode
        found[name] = json.loads(done.stdout)
        took = f"{found[name]['ms']:.0f} ms, {found[name]['mb']:.0f} MB"
        sys.stdout.write(f"{name}: {found[name]['examples']} examples, longest {took}\n")
    write(section(found, seed=asked.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
