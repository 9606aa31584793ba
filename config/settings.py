"""One frozen object with every setting: defaults, then the file, then the environment, then systemd credentials.

The environment spells a setting ``HANDBELL_SECTION__KEY``, with two underscores between the parts, as keys hold single
ones: ``HANDBELL_TWILIO__AUTH_TOKEN``. A credential is a file named ``section.key`` in ``$CREDENTIALS_DIRECTORY``. There
is no way to give a setting on the command line, where every account of the machine could read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError

from config import checks, problems, sections, shape, sources, trust, values

ConfigError = problems.ConfigError
Role = Literal["web", "sender", "clock"]


class Settings(values.Section):
    """All settings. Build one by :func:`load`; tests may build one by hand, which skips the checks across sections."""

    school: sections.School = sections.School()
    database: sections.Database = sections.Database()
    trust: sections.Trust = sections.Trust()
    web: sections.Web = sections.Web()
    staff: sections.Staff = sections.Staff()
    twilio: sections.Twilio = sections.Twilio()
    notify: sections.Notify = sections.Notify()
    smtp: sections.Smtp = sections.Smtp()
    mail_in: sections.MailIn = sections.MailIn()
    oauth: sections.OAuth = sections.OAuth()
    sending: sections.Sending = sections.Sending()
    quiet: sections.Quiet = sections.Quiet()
    load: sections.Load = sections.Load()
    answers: sections.Answers = sections.Answers()
    desk: sections.Desk = sections.Desk()
    calendar: sections.Calendar = sections.Calendar()
    events: sections.Events = sections.Events()
    absence: sections.Absence = sections.Absence()
    emergency: sections.Emergency = sections.Emergency()
    good_news: sections.GoodNews = sections.GoodNews()
    retention: sections.Retention = sections.Retention()
    freshness: sections.Freshness = sections.Freshness()
    phone_line: sections.PhoneLine = sections.PhoneLine()
    costs: sections.Costs = sections.Costs()
    languages: sections.Languages = sections.Languages()
    translation: sections.Translation = sections.Translation()
    audit: sections.Audit = sections.Audit()
    backup: sections.Backup = sections.Backup()
    practice: sections.Practice = sections.Practice()
    log: sections.Log = sections.Log()
    roles: Annotated[tuple[Role, ...], values.Listed, values.Distinct] = Field(
        default=("web", "sender", "clock"),
        description="What this process does: web (pages, webhooks), sender, clock (planning)",
    )

    _file_secrets: tuple[str, ...] = PrivateAttr(default=())
    _origins: dict[str, str] = PrivateAttr(default_factory=dict[str, str])
    _school: str = PrivateAttr(default="")

    @property
    def school_key(self) -> str:
        """Which school of a trust this is, by the name of its file; ``""`` for the only one of an installation."""
        return self._school

    @property
    def calendar_file(self) -> Path | None:
        """The school's calendar, by either name."""
        return self.calendar.file or self.absence.calendar

    @property
    def text_senders(self) -> tuple[str, ...]:
        """Every number and name that texts go out as."""
        return (*(sender.address for sender in self.twilio.sms_senders), *self.notify.senders())

    @property
    def own_addresses(self) -> frozenset[str]:
        """Numbers and mailboxes that are the school's and its staff's own, as far as the settings name them."""
        voice = (one.address for one in self.twilio.voice_senders)
        phones = (*self.text_senders, *voice, *self.rung_numbers, self.phone_line.office_number)
        mail = (self.smtp.from_address, self.notify.email_address, *self.mail_in.addresses, *self.audit.publish_to)
        return frozenset(one for one in (*phones, *mail, *self.absence.alert_numbers) if one)

    @property
    def rung_numbers(self) -> tuple[str, ...]:
        """The numbers that families ring; none where the phone line is off."""
        if not self.phone_line.enabled:
            return ()
        return self.phone_line.numbers or tuple(sender.address for sender in self.twilio.voice_senders)

    def warnings(self) -> list[str]:
        """Say what will work, but not as somebody may expect: sentences for ``handbell doctor``."""
        return checks.warnings(self, file_secrets=self._file_secrets)

    def origin(self, key: str) -> str:
        """Say where a setting was written, by its dotted key: "in handbell.toml line 7"; ``""`` for a default."""
        return self._origins.get(key.partition("[")[0], "")

    def redacted(self) -> dict[str, Any]:
        """Give every setting as JSON-able values, with stars in place of each secret."""
        return self.model_dump(mode="json")


def load(path: Path | None, *, environ: Mapping[str, str], credentials: Path | None, school: str = "") -> Settings:
    """Read the settings from all their sources, the later ones winning.

    ``path`` is the TOML file, or None for none. ``credentials`` is systemd's ``$CREDENTIALS_DIRECTORY``, or None.
    ``school`` is the key of one of a trust's schools, whose own file lies over the common one. Without it, the common
    settings of a trust are given as they are: they need not be enough for any school.
    Raises :class:`ConfigError` with every problem at once, each a sentence that names the place and the cure.
    """
    names = frozenset(Settings.model_fields)
    found = sources.read(path, environ=environ, credentials=credentials, names=names)
    common = _validated(found)
    if school:
        trust.lay_over(found, common, school, environ=environ, credentials=credentials, names=names)
    settings = _validated(found) if school else common
    in_common = settings.trust.schools is not None and not school
    wrong = [*found.problems, *(() if in_common else checks.problems(settings))]
    if wrong:
        raise ConfigError(wrong)
    if school:
        settings._school = school
        settings.database.keep_to(school)
    settings._file_secrets = tuple(_secrets_in_file(settings, found))
    settings._origins = {".".join(map(str, where)): place for where, place in found.places.items()}
    return settings


def _validated(found: sources.Found) -> Settings:
    try:
        return Settings.model_validate(found.values)
    except ValidationError as error:
        # Not chained: the original would carry the values, and some of them are secret.
        raise ConfigError([*found.problems, *problems.explain(error, model=Settings, place=found.place)]) from None


def _secrets_in_file(settings: Settings, found: sources.Found) -> Iterator[str]:
    for key, field, _ in shape.leaves(Settings):
        if shape.is_secret(field) and key.partition("[")[0] in found.in_file:
            yield key.partition("[")[0]
    moved = settings.database.password.get_secret_value() and ("database", "password") not in found.places
    if moved and "database.url" in found.in_file:
        yield "database.password"
