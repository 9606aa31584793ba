"""Making the practice gateway: a folder with a made-up school, imported as a real one would be, and settings to run it.

Nothing leaves the machine: in practice mode the settings point at the simulator, which the daemon itself starts.
"""

from __future__ import annotations

import csv
import fcntl
import random
import secrets
import shutil
import socket
import sqlite3
import tomllib
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path

from gateway import errors
from gateway.practice import school

_PORTS = range(20_000, 32_000)

SETTINGS = """\
# Settings of the practice school. Everything goes to the simulator on this machine; nothing leaves it.

[school]
name = "Oakfield Primary School"
short_name = "Oakfield"
phone = "0113 496 0000"

[database]
state_dir = "{state_dir}"

[backup]
folder = "{state_dir}/copies"

[web]
port = {port}
public_base_url = "http://127.0.0.1:{port}"

[twilio]
account_sid = "{account_sid}"
auth_token = "{auth_token}"
api_base_url = "http://127.0.0.1:{api_port}"

[[twilio.sms_senders]]
address = "+441134960001"
parts_per_second = 50
burst = 50

[[twilio.voice_senders]]
address = "+441134960002"
calls_per_second = 5
burst = 5

[smtp]
host = "127.0.0.1"
port = {smtp_port}
security = "none"
from_address = "office@oakfield.example"
messages_per_second = 50

[costs]
pence_per_text_part = 3.4
pence_per_call_minute = 6.0

[languages]
# The Polish and Urdu words are drafts that no person has checked: fine for pretend phones, not for real families.
allow_drafts = true

[quiet]
# It is for trying things out, at any hour: a real school keeps its families' nights and Sundays.
enabled = false

[absence]
enabled = true
safeguarding_lead = "Mrs Okafor"
calendar = "{state_dir}/calendar.toml"

[phone_line]
enabled = true
office_number = "+441134960003"

[practice]
enabled = true
seed = {seed}

[log]
level = "warning"
format = "console"
"""

#: Every day is a school day, whose register has closed already: the ladder can be tried at any hour.
CALENDAR = """\
# The practice school's days: none is off, and the morning's register closes just after midnight.
weekdays = [0, 1, 2, 3, 4, 5, 6]
bank_holidays = "none"

[sessions.am]
begins = 00:00:00
closes = 00:01:00
check_after = "1s"
until = 23:55:00

[sessions.pm]
begins = 23:56:00
closes = 23:57:00
check_after = "1s"
until = 23:59:00
"""
_ABSENT = 8  #: pupils in the example of a register: few, so that each can be followed


@dataclass(frozen=True, slots=True)
class Place:
    """Where the practice school lives. ``fresh``: its database must still be filled."""

    folder: Path
    fresh: bool

    @property
    def settings(self) -> Path:
        """Its settings file."""
        return self.folder / "handbell.toml"

    @property
    def database(self) -> Path:
        """Its database, where the settings have it by default."""
        return self.folder / "handbell.sqlite3"

    @property
    def exports(self) -> tuple[Path, ...]:
        """The files that the made-up MIS exported."""
        return tuple(sorted((self.folder / "export").glob("*.csv")))

    @property
    def marks(self) -> Path:
        """An example of a register."""
        return self.folder / "marks.csv"

    @property
    def notices(self) -> Path:
        """Example definitions to try."""
        return self.folder / "notices"


def prepare(
    folder: Path, *, seed: int, port: int, fresh: bool, today: date, say: Callable[[str], None]
) -> tuple[Place, school.Summary | None]:
    """Write the practice school's files, or use the one that is there as it is, unless ``fresh`` asks for a new one.

    Raises :class:`errors.Conflict` rather than touch a folder that is something else, or one that is in use.
    """
    folder = folder.resolve()
    place = Place(folder, fresh=True)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        _check_practice(place)
        if not fresh:
            say(f"Using the practice school in {folder} as it is. To begin with a new one, add --fresh.")
            return Place(folder, fresh=not _filled(place.database)), None
        _check_idle(place)
        say(f"The old practice school in {folder} is deleted, with all that was tried in it.")
        _delete(place)
    (folder / "export").mkdir(parents=True)
    say("Making up a school …")
    summary = school.write(folder / "export", seed=seed, today=today)
    _write_settings(place, seed=seed, port=port)
    _write_register(place, summary)
    place.notices.mkdir(exist_ok=True)
    for source in resources.files("gateway.practice").joinpath("notices").iterdir():
        (place.notices / source.name).write_text(source.read_text("utf-8"), "utf-8")
    return place, summary


def _check_practice(place: Place) -> None:
    """Refuse a folder whose settings do not say that it is for practice: it may be a real installation."""
    try:
        settings = tomllib.loads(place.settings.read_text("utf-8"))
    except (OSError, ValueError):
        settings = {}
    practice = settings.get("practice")
    if not isinstance(practice, dict) or practice.get("enabled") is not True:
        raise errors.Conflict(
            f"{place.folder} is not a practice school: it has no handbell.toml that says “enabled = true” under "
            "[practice]. Nothing was touched. Name another folder with --folder."
        )


def _check_idle(place: Place) -> None:
    """Refuse while a gateway runs there; it holds a lock beside its database."""
    lock = Path(f"{place.database}.lock")
    if not lock.exists():
        return
    with lock.open("r") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            what = f"Handbell is running for the practice school in {place.folder}."
            raise errors.Conflict(f"{what} Stop it first (Ctrl-C in its window).") from None


def _filled(database: Path) -> bool:
    """Whether the import came to its end; one that was interrupted is begun again."""
    if not database.exists():
        return False
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as opened:
            return opened.execute("SELECT 1 FROM pupil LIMIT 1").fetchone() is not None
    except sqlite3.OperationalError:  # no tables yet
        return False


def _delete(place: Place) -> None:
    """Delete what we made, and nothing else that somebody has put beside it."""
    ours = (
        place.folder / "audit.key",
        place.folder / "calendar.toml",
        place.folder / "practice.clock",
        place.marks,
        place.settings,
    )
    grown = (file for name in (place.database.name, "audit.end") for file in place.folder.glob(f"{name}*"))
    for file in (*grown, *ours):
        file.unlink(missing_ok=True)
    for folder in ("export", "copies"):
        shutil.rmtree(place.folder / folder, ignore_errors=True)


def _write_settings(place: Place, *, seed: int, port: int) -> None:
    api_port, smtp_port = free_ports(2)
    text = SETTINGS.format(
        state_dir=str(place.folder).replace("\\", "/"),
        port=port,
        account_sid=f"AC{secrets.token_hex(16)}",
        auth_token=secrets.token_hex(16),
        api_port=api_port,
        smtp_port=smtp_port,
        seed=seed,
    )
    place.settings.write_text(text, "utf-8")
    place.settings.chmod(0o600)


def _write_register(place: Place, summary: school.Summary) -> None:
    """A morning's marks: a few children are away, brothers and sisters and one with nobody on file among them."""
    (place.folder / "calendar.toml").write_text(CALENDAR, "utf-8")
    with summary.files[0].open(encoding="utf-8-sig", newline="") as pupils:
        ids = [row["Pupil ID"] for row in csv.DictReader(pupils)]
    away = [*summary.cases["twins"][0], *summary.cases["nobody"][0]]
    away += [one for one in ids if one not in away][: _ABSENT - len(away)]
    lines = [f"{one},AM,{'N' if one in away else '/'}" for one in ids]
    place.marks.write_text("\n".join(["Pupil ID,Session,Code", *lines]) + "\n", "utf-8")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment, and that the system gives to nobody who asks for any port.

    It gives those from 32768 on (Linux; others from 49152): such a one may be another's before it is listened on.
    """
    found = list[int]()
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        if len(found) < count:
            with socket.socket() as probe, suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
    return found


def usable_port(wanted: int) -> int:
    """The port that was asked for, or the next one that is free.

    Raises :class:`errors.NotReady` when twenty in a row are taken.
    """
    for port in range(wanted, wanted + 20):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise errors.NotReady(f"The ports from {wanted} to {wanted + 19} are all in use. Name another with --port.")
