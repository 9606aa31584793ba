"""A trust's settings: what is common to all schools, and one file for each of them, ``schools/oakfield.toml``.

A school's credentials begin with its key: ``oakfield.twilio.auth_token``. What is not given for the school is the
trust's; what must never be shared (the audit's key, the numbers, the addresses) is looked after here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from config import problems, sources

if TYPE_CHECKING:
    from config.settings import Settings

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


def keys(common: Settings) -> list[str]:
    """The keys of the schools that have a file.

    Raises :class:`problems.ConfigError` where the folder cannot be read, or a file's name can be no key.
    """
    folder = common.trust.schools
    if folder is None:
        return []
    try:
        found = sorted(file.stem for file in folder.iterdir() if file.suffix == ".toml")
    except OSError as error:
        raise problems.ConfigError([f"trust.schools: {folder} cannot be read: {error.strerror}."]) from None
    wrong = [_not_a_key(key) for key in found if not _KEY.fullmatch(key)]
    if wrong:
        raise problems.ConfigError(wrong)
    return found


def lay_over(
    found: sources.Found,
    common: Settings,
    school: str,
    *,
    environ: Mapping[str, str],
    credentials: Path | None,
    names: Collection[str],
) -> None:
    """Lay what is a school's own over what is common.

    Raises :class:`problems.ConfigError`.
    """
    if common.trust.schools is None:
        raise problems.ConfigError(["trust.schools is not set: this installation has one school. Leave out --school."])
    if not _KEY.fullmatch(school) or school in names:  # or credentials of a section could be taken for its own
        raise problems.ConfigError([_not_a_key(school)])
    if not common.database.url.startswith("postgresql"):
        what = "database.url is no PostgreSQL: SQLite is for one school, and trust.schools names several."
        raise problems.ConfigError([what])
    file = common.trust.schools / f"{school}.toml"
    if not file.exists():
        there = ", ".join(keys(common)) or "none yet"
        raise problems.ConfigError([f"There is no school {school}: no file {file}. There are: {there}."])
    if ("audit", "key") in found.places:
        what = "audit.key is given for all schools, and each needs its own"
        raise problems.ConfigError([f"{what}: write it into the credential {school}.audit.key instead."])
    # A folder is a school's own unless its file says where; translations that were checked are for all.
    found.put(("database", "state_dir"), str(common.database.state_dir / "schools" / school), f"for school {school}")
    if common.languages.folder is None:
        found.put(("languages", "folder"), str(common.database.state_dir / "words"), "for all schools")
    sources.read_school(found, file, school, environ=environ, credentials=credentials, names=names)


def clashes(schools: Mapping[str, Settings]) -> list[str]:
    """Give a sentence for everything that two schools have in common and must not: an answer would reach the wrong one.

    ``schools`` are by key.
    """
    held: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, settings in schools.items():
        for what, value in _own(settings):
            held[what, value].append(key)
    shared = [
        f"{' and '.join(keys)} have the same {what}: give each school its own."
        for (what, _), keys in held.items()
        if len(keys) > 1
    ]
    folders = {settings.languages.folder for settings in schools.values()}
    if len(folders) > 1:
        shared.append("languages.folder differs between schools: checked translations are the whole trust's.")
    shared += [
        f"practice.enabled of {key}: practise with one school." for key in schools if schools[key].practice.enabled
    ]
    return shared + [
        f"web.{name} of {key} has a path: each school of a trust needs a host name of its own."
        for key, settings in schools.items()
        for name in ("office_url", "public_base_url")
        if urlsplit(getattr(settings.web, name)).path.strip("/")
    ]


def hosts(settings: Settings) -> set[str]:
    """The host names by which a school is called, in small letters, with a port that is not the usual one."""
    web = settings.web
    return {urlsplit(url).netloc.lower() for url in (web.office_url, web.public_base_url) if url}


def numbers(settings: Settings) -> set[str]:
    """The numbers that are a school's own. A name (“Oakfield”) is none: it takes no answers."""
    voice = (one.address for one in settings.twilio.voice_senders)
    return {number for number in (*settings.text_senders, *voice, *settings.rung_numbers) if number.startswith("+")}


def _own(settings: Settings) -> Iterator[tuple[str, str]]:
    yield from (("host name in web.office_url or web.public_base_url", host) for host in hosts(settings))
    yield from (("number", number) for number in numbers(settings))
    yield "database.state_dir", str(settings.database.state_dir)
    yield "audit.key", settings.audit.key.get_secret_value()
    if settings.mail_in.mode == "lmtp":
        mail = settings.mail_in
        yield (
            "place in mail_in where the mail server hands over",
            str(mail.lmtp_socket or (mail.lmtp_host, mail.lmtp_port)),
        )
    if settings.mail_in.mode == "imap":
        yield "mailbox in mail_in", f"{settings.mail_in.username}@{settings.mail_in.host}"


def _not_a_key(key: str) -> str:
    return f"“{key}” can be no school's key: small letters, digits and _, and no section's name. Such as: oakfield."
