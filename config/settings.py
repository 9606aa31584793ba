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

from config import checks, problems, sections, shape, sources, values

ConfigError = problems.ConfigError
Role = Literal["web", "sender", "clock"]


class Settings(values.Section):
    """All settings. Build one by :func:`load`; tests may build one by hand, which skips the checks across sections."""

    school: sections.School = sections.School()
    database: sections.Database = sections.Database()
    web: sections.Web = sections.Web()
    twilio: sections.Twilio = sections.Twilio()
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
    freshness: sections.Freshness = sections.Freshness()
    phone_line: sections.PhoneLine = sections.PhoneLine()
    costs: sections.Costs = sections.Costs()
    languages: sections.Languages = sections.Languages()
    translation: sections.Translation = sections.Translation()
    audit: sections.Audit = sections.Audit()
    practice: sections.Practice = sections.Practice()
    log: sections.Log = sections.Log()
    roles: Annotated[tuple[Role, ...], values.Listed, values.Distinct] = Field(
        default=("web", "sender", "clock"),
        description="What this process does: web (pages, webhooks), sender, clock (planning)",
    )

    _file_secrets: tuple[str, ...] = PrivateAttr(default=())

    @property
    def calendar_file(self) -> Path | None:
        """The school's calendar, by either name."""
        return self.calendar.file or self.absence.calendar

    @property
    def rung_numbers(self) -> tuple[str, ...]:
        """The numbers that families ring; none where the phone line is off."""
        if not self.phone_line.enabled:
            return ()
        return self.phone_line.numbers or tuple(sender.address for sender in self.twilio.voice_senders)

    def warnings(self) -> list[str]:
        """Say what will work, but not as somebody may expect: sentences for ``handbell doctor``."""
        return checks.warnings(self, file_secrets=self._file_secrets)

    def redacted(self) -> dict[str, Any]:
        """Give every setting as JSON-able values, with stars in place of each secret."""
        return self.model_dump(mode="json")


def load(path: Path | None, *, environ: Mapping[str, str], credentials: Path | None) -> Settings:
    """Read the settings from all their sources, the later ones winning.

    ``path`` is the TOML file, or None for none. ``credentials`` is systemd's ``$CREDENTIALS_DIRECTORY``, or None.
    Raises :class:`ConfigError` with every problem at once, each a sentence that names the place and the cure.
    """
    found = sources.read(path, environ=environ, credentials=credentials, names=frozenset(Settings.model_fields))
    try:
        settings = Settings.model_validate(found.values)
    except ValidationError as error:
        # Not chained: the original would carry the values, and some of them are secret.
        raise ConfigError([*found.problems, *problems.explain(error, model=Settings, place=found.place)]) from None
    wrong = [*found.problems, *checks.problems(settings)]
    if wrong:
        raise ConfigError(wrong)
    settings._file_secrets = tuple(_secrets_in_file(settings, found))
    return settings


def _secrets_in_file(settings: Settings, found: sources.Found) -> Iterator[str]:
    for key, field, _ in shape.leaves(Settings):
        if shape.is_secret(field) and key.partition("[")[0] in found.in_file:
            yield key.partition("[")[0]
    moved = settings.database.password.get_secret_value() and ("database", "password") not in found.places
    if moved and "database.url" in found.in_file:
        yield "database.password"
