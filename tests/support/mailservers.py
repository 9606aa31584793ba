"""A real Dovecot and a real Postfix, each on a port of its own of this machine, gone when the test session is over.

    with mailservers.dovecot(folder, certificate) as box:  # IMAP at box.port (STARTTLS offered) and box.tls_port
        box.add(mail_bytes)
        box.kill()                                         # as a power cut
        box.start()                                        # the same mailbox again
    with mailservers.postfix(folder, deliver="lmtp:inet:127.0.0.1:8024", sasl=box.auth_socket) as relay:
        relay.port                                         # SMTP
        relay.flush()                                      # sends what is deferred again
        relay.queue()                                      # what it still holds
    with mailservers.postfix(folder) as relay:             # into a maildir
        relay.mails()                                      # what it has delivered, as bytes

``folder`` must not exist, have a short name (sockets are made in it) and lie where every account may go: the fixtures
in tests/mail/conftest.py see to that. Postfix needs root; Dovecot runs as whoever runs the tests. A fixture calls
:func:`need`: where the programs are missing a test is skipped on somebody's own machine, and fails where all must run.
"""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme

from gateway.practice import setup
from support import programs
from support.waiting import PATIENCE

USER, PASSWORD = "office", "correct horse"
_PATHS = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/dovecot"


def need(*names: str) -> None:
    """Skip, or fail where every test must run, unless the programs are there."""
    no_root = "postfix" in names and os.geteuid() != 0
    programs.need(*names, path=_PATHS, besides=["root's rights, for postfix"] if no_root else [])


def program(name: str) -> str:
    return programs.find(name, path=_PATHS)


def wait_for(port: int, *, what: str) -> None:
    """Wait until somebody greets there."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as caller:
            if caller.recv(1):
                return
        time.sleep(0.05)
    raise AssertionError(f"{what} does not answer")


def write_certificate(folder: Path, authority: trustme.CA) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and localhost: (its chain, its key)."""
    issued = authority.issue_cert("127.0.0.1", "localhost")
    chain, key = folder / "server.pem", folder / "server.key"
    chain.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(key))
    return chain, key


@dataclass
class Dovecot:
    """A mailbox of ``USER`` behind a real IMAP server."""

    folder: Path
    port: int
    tls_port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def maildir(self) -> Path:
        return self.folder / "mail" / USER

    @property
    def auth_socket(self) -> Path:
        """Where a Postfix may ask for logins (smtpd_sasl_type = dovecot)."""
        return self.folder / "run" / "auth-client"

    def start(self) -> None:
        with (self.folder / "dovecot.out").open("ab") as log:
            self.process = subprocess.Popen(
                [program("dovecot"), "-F", "-c", str(self.folder / "dovecot.conf")], stdout=log, stderr=log
            )
        wait_for(self.port, what=f"Dovecot in {self.folder}")

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def kill(self) -> None:
        """As a power cut would: with every connection, and nobody says goodbye."""
        assert self.process
        pids = [self.process.pid, *_children(self.process.pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        (self.folder / "run" / "master.pid").unlink(missing_ok=True)

    def add(self, *mails: bytes, folder: str = "", flags: str = "") -> None:
        """Put mails into the mailbox, one after the other, as a delivery program would."""
        place = self.maildir / f".{folder}" if folder else self.maildir
        for part in ("", "cur", "new", "tmp"):
            self._own(place / part)
        for mail in mails:
            name = f"{time.time_ns()}.{next(_numbers)}.test"
            written = place / "tmp" / name
            written.write_bytes(mail)
            os.chown(written, *_owner())
            written.rename(place / ("cur" if flags else "new") / (f"{name}:2,{flags}" if flags else name))

    def _own(self, path: Path) -> None:
        if not path.is_dir():
            path.mkdir(parents=True)
            os.chown(path, *_owner())

    def mails(self, folder: str = "") -> list[bytes]:
        """What lies in a folder (``Handbell.Done`` is the maildir's way to write Handbell/Done), oldest first."""
        place = self.maildir / f".{folder}" if folder else self.maildir
        while True:
            files = [file for part in ("new", "cur") if (place / part).is_dir() for file in (place / part).iterdir()]
            with contextlib.suppress(FileNotFoundError):  # Dovecot has just renamed one: look again
                return [file.read_bytes() for file in sorted(files, key=lambda file: file.name)]

    def said(self) -> str:
        return (self.folder / "dovecot.log").read_text(errors="replace")


def _count() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


_numbers = _count()


def _owner() -> tuple[int, int]:
    """Who owns the mail: never root, whom Dovecot refuses."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found += [int(stat.parent.name), *_children(int(stat.parent.name))]
    return found


@contextlib.contextmanager
def dovecot(
    folder: Path, certificate: tuple[Path, Path], *, without: Sequence[str] = (), token_info: str = ""
) -> Iterator[Dovecot]:
    """A Dovecot in ``folder``, which must have a short name; ``without`` are capabilities that it does not have.

    With ``token_info``, the address that tells whose an access token is, it takes tokens (XOAUTH2) and no password.
    """
    port, tls_port = setup.free_ports(2)
    for name in ("run", "state", "mail"):
        (folder / name).mkdir(parents=True)
    for place in (folder, folder / "run", folder / "mail"):
        place.chmod(0o755)
    uid, gid = _owner()
    os.chown(folder / "mail", uid, gid)
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}:{uid}:{gid}::{folder}/mail/{USER}\n")
    own = pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(os.getegid()).gr_name
    plain_user = "" if os.geteuid() == 0 else f"default_internal_user={own}\ndefault_login_user={own}\n"
    plain_user += "" if os.geteuid() == 0 else f"default_internal_group={group}\n"
    box = Dovecot(folder, port, tls_port)
    capability = f"imap_capability = {' '.join(_capabilities(without))}" if without else ""
    passdb = f"driver = passwd-file\n  args = {folder}/users"
    if token_info:
        (folder / "oauth2.conf").write_text(f"tokeninfo_url = {token_info}\nusername_attribute = email\n")
        passdb = f"driver = oauth2\n  mechanisms = xoauth2\n  args = {folder}/oauth2.conf"
    (folder / "dovecot.conf").write_text(f"""
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
ssl = yes
ssl_cert = <{certificate[0]}
ssl_key = <{certificate[1]}
disable_plaintext_auth = no
auth_mechanisms = {"xoauth2" if token_info else "plain login"}
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
mailbox_idle_check_interval = 2 secs
maildir_very_dirty_syncs = no
auth_failure_delay = 0
{plain_user}{capability}
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  {passdb}
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service auth {{
  unix_listener auth-client {{
    mode = 0666
  }}
}}
service stats {{
  chroot =
}}
""")
    box.start()
    try:
        yield box
    finally:
        if box.process:
            box.kill()  # a second faster than stop()


def _capabilities(without: Sequence[str]) -> list[str]:
    usual = "IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN SPECIAL-USE"
    return [name for name in usual.split() if name not in without]


@dataclass
class Postfix:
    """A mail server with a queue. ``port`` takes mail by SMTP."""

    folder: Path
    port: int

    @property
    def config(self) -> Path:
        return self.folder / "etc"

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [program(command[0]), *command[1:]], capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}\n{self.said()}"
        return done.stdout

    def flush(self) -> None:
        """Try again at once what is deferred."""
        self.run("postqueue", "-c", str(self.config), "-f")

    def queue(self) -> list[dict[str, object]]:
        """What it still holds: per mail ``queue_name`` and ``recipients`` with their ``delay_reason``."""
        return [json.loads(line) for line in self.run("postqueue", "-c", str(self.config), "-j").splitlines()]

    def mails(self) -> list[bytes]:
        """What was delivered into the maildir, oldest first."""
        place = self.folder / "mail" / "new"
        files = sorted(place.iterdir(), key=lambda file: file.stat().st_mtime_ns) if place.is_dir() else []
        return [file.read_bytes() for file in files]

    def said(self) -> str:
        log = self.folder / "log" / "maillog"
        return log.read_text(errors="replace") if log.exists() else ""


@contextlib.contextmanager
def postfix(
    folder: Path,
    *,
    deliver: str | None = None,
    certificate: tuple[Path, Path] | None = None,
    sasl: Path | None = None,
    smtputf8: bool = True,
    settings: Sequence[str] = (),
) -> Iterator[Postfix]:
    """A Postfix in ``folder``, which must have a short name and lie where every account may go.

    ``deliver``      a transport for all mail, ``lmtp:inet:127.0.0.1:8024`` or ``lmtp:unix:/path``; None: a maildir
    ``certificate``  (chain, key): STARTTLS is offered
    ``sasl``         Dovecot's auth socket: a login is demanded
    ``settings``     further lines of main.cf, such as ``message_size_limit = 1000``
    """
    [port] = setup.free_ports(1)
    mail = Postfix(folder, port)
    postfix_user, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
    for name in ("etc", "queue", "data", "log", "mail"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    os.chown(folder / "data", postfix_user.pw_uid, postfix_user.pw_gid)
    os.chown(folder / "mail", nobody.pw_uid, nobody.pw_gid)
    transport = deliver or "virtual:"
    lines = [
        "compatibility_level = 3.6",
        f"queue_directory = {folder}/queue",
        f"data_directory = {folder}/data",
        f"maillog_file = {folder}/log/maillog",
        f"maillog_file_prefixes = {folder}",
        "inet_interfaces = 127.0.0.1",
        "inet_protocols = ipv4",
        "myhostname = relay.school.example",
        "mydestination =",
        "mynetworks = 127.0.0.0/8",
        "alias_maps =",
        "alias_database =",
        "biff = no",
        "virtual_mailbox_domains = static:all",
        f"virtual_transport = {transport}",
        f"virtual_mailbox_base = {folder}",
        "virtual_mailbox_maps = static:mail/",
        f"virtual_uid_maps = static:{nobody.pw_uid}",
        f"virtual_gid_maps = static:{nobody.pw_gid}",
        "message_size_limit = 104857600",
        "virtual_mailbox_limit = 0",
        f"smtputf8_enable = {'yes' if smtputf8 else 'no'}",
        "smtpd_peername_lookup = no",
        f"smtpd_recipient_restrictions = {'permit_sasl_authenticated' if sasl else 'permit_mynetworks'}, reject",
        "disable_dns_lookups = yes",
        "minimal_backoff_time = 300s",  # a deferred mail waits for flush
        "queue_run_delay = 300s",
        "lmtp_tls_security_level = none",
    ]
    if certificate:
        lines += [
            "smtpd_tls_security_level = may",
            f"smtpd_tls_chain_files = {certificate[1]}, {certificate[0]}",
        ]
    if sasl:
        lines += [
            "smtpd_sasl_auth_enable = yes",
            "smtpd_sasl_type = dovecot",
            f"smtpd_sasl_path = {sasl}",
            "smtpd_relay_restrictions = permit_sasl_authenticated, reject",
        ]
        lines += ["smtpd_tls_auth_only = yes"] if certificate else []
    (folder / "etc" / "main.cf").write_text("\n".join([*lines, *settings]) + "\n")
    (folder / "etc" / "master.cf").write_text(_MASTER.format(port=port))
    mail.run("postfix", "-c", str(mail.config), "start")
    try:
        wait_for(port, what=f"Postfix in {folder}")
        yield mail
    finally:
        _stop(mail)


def _stop(mail: Postfix) -> None:
    """As Postfix has it; where it does not end (its logger may wait for itself), whatever the hard way."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    stopping = subprocess.Popen([program("postfix"), "-c", str(mail.config), "stop"], **quiet)
    try:
        stopping.wait(30)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError, ValueError):
            os.killpg(int((mail.folder / "queue" / "pid" / "master.pid").read_text()), signal.SIGKILL)
        stopping.kill()
        stopping.wait()


#: service, type, private, unprivileged, chroot, wakeup, most processes, command. Nothing runs in a chroot.
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
showq unix n - n - - showq
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
