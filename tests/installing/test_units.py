"""What ``handbell install --systemd`` puts into place: examined by systemd itself, unit by unit."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

import pytest
from support import programs
from typer.testing import CliRunner

from config import settings as reading
from gateway import cli, installing

ROOT = Path(__file__).resolve().parents[2]
UNITS = ("handbell.service", "handbell-worker@.service", "handbell-backup.service", "handbell-backup.timer")
SERVICES = [unit for unit in UNITS if unit.endswith(".service")]
MOST_EXPOSED = "20"  #: a tenth of it is systemd's figure: 2.0


def install(root: Path, *more: str) -> str:
    done = CliRunner().invoke(cli.build(), ["install", "--systemd", "--root", str(root), *more])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    install(folder, "--write")
    return folder


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    programs.need("systemd-analyze")
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_no_mistake_in_it(root: Path, unit: str, tmp_path: Path) -> None:
    done = analyze("verify", "--man=no", str(root / "etc/systemd/system" / unit))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    text = (root / "etc/systemd/system" / unit).read_text()
    wrong = tmp_path / unit
    wrong.write_text(re.sub(r"^(RestrictRealtime|Persistent)=yes$", r"\1=perhaps", text, flags=re.M))
    assert "perhaps" in analyze("verify", "--man=no", str(wrong)).stderr, "or it would find no mistake at all"


@pytest.mark.parametrize("unit", SERVICES)
def test_systemd_finds_it_well_hardened(root: Path, unit: str, tmp_path: Path) -> None:
    words = ("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager")
    place = root / "etc/systemd/system" / unit
    done = analyze(*words, str(place))
    assert done.returncode == 0, done.stdout
    assert "Overall exposure level" in done.stdout
    open_to_all = tmp_path / unit
    open_to_all.write_text(re.sub(r"^(Protect|Private|Restrict|System)\w+=.*$", "", place.read_text(), flags=re.M))
    assert analyze(*words, str(open_to_all)).returncode != 0, "or any unit would do"


def test_the_copy_is_as_locked_up_as_the_daemon(root: Path) -> None:
    """But for its own folder: whoever hardens one hardens both."""
    daemon, copy = (
        (root / "etc/systemd/system" / unit)
        .read_text()
        .partition("# Hardening")[2]
        .partition("[Install]")[0]
        .split("\n")
        for unit in ("handbell.service", "handbell-backup.service")
    )
    differ = {line.partition("=")[0] for line in {*daemon} ^ {*copy} if "=" in line}
    assert differ == {"LimitNOFILE", "TasksMax"}
    assert "ReadWritePaths=-/var/backups/handbell" in (root / "etc/systemd/system/handbell-backup.service").read_text()


def test_systemd_makes_the_account_and_the_folders(root: Path) -> None:
    programs.need("systemd-sysusers", "systemd-tmpfiles")
    made = subprocess.run(
        ["systemd-sysusers", "--dry-run", "--root", str(root)], capture_output=True, text=True, check=True
    )
    assert "handbell" in made.stdout + made.stderr
    for name in ("passwd", "group"):
        (root / "etc" / name).write_text(
            {"passwd": "root:x:0:0::/:\nhandbell:x:991:991::/:\n", "group": "root:x:0:\nhandbell:x:991:\n"}[name]
        )
    subprocess.run(["systemd-tmpfiles", "--create", "--root", str(root)], capture_output=True, check=True)
    modes = {
        name: (stat.S_IMODE((root / name).stat().st_mode), (root / name).stat().st_uid, (root / name).stat().st_gid)
        for name in ("etc/handbell", "etc/handbell/handbell.toml", "etc/handbell/credentials", "var/backups/handbell")
    }
    assert modes == {
        "etc/handbell": (0o750, 0, 991),
        "etc/handbell/handbell.toml": (0o640, 0, 991),
        "etc/handbell/credentials": (0o700, 0, 0),
        "var/backups/handbell": (0o700, 991, 991),
    }


def test_it_only_says_what_it_would_do_until_it_is_told_to(tmp_path: Path) -> None:
    said = install(tmp_path, "--show")
    assert "handbell.service" in said
    assert "LoadCredential=handbell:/etc/handbell/credentials" in said
    assert list(tmp_path.iterdir()) == []


def test_again_keeps_what_is_the_schools_and_mends_what_is_ours(tmp_path: Path) -> None:
    install(tmp_path, "--write")
    key, settings = tmp_path / "etc/handbell/credentials/audit.key", tmp_path / "etc/handbell/handbell.toml"
    unit = tmp_path / "etc/systemd/system/handbell.service"
    kept, text = key.read_bytes(), unit.read_bytes()
    assert re.fullmatch(rb"[0-9a-f]{64}", kept)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    settings.write_text("[school]\n")
    unit.write_text("[Service]\n")
    said = install(tmp_path, "--write")
    assert [said.count(f" {state} ") for state in ("new", "changed", "kept")] == [0, 1, 2]
    assert (key.read_bytes(), settings.read_text(), unit.read_bytes()) == (kept, "[school]\n", text)


def test_a_key_that_handbell_made_for_itself_is_not_overruled(tmp_path: Path) -> None:
    own = tmp_path / "var/lib/handbell/audit.key"
    own.parent.mkdir(parents=True)
    own.write_text("k" * 64)
    assert not [file for file in installing.files(tmp_path, program=Path("/bin/true")) if file.secret]


def test_where_there_are_settings_no_new_key_overrules_theirs(tmp_path: Path) -> None:
    """It may be in them, in the environment, or one for each school of a trust: an upgrade must not change it."""
    settings = tmp_path / "etc/handbell/handbell.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'[audit]\nkey = "{"k" * 40}"\n')
    install(tmp_path, "--write")
    assert not (tmp_path / "etc/handbell/credentials/audit.key").exists()


def test_what_the_container_file_names_is_there() -> None:
    """No image can be built where tests run: what it copies, sets and starts is held to what there is."""
    text = (ROOT / "systemd" / "Containerfile").read_text()
    for name in re.findall(r"-r (\S+)", text):
        assert (ROOT / name).is_file()
    given = dict(re.findall(r"(HANDBELL_[A-Z_]+)=(\S+)", text))
    assert given.pop("HANDBELL_CONFIG") == "/etc/handbell/handbell.toml"
    loaded = reading.load(None, environ=given | {"HANDBELL_PRACTICE__ENABLED": "1"}, credentials=None)
    assert loaded.web.host == "0.0.0.0"
    assert str(loaded.database.state_dir) in text
    assert str(loaded.backup.folder) in text
    assert CliRunner().invoke(cli.build(), ["run", "--help"]).exit_code == 0
