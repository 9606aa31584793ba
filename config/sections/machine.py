"""What the program stands on: the database, the web server, the log and the audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, SecretStr, model_validator

from config import values


class Database(values.Section):
    """Where everything is kept."""

    url: values.DatabaseUrl = Field(
        default="",
        description="sqlite:///file or postgresql://user@host/name; empty: a file handbell.sqlite3 in state_dir",
    )
    password: SecretStr = Field(
        default=values.NO_SECRET,
        description="PostgreSQL password; one written inside url is moved here when it is read",
    )
    state_dir: Path = Field(
        default=Path("/var/lib/handbell"),
        description="Folder for the SQLite file and locks; systemd's STATE_DIRECTORY sets it",
    )

    least_free_mb: int = Field(
        default=200, ge=1, description="With less room on the disk than so many MB, /readyz and doctor say so"
    )

    _school: str = PrivateAttr(default="")

    def keep_to(self, school: str) -> None:
        """Let this be the database of one school of a trust, by its key: no setting, it comes with the file's name."""
        self._school = school

    @model_validator(mode="before")
    @classmethod
    def _move_password(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("url"), str):
            return data
        url, password = values.part_password(data["url"])
        if not password:
            return data
        if data.get("password"):
            raise ValueError("must have its password once, not in url and in password too")
        return {**data, "url": url, "password": password}

    def dsn(self) -> str:
        """Give the address for SQLAlchemy, with its driver and its password: for the driver alone, never for a log."""
        url = self.url or f"sqlite+aiosqlite:///{self.state_dir / 'handbell.sqlite3'}"
        if self._school:  # as the gateway's ``enclosure`` reads it
            url += f"{'&' if '?' in url else '?'}school={self._school}"
        return values.join_password(url, self.password.get_secret_value())


class Trust(values.Section):
    """Several schools in one installation, on PostgreSQL. One school leaves this out."""

    schools: Path | None = Field(
        default=None,
        description="Folder with a file of settings for each school, oakfield.toml; what stands here is for all",
    )
    connections: int = Field(default=20, ge=2, le=500, description="Connections of one process to the database")


class Web(values.Section):
    """The HTTP side: webhooks of the providers, the API, unsubscribe links, health."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on")
    port: int = Field(default=8080, ge=1, le=65535, description="Port to listen on")
    public_base_url: values.WebAddress = Field(
        default="",
        description="How providers and families reach this machine, https://…; empty: they cannot, see twilio.poll",
    )
    office_url: values.WebAddress = Field(
        default="",
        description="How staff reach the pages, https://… and no path; empty: as public_base_url, else host and port",
    )
    trusted_proxies: Annotated[tuple[str, ...], values.Listed] = Field(
        default=(),
        description="Addresses of reverse proxies that are believed whom they speak for; 127.0.0.1 for one here",
    )
    max_body_bytes: int = Field(
        default=10_485_760, ge=65_536, le=1_073_741_824, description="Largest upload, such as a pupil list, in bytes"
    )

    @property
    def here(self) -> str:
        """How this machine itself reaches it: one that listens on all of its addresses is asked at its own."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104  # nosec B104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


class Audit(values.Section):
    """The record of every deed."""

    key: SecretStr = Field(
        default=values.NO_SECRET,
        description="Key of the record's seal, 32 characters or more; keep a copy away from this machine",
    )
    seal_every_s: float = Field(default=1.0, gt=0, le=60, description="Pause between two seals, in seconds")
    publish_to: Annotated[tuple[values.MailAddress, ...], values.Listed] = Field(
        default=(),
        description="Mailboxes that get the record's head once a day, best outside the office",
    )
    publish_at: values.Clock = Field(default="18:00", description="From what time of each day; the journal has it, too")


class Backup(values.Section):
    """The copies of the database."""

    folder: Path = Field(
        default=Path("/var/backups/handbell"),
        description="Where handbell backup make puts copies; take them to another machine from there",
    )
    keep_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        description="How many days a copy is kept: what is erased here lives on in it so long",
    )


class Log(values.Section):
    """What is written to the journal."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least that is written")
    format: Literal["json", "console"] = Field(default="json", description="json for machines, console for people")
