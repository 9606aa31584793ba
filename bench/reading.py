"""``python -m bench.reading``: how well incoming mail is read, ours beside the libraries, into ``docs/reading.md``.

The corpora are in the folder that ``HANDBELL_CORPORA`` names, else beside the project. Without them the page is left.
"""

from __future__ import annotations

import email
import importlib
import json
import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email import policy
from email.message import Message
from pathlib import Path
from typing import Any

from channels import mail_explaining, mail_html, mail_parts, quoting

HERE = Path(__file__).resolve().parents[1]
PAGE = HERE / "docs" / "reading.md"
OWN = HERE / "tests" / "channels" / "mails"
_KINDS = {"permanent_address": "permanent", "permanent_not_address": "policy"}

Bounced = Callable[[bytes], Mapping[str, str]]
Trimmed = Callable[[str, bool], str]


@dataclass(frozen=True, slots=True)
class Score:
    """One line of the page: ``right`` of ``all`` for each reader, ours first."""

    name: str
    all: int
    right: Mapping[str, int]


def corpora() -> Path:
    return Path(os.environ.get("HANDBELL_CORPORA") or HERE.parent / "shared" / "corpora")


def scores(*, libraries: bool = True) -> list[Score]:
    """Every line, of the corpora and of the project's own fixtures. Raises FileNotFoundError without the corpora."""
    return [*_bounces(libraries), *_automatic(), *_replies(libraries)]


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


# Bounces


def _bounces(libraries: bool) -> Iterator[Score]:
    readers: dict[str, Bounced] = {"ours": _ours}
    if libraries:
        logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)  # it logs what it stumbles over
        readers |= {"flufl.bounce": _flufl, "standard library": _standard}
    for where, folder in (("corpus", corpora() / "bounces"), ("own fixtures", OWN / "bounces")):
        counts: dict[str, Counter[str]] = {name: Counter() for name in readers}
        every: Counter[str] = Counter()
        for row in _rows(folder / "expected.jsonl"):
            raw = (folder / row["file"]).read_bytes()
            expected = _expected(row)
            _count_expected(row, every)
            for name, reader in readers.items():
                counts[name].update(_judged(reader(raw), expected, row["is_bounce"]))
        for line in sorted(every):
            yield Score(f"bounces, {where}: {line}", every[line], {name: counts[name][line] for name in readers})


def _expected(row: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        str(one["address"]).lower(): (_KINDS.get(one["kind"], str(one["kind"])), str(one.get("level", "must")))
        for one in row["recipients"]
    }


def _count_expected(row: dict[str, Any], every: Counter[str]) -> None:
    for kind, level in _expected(row).values():
        every[f"kind and address, {level}"] += 1
        every["dead addresses found"] += kind == "permanent"
        every["temporary not taken as dead"] += kind == "temporary"
    if row["recipients"]:
        every["mails without a wrong address"] += 1
    elif not row["is_bounce"]:
        every["other mail left alone"] += 1


def _judged(found: Mapping[str, str], expected: Mapping[str, tuple[str, str]], is_bounce: bool) -> Counter[str]:
    right: Counter[str] = Counter()
    for address, (kind, level) in expected.items():
        right[f"kind and address, {level}"] += found.get(address) == kind
        right["dead addresses found"] += kind == "permanent" and found.get(address) == "permanent"
        right["temporary not taken as dead"] += kind == "temporary" and found.get(address) != "permanent"
    if expected:
        right["mails without a wrong address"] += not set(found) - set(expected)
    elif not is_bounce:
        right["other mail left alone"] += not found
    return right


def _ours(raw: bytes) -> Mapping[str, str]:
    recipients: Any = mail_explaining.bounce(raw)["recipients"]
    return {one["address"]: one["kind"] for one in recipients}


def _flufl(raw: bytes) -> Mapping[str, str]:
    try:
        late, dead = importlib.import_module("flufl.bounce").all_failures(email.message_from_bytes(raw))
    except AttributeError:  # it fails on headers with letters beyond ASCII
        return {}
    found = {address.decode("ascii", "replace").lower(): "temporary" for address in late}
    return found | {address.decode("ascii", "replace").lower(): "permanent" for address in dead}


def _standard(raw: bytes) -> Mapping[str, str]:
    """The report's own fields, class 5 as dead: what is had without a rule."""
    found = {}
    for part in email.message_from_bytes(raw, policy=policy.compat32).walk():
        groups = part.get_payload() if part.get_content_type() == "message/delivery-status" else []
        for group in (one for one in groups if isinstance(one, Message)):
            address = mail_parts.first_address(str(group.get("final-recipient", "")).partition(";")[2])
            if address:
                dead = str(group.get("status", "")).strip().startswith("5")
                found[address.lower()] = "permanent" if dead else "temporary"
    return found


# Automatic replies


def _automatic() -> Iterator[Score]:
    folder = corpora() / "auto_replies"
    rows = _rows(folder / "expected.jsonl")
    right = sum(mail_explaining.email((folder / row["file"]).read_bytes())["is_auto"] == row["is_auto"] for row in rows)
    yield Score("automatic or not, corpus", len(rows), {"ours": right})


# Quoted replies


def _replies(libraries: bool) -> Iterator[Score]:
    readers: dict[str, Trimmed] = {
        "ours": lambda text, html: quoting.from_html(text) if html else quoting.new_words(text)
    }
    if libraries:
        readers |= {
            "nothing done": _plain,
            "email-reply-parser": _zapier,
            "mail-parser-reply": _mail_parser,
            "quotequail": _quail,
        }
    sources = [(f"corpus, {level}", _corpus_replies(level)) for level in ("must", "should")]
    for name, rows in [*sources, ("own fixtures", _own_replies())]:
        right = {
            reader: sum(_fits(row, trim(text, html)) for row, text, html in rows) for reader, trim in readers.items()
        }
        yield Score(f"quoted replies, {name}", len(rows), right)


def _corpus_replies(level: str) -> list[tuple[dict[str, Any], str, bool]]:
    folder = corpora() / "email_replies"
    return [(row, *_body(folder, row)) for row in _rows(folder / "expected.jsonl") if row["level"] == level]


def _own_replies() -> list[tuple[dict[str, Any], str, bool]]:
    return [
        ({"check": "equals", "latest_reply": row["reply"]}, row.get("html") or row["text"], "html" in row)
        for row in _rows(OWN / "replies.jsonl")
    ]


def _body(folder: Path, row: dict[str, Any]) -> tuple[str, bool]:
    if "text" in row or "html" in row:
        return row.get("html") or row.get("text") or "", "html" in row
    raw = (folder / row["file"]).read_bytes()
    if not row["format"].startswith("whole"):
        return raw.decode("utf-8", "replace"), "html" in row["format"]
    texts = {
        part.get_content_type(): mail_parts.text(part)
        for part in reversed(list(mail_parts.parts(mail_parts.parse(raw))))
    }
    return (texts["text/plain"], False) if texts.get("text/plain", "").strip() else (texts["text/html"], True)


def _fits(row: dict[str, Any], given: str) -> bool:
    """As the corpus asks for each; white space counts as one space."""
    told = " ".join(given.split())
    wanted = " ".join(str(row.get("latest_reply", "")).split())
    none = all(" ".join(words.split()) not in told for words in row.get("must_not_contain", []))
    match row["check"]:
        case "equals":
            return told == wanted
        case "equals_ignoring_all_whitespace":
            return re.sub(r"\s", "", given) == re.sub(r"\s", "", row["latest_reply_nowhitespace"])
        case "contains":
            return none and all(" ".join(words.split()) in told for words in row["must_contain"])
        case "starts_with_and_not_contains":
            return none and told.startswith(" ".join(row["must_start_with"].split()))
        case _:
            return True


def _plain(text: str, html: bool) -> str:
    return mail_html.to_text(text) if html else text


def _zapier(text: str, html: bool) -> str:
    found: str = importlib.import_module("email_reply_parser").EmailReplyParser.parse_reply(_plain(text, html))
    return found


def _mail_parser(text: str, html: bool) -> str:
    languages = ["en", "de", "fr", "it", "nl", "pl", "sv", "da", "es", "cs", "ja", "ko", "zh", "he"]
    parser = importlib.import_module("mailparser_reply").EmailReplyParser(languages=languages)
    return parser.parse_reply(text=_plain(text, html)) or ""


def _quail(text: str, html: bool) -> str:
    library = importlib.import_module("quotequail")
    if html:
        return mail_html.to_text((library.unwrap_html(text) or {}).get("html_top") or text)
    found = library.unwrap(text)
    return (found or {}).get("text_top", "") if found else text


# The page


def page(every: list[Score]) -> str:
    return f"""# How well incoming mail is read

Written by `python -m bench.reading`; the ratchet in `tests/channels/test_reading_scores.py` holds ours to it.

The corpora are public test sets; *must* is what nobody may get wrong, *should* what a good gateway gets, *either* where
their sources disagree. The rules were written from the documents of mail systems and programs, and with these corpora
in sight: on mail that nobody has seen, expect less. "Own fixtures" are mails that we wrote for systems and languages
that the corpora lack; all of them are right by construction, and they show what the libraries make of the same.

Bounces are read by `channels/bounces`, answers by `channels/quoting`, machines' mail by `channels/auto_replies.py`.
Kinds: *permanent* kills an address; *temporary* and *policy* never do. A mailbox that is full or switched off is
temporary. Where a report names no reason that anybody knows, it is policy: our fault until shown otherwise.

## Bounces

{_table([one for one in every if one.name.startswith("bounces")])}
flufl.bounce and the standard library know no *policy*: their "kind and address" can only be right for the rest.

## Automatic replies

{_table([one for one in every if one.name.startswith("automatic")])}
## Quoted replies

{_table([one for one in every if one.name.startswith("quoted")])}
HTML was turned into text by ours before it went to a library that reads text alone.
"""


def _table(lines: list[Score]) -> str:
    names = list(lines[0].right)
    head = f"| | of | {' | '.join(names)} |\n|---|{'---:|' * (len(names) + 1)}\n"
    return head + "".join(
        f"| {one.name} | {one.all} | {' | '.join(str(one.right[name]) for name in names)} |\n" for one in lines
    )


def main() -> None:
    if not (corpora() / "bounces").is_dir():
        print("The corpora are not on this machine (see HANDBELL_CORPORA): the page is left as it is.")
        return
    text = page(scores())
    PAGE.write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
