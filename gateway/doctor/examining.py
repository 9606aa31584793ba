"""Everything that is looked at, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from gateway import context
from gateway.doctor import books, keeping, machine, school, ways_back, ways_out
from gateway.doctor.findings import Finding


async def examine(
    gateway: context.Gateway, *, secret_files: Sequence[Path] = (), providers: bool = True
) -> list[Finding]:
    """Look at everything. ``secret_files`` are the files and folders that may hold secrets.

    Without ``providers`` nobody outside is asked: their channels are in use in a process that sends, and to ask is to
    open and to close them.
    """
    findings = [*machine.packages(metadata.packages_distributions()), *machine.timezone(gateway)]
    findings += machine.disk(gateway)
    reachable = await books.reachable(gateway)
    findings += reachable
    if all(finding.state != "bad" for finding in reachable):
        findings += [*await books.walls(gateway), *await books.clock(gateway), *await books.chain(gateway)]
        findings += [*await keeping.guards(gateway), *await keeping.clocks(gateway), *await keeping.copied(gateway)]
        findings += await ways_out.senders(gateway)
        findings += [*await ways_back.looks(gateway), *await school.voice_messages(gateway)]
        findings += await school.calendar(gateway)
    if providers:
        findings += [finding async for finding in ways_out.channels(gateway)]
        findings += [await ways_out.answers(receiver.name, receiver) for receiver in gateway.receivers]
    findings += [*ways_back.ways(gateway), *machine.key(gateway), *machine.files(gateway, secret_files)]
    findings += [*school.words_in_use(gateway), *school.absence(gateway), *school.phone_line(gateway)]
    findings += [*school.desk(gateway), *(await school.translation(gateway) if providers else [])]
    findings += [Finding("settings", "warn", sentence) for sentence in gateway.settings.warnings()]
    return findings
