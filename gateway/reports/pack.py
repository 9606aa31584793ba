"""The inspector's pack: every report as page and CSV in one ZIP, with the audit log's head and a sum of each file.

It holds no personal data, so that it can be handed to governors and inspectors as it is. The head of the audit log
proves later that what was logged by then has not been changed: ``handbell audit verify --against`` asks for it.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from datetime import datetime

from gateway import audit, chain, context
from gateway.database import Session
from gateway.reports import counting, figures, page, sheets

_READ_ME = """\
What {school} can tell of its messages to families, {period}.

reports.html    everything on one page, to read or to print
*.csv           the same figures, a file a report
SHA256SUMS      sums of these files: sha256sum -c SHA256SUMS

{proof}

No person is named, no number, mailbox or word of a family is in it, and rows of fewer than five people are added up.
"""


async def build(session: Session, gateway: context.Gateway, period: figures.Period) -> bytes:
    """The ZIP; it only reads, so that nothing waits for it. :func:`record` goes with it."""
    now = gateway.now()
    verdict = await gateway.log.verify(session, seen=gateway.mark.kept())
    reports = [await counting.read(session, gateway, name, period) for name in counting.NAMES]
    files = _files(reports, period, school=gateway.settings.school.name, proof=_proof(verdict), made=now)
    return _zipped(files, at=now)


async def record(session: Session, gateway: context.Gateway, period: figures.Period, packed: bytes, *, by: str) -> None:
    """Write into the audit log that a pack was made, with its sum: no other can be passed off as it."""
    facts = {"from": period.first, "until": period.last, "sha256": hashlib.sha256(packed).hexdigest()}
    await gateway.log.record(session, audit.Line("report.packed", "", facts, by), now=gateway.now())


def _files(
    reports: list[figures.Report], period: figures.Period, *, school: str, proof: str, made: datetime
) -> Mapping[str, str]:
    files = {
        "README.txt": _READ_ME.format(school=school, period=period, proof=proof),
        "reports.html": page.html(reports, school=school, period=period, made=made, proof=proof),
        **{f"{report.key}.csv": sheets.csv_of(report) for report in reports},
    }
    sums = (f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in files.items())
    return files | {"SHA256SUMS": "".join(sums)}


def _proof(verdict: chain.Verdict) -> str:
    if verdict.fault:
        return f"THE AUDIT LOG IS BROKEN: {verdict.fault}"
    if not verdict.sealed:
        return "Nothing was in the audit log yet."
    return f"The audit log was whole, {verdict.sealed} lines sealed; its head was {verdict.head}."


def _zipped(files: Mapping[str, str], *, at: datetime) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, at.timetuple()[:6])
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
