"""Each import contract of pyproject.toml bites: a copy of the packages breaks every one of them, and each is named."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads((HOME / "pyproject.toml").read_text())["tool"]["importlinter"]

#: file -> the import that is added to it. Files that do not exist yet stand for those to come.
OFFENCES = {
    "channels/pigeon.py": "import aiosmtplib, imapclient, twilio",
    "channels/base.py": "import aiohttp\nfrom channels import pigeon",
    "gateway/pigeon.py": "import apscheduler, babel, weasyprint",
    "gateway/guard/wall.py": "from gateway import notices",
    "gateway/web/pigeon.py": "from channels import pigeon",
    "scheduler/pigeon.py": "from gateway import errors",
    "templates/pigeon.py": "import config, sqlalchemy, sqlmodel",
}

#: contract -> what its report must say.
FOUND = {
    "The four leaves do not know one another": ["templates.pigeon -> config"],
    "No leaf knows the gateway": ["scheduler.pigeon -> gateway.errors"],
    "Only wiring names a provider; the rest of the gateway knows the wire contracts alone": [
        "gateway.web.pigeon -> channels.pigeon"
    ],
    "The wire contract needs the standard library alone": [
        "channels.base -> aiohttp",
        "channels.base -> channels.pigeon",
    ],
    "The tables are the gateway's alone": ["templates.pigeon -> sqlmodel", "templates.pigeon -> sqlalchemy"],
    "Babel speaks only in templates": ["gateway.pigeon -> babel"],
    "APScheduler ticks only in scheduler": ["gateway.pigeon -> apscheduler"],
    "The twilio library stays in Twilio's files": ["channels.pigeon -> twilio"],
    "weasyprint stays in letters.pdf": ["gateway.pigeon -> weasyprint"],
    "aiosmtplib stays in email_smtp": ["channels.pigeon -> aiosmtplib"],
    "imapclient stays in imap_session": ["channels.pigeon -> imapclient"],
    "Each module of the gateway has its layer, and knows only what is below": [
        "gateway.guard.wall -> gateway.notices",
        "- gateway.pigeon\n",  # it has no layer
    ],
}


def lint(folder: Path) -> tuple[int, str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = os.environ | {"COLUMNS": "500", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def sections(report: str) -> dict[str, str]:
    """What the report says of each broken contract, by name."""
    details = report.partition("Broken contracts")[2]
    parts = re.split(r"^(.+)\n-+\n", details, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_contract_is_broken_by_an_offence_against_it(tmp_path: Path) -> None:
    shutil.copy(HOME / "pyproject.toml", tmp_path)
    for package in CONFIG["root_packages"]:
        shutil.copytree(HOME / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "locale"))
    for file, offence in OFFENCES.items():
        with (tmp_path / file).open("a") as copied:
            copied.write(f"\n{offence}\n")
    code, report = lint(tmp_path)
    assert code == 1, report
    assert {contract["name"] for contract in CONFIG["contracts"]} == set(FOUND)
    said = sections(report)
    assert set(said) == set(FOUND), report
    for name, links in FOUND.items():
        for link in links:
            assert link in said[name], f"{name}: {said[name]}"
