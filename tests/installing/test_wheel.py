"""The wheel: installed alone into a clean environment, in an empty folder, it has all that it reads and runs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT, WALK = Path(__file__).resolve().parents[2], Path(__file__).with_name("walk.sh")
OURS = ("gateway", "channels", "templates", "scheduler", "config")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as pip would build it, without isolation: nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    script = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return folder / done.stdout.strip().splitlines()[-1]


def test_every_file_of_the_packages_is_in_it_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        held = {name for name in packed.namelist() if ".dist-info/" not in name}
    tracked = subprocess.run(["git", "ls-files", *OURS], cwd=ROOT, capture_output=True, text=True, check=True)
    added = {name for name in held if name.startswith("gateway/installing/systemd/")}
    assert {"gateway/installing/systemd/handbell.service", "gateway/installing/systemd/proxy/Caddyfile"} <= added
    assert held == set(tracked.stdout.split()) | added


@pytest.fixture(scope="module")
def handbell(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, from an environment that has the wheel, and of this one what others wrote."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, symlinks=True)
    with zipfile.ZipFile(wheel) as packed:
        place = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
        packed.extractall(place)
    theirs = place / "theirs"
    theirs.mkdir()
    for one in Path(sysconfig.get_path("purelib")).iterdir():
        if "handbell" not in one.name and one.suffix != ".pth":
            (theirs / one.name).symlink_to(one)
    (place / "theirs.pth").write_text(f"{theirs}\n")
    command = folder / "bin" / "handbell"
    command.write_text(f"#!{folder / 'bin' / 'python'}\nfrom gateway.cli import main\nmain()\n")
    command.chmod(0o755)
    return command


@pytest.mark.timeout(1800)  # two installations, some thirty commands and a trial: minutes on a busy machine
def test_a_fresh_machine_walks_through_all_of_it(handbell: Path, tmp_path: Path) -> None:
    """Install, examine, send, copy, restore, upgrade: the script that a person can read, and run, too."""
    where = "import gateway, channels, config; print(gateway.__file__, channels.__file__, config.__file__)"
    python = handbell.with_name("python")
    found = subprocess.run([python, "-c", where], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert all(str(handbell.parents[1]) in one for one in found.split()), "it is the wheel that is tried"
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONSAFEPATH": "1"}
    walked = subprocess.run(
        [WALK, handbell, tmp_path], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert walked.returncode == 0, walked.stdout + walked.stderr
    assert walked.stdout.splitlines()[-1] == "== done"
