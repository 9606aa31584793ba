"""Bounces in prose: of systems that write no report for machines. Which part is the report, whom it names, and why."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from email.message import Message

from channels import mail_parts
from channels.bounces import meaning, signs
from channels.bounces.reports import Recipient

_MOST_LINES, _MOST_CHARACTERS, _MOST_RECIPIENTS = 600, 40_000, 50


def is_daemon(message: Message) -> bool:
    """Whether a mail system sent this, by its From and its return path."""
    sender = mail_parts.header(message, "from")
    path = mail_parts.header(message, "return-path")
    return (
        bool(signs.DAEMON.search(sender))
        or path == "<>"
        or sender in ("<>", "")
        or bool(signs.DAEMON.match(path.strip("<")))
    )


def is_titled(message: Message) -> bool:
    """Whether the subject is one that bounces have; an answer or a forward of a bounce is none."""
    subject = mail_parts.header(message, "subject")
    return bool(signs.SUBJECT.search(subject)) and not signs.ANSWERED.match(subject)


def is_report(message: Message, report: str) -> bool:
    """Whether prose is a bounce: a mail system sent it, and its title, or what it says, is of mail not delivered."""
    if not is_daemon(message):
        return False
    if is_titled(message) or "x-failed-recipients" in message:
        return True
    named = signs.DAEMON.search(mail_parts.header(message, "from"))
    answers = signs.ANSWERED.match(mail_parts.header(message, "subject"))
    return bool(named) and not answers and bool(signs.REPORTING.search(report))


def split(told: str) -> tuple[str, str]:
    """Part the report from the message that came back with it, which may be ``""``."""
    lines = told[:_MOST_CHARACTERS].splitlines()
    for number, line in enumerate(lines):
        if number and (signs.RETURNED.match(line) or _begins_mail(lines, number)):
            return "\n".join(lines[:number][:_MOST_LINES]), "\n".join(lines[number:])
    return "\n".join(lines[:_MOST_LINES]), ""


def _begins_mail(lines: Sequence[str], number: int) -> bool:
    line, following = lines[number], lines[number + 1 : number + 4]
    if signs.TRACE.match(line):
        return True
    run = [one for one in (line, *following) if signs.HEADER.match(one)]
    return (
        bool(signs.HEADER.match(line))
        and len(run) >= 3
        and any(one.lower().startswith(("message-id", "mime-v")) for one in run)
    )


def recipients(
    report: str, *, title: str, named: Sequence[str], not_these: Collection[str], plainly: bool = False
) -> list[Recipient]:
    """Give whom a report in prose is about, and what it says of each.

    ``named`` are addresses that the headers name (``X-Failed-Recipients``); ``not_these`` cannot be meant. ``plainly``
    asks for addresses that have a line of their own.
    """
    lines = report.splitlines() or [""]
    places = dict(_places(lines, not_these, signs.NAMING[: signs.PLAIN] if plainly else signs.NAMING))
    if named:
        places = {address: places.get(address, 0) for address in named}
    found = []
    starts = sorted(places.values())
    for address, start in list(places.items())[:_MOST_RECIPIENTS]:
        later = [one for one in starts if one > start]
        words = "\n".join(lines[start : later[0] if later else len(lines)])
        verdict = _judge(words, report if len(places) == 1 else words, report, title)
        above = _reason_above(lines, start)
        if above and len(places) > 1:
            said = _judge(above, above, report, title)
            verdict = said if said.code not in _SAYING_NOTHING else verdict
        kind, code, stated = verdict
        found.append(Recipient(address, kind, code, final=not _is_warning(title, report), stated=stated))
    return found


_SAYING_NOTHING = ("5.0.0", "5.7.0", "4.0.0")


def _reason_above(lines: Sequence[str], start: int) -> str:
    """The lines right above an address that ends its paragraph: some systems give the reason first."""
    own = mail_parts.ADDRESS.sub("", lines[start]).strip("<>[]()\"' \t:;,.")
    if own or (start + 1 < len(lines) and lines[start + 1].strip()):
        return ""
    begin = start
    while begin and start - begin < 4 and lines[begin - 1].strip():
        begin -= 1
    return "\n".join(lines[begin:start])


def _judge(words: str, more: str, report: str, title: str) -> meaning.Verdict:
    """Judge by the words below the address; where they say nothing, by ``more``, which stands around them."""
    action = "delayed" if _is_warning(title, report) else "failed"
    if more is report and re.search("(?m)^(?:<<<|>>>)", report):
        words = report  # a transcript of the session, in which the refusal stands above the address
    found = meaning.judge("", _without_notice(words), action=action)
    if found.code in _SAYING_NOTHING:
        found = meaning.judge("", f"{_without_notice(more)}\n{title if more is report else ''}", action=action)
    return found


def _is_warning(title: str, report: str) -> bool:
    """Whether the system still tries."""
    if signs.WARNING_TITLE.search(title):
        return not re.search(r"fail(?:ure|ed)", title, re.IGNORECASE)
    found = signs.WARNING.search(report[:3_000])
    return bool(found) and not signs.GIVEN_UP.search(report[:3_000])


def _without_notice(words: str) -> str:
    return signs.NOTICE.sub(" ", words)


def _places(
    lines: Sequence[str], not_these: Collection[str], naming: Sequence[re.Pattern[str]]
) -> Iterator[tuple[str, int]]:
    """Each address that the report is about, and the line where its part begins."""
    for pattern in naming:
        found: dict[str, int] = {}
        for number, line in enumerate(lines):
            line = line[:400]
            # An address with a line of its own is meant, whatever stands above it; "sent by" does, too.
            above = lines[number - 1][-60:] if number and pattern is signs.NAMING[0] else ""
            if (
                signs.NOT_NAMING.search(line.replace("mailto:", ""))
                and "rcpt" not in line.lower()
                and pattern is not signs.NAMING[0]
            ):
                continue
            if signs.NOT_NAMING_NEXT.search(above):
                continue
            for match in pattern.finditer(line):
                address = next(one for one in match.groups() if one).lower().strip("'\"")
                if address not in not_these and not signs.NOBODY.match(address):
                    found.setdefault(address, number)
        if found:
            yield from found.items()
            return
