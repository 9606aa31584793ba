"""What other programs keep their queues in: Redis and RabbitMQ, each in a folder of its own and on loopback alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.peers import fetching, processes
from gateway.practice import setup


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker at work: where it listens, and the processes to be watched."""

    port: int
    pids: tuple[int, ...]


@contextlib.asynccontextmanager
async def redis(folder: Path) -> AsyncIterator[Broker]:
    """Redis with its append-only file, as whoever keeps a queue in it would run it."""
    root = await fetching.unpacked("redis-server")
    [port] = setup.free_ports(1)
    command = [str(root / "usr/bin/redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes"]
    async with processes.running(
        [*command, "--dir", str(folder)], folder=folder, env=fetching.libraries(root)
    ) as server:
        await processes.listening(port, folder=folder)
        yield Broker(port, (server.pid,))


@contextlib.asynccontextmanager
async def rabbitmq(folder: Path) -> AsyncIterator[Broker]:
    """RabbitMQ without plugins. Erlang's port mapper is ours too: one that it starts itself would outlive it."""
    root = await fetching.unpacked("rabbitmq-server")
    mapper, port, distribution = setup.free_ports(3)
    [machine] = (root / "usr/lib/erlang").glob("erts-*/bin")
    env = _rabbitmq_env(root, folder, mapper=mapper, port=port, distribution=distribution)
    _write_erl(Path(env["PATH"].split(":")[0]), machine)
    epmd = [str(machine / "epmd"), "-port", str(mapper), "-address", "127.0.0.1"]
    async with processes.running(epmd, folder=folder, env=env) as first:
        await processes.listening(mapper, folder=folder)
        server = str(root / "usr/lib/rabbitmq/bin/rabbitmq-server")
        async with processes.running([server], folder=folder, env=env) as second:
            await processes.listening(port, folder=folder, seconds=90)
            await asyncio.sleep(1)  # it listens shortly before it takes anybody
            yield Broker(port, (first.pid, second.pid))


def _rabbitmq_env(root: Path, folder: Path, *, mapper: int, port: int, distribution: int) -> Mapping[str, str]:
    """Everything that it would otherwise look for in, or write to, the machine's own folders."""
    return fetching.libraries(root) | {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": "bench@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "rabbitmq.pid"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RUNNING_UNDER_SYSTEMD": "true",  # the server itself instead of a shell that ends it by another program
    }


def _write_erl(folder: Path, machine: Path) -> None:
    """Debian's ``erl`` knows one place where Erlang may be; this one knows ours."""
    folder.mkdir()
    script = folder / "erl"
    script.write_text(
        f"""#!/bin/sh
export ROOTDIR="{machine.parent.parent}" BINDIR="{machine}" EMU=beam PROGNAME=erl
exec "$BINDIR/erlexec" "$@"
""",
        "utf-8",
    )
    script.chmod(0o700)
