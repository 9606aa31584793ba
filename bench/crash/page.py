"""The section of ``docs/reliability.md`` that ``make crash`` writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.crash import run
from channels.base import Medium

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- begin: make crash -->", "<!-- end: make crash -->"
_COLUMNS = {
    "": "---",
    "seed": "---:",
    "kills (gateway, provider, database)": "---",
    "texts": "---:",
    "emails": "---:",
    "calls": "---:",
    "lost": "---:",
    "doubled": "---:",
    "mails twice": "---:",
    "in doubt": "---",
    "books": "---",
    "lasted": "---:",
}
_HEAD = "# Reliability\n\nEach section is written by the command that it names, and by nothing else.\n"


def line(result: run.Result) -> str:
    """One line for the screen."""
    count = result.count
    return (
        f"{result.mode.name}: {result.kills.total()} kills {dict(result.kills)}, {count.messages.total()} messages, "
        f"lost {count.lost}, doubled {count.doubled}, copies of mails {count.copies}, "
        f"in doubt {dict(count.in_doubt)} (of which {count.in_doubt_got} had come), faults {len(count.faults)}, "
        f"ended by itself {result.ended}, {result.suffered:.0f} s and {result.rested:.0f} s of rest"
    )


def section(rows: Mapping[str, str]) -> str:
    """The section, as Markdown. ``rows`` are the lines of the table by their modes."""
    table = "\n".join(rows[mode.name] for mode in run.MODES if mode.name in rows)
    return f"""## Killed again and again

Written by `make crash`, mode by mode; `python -m bench.crash --seed N --mode TEXT` draws the same kills, faults and
notices again.

Real gateways (`handbell run`) send texts, emails and calls to a simulated provider in a process of its own, which takes
requests and cuts the line, hangs, answers 5xx after taking them, answers 429 or garbage, lets its lists lag behind, and
gives receipts late, twice, in the wrong order or never. All the while somebody is killed by SIGKILL: a gateway (mostly
between a provider's call and the commit about it), all of them, the provider, or PostgreSQL with all its processes; it
is started again at once. At the end it is counted from the provider's own journal what each phone and mailbox got.

{_line(_COLUMNS)}
{_line(_COLUMNS.values())}
{table}

*Mails twice*: no mail server can be asked what it took, so an emergency's email in doubt goes again, and bears the same
Message-ID. *In doubt*: texts, emails and calls given up as `in_doubt` for staff to decide (in brackets: how many of
them had come); `handbell notice show` counts them, `handbell message show` tells why.
*Books*: the audit chain verifies, and each message's last state agrees with what its phone got.
"""


def rows(text: str) -> dict[str, str]:
    """The lines of the table in a page, by their modes; those of another table than ours are left out."""
    table = [line for line in text.partition(BEGIN)[2].partition(END)[0].splitlines() if line.startswith("| ")]
    named = {line.split("|")[1].strip(): line for line in table if line.count("|") == len(_COLUMNS) + 1}
    return {mode.name: named[mode.name] for mode in run.MODES if mode.name in named}


def row(result: run.Result) -> str:
    """The line of one mode."""
    count, kills = result.count, result.kills
    doubt = ", ".join(str(count.in_doubt[medium]) for medium in (Medium.SMS, Medium.EMAIL, Medium.VOICE))
    cells = [
        result.mode.name,
        str(result.seed),
        f"{kills['gateway']}, {kills['world']}, {kills['database']}",
        *(str(count.messages[medium]) for medium in (Medium.SMS, Medium.EMAIL, Medium.VOICE)),
        f"**{count.lost}**",
        f"**{count.doubled}**",
        str(count.copies),
        f"{doubt} ({count.in_doubt_got})",
        "good" if not count.faults else f"**{len(count.faults)} faults**",
        f"{(result.suffered + result.rested) / 60:.0f} min",
    ]
    return _line(cells)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write(result: run.Result, file: Path = PAGE) -> None:
    """Put one mode's line into the page at once, in place of the one before; what others wrote there stays."""
    whole = file.read_text("utf-8") if file.exists() else _HEAD
    before, found, rest = whole.partition(BEGIN)
    after = rest.partition(END)[2] if found else "\n"
    text = section(rows(whole) | {result.mode.name: row(result)})
    file.write_text(f"{before.rstrip()}\n\n{BEGIN}\n{text.rstrip()}\n{END}{after}", "utf-8")
