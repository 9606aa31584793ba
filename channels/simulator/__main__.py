"""``python -m channels.simulator``: the simulator as a process of its own.

Prints one line of JSON with its addresses when it is ready, and runs until SIGTERM or SIGINT. The auth token comes
from the environment (``HANDBELL_SIMULATOR_TOKEN``, else ``practice``), never from the command line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from channels.simulator import snapshot
from channels.simulator.callbacks import Patience
from channels.simulator.magic import CallFate
from channels.simulator.server import Simulator


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m channels.simulator", description="Pretend phones and mailboxes.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--http-port", type=int, default=0, help="0 for any free one")
    parser.add_argument("--smtp-port", type=int, default=0, help="0 for any free one")
    parser.add_argument("--account-sid", default="AC" + "0" * 32)
    parser.add_argument("--inbound-sms-url", default="", help="where the texts of the people go")
    parser.add_argument("--inbound-voice-url", default="", help="what answers the school's number")
    parser.add_argument("--calls", choices=list(CallFate), default=CallFate.ANSWER, help="how phones take calls")
    parser.add_argument("--callbacks", choices=list(Patience), default=Patience.PATIENT)
    parser.add_argument("--pace", type=float, default=0.0, help="seconds that a text takes")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds that a call waits for a hand")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--state-file", type=Path, help="read at the start, if it is there, and written at the end")
    parser.add_argument("--journal", type=Path, help="written to before anything is answered")
    uvloop.run(_run(parser.parse_args(arguments)))


async def _run(options: argparse.Namespace) -> None:
    simulator = Simulator(
        account_sid=options.account_sid,
        auth_token=os.environ.get("HANDBELL_SIMULATOR_TOKEN", "practice"),
        host=options.host,
        http_port=options.http_port,
        smtp_port=options.smtp_port,
        seed=options.seed,
        inbound_sms_url=options.inbound_sms_url,
        inbound_voice_url=options.inbound_voice_url,
        calls=options.calls,
        callbacks=options.callbacks,
        pace=options.pace,
        patience=options.patience,
        journal=options.journal,
    )
    file: Path | None = options.state_file
    if file is not None and file.exists():  # noqa: ASYNC240 - nothing else runs yet
        snapshot.load(simulator.world, file.read_text("utf-8"))  # noqa: ASYNC240 - nothing else runs yet
    over = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, over.set)
    await simulator.start()
    ready = {
        "http_url": simulator.http_url,
        "smtp_host": simulator.smtp_host,
        "smtp_port": simulator.smtp_port,
        "account_sid": simulator.account_sid,
    }
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    await over.wait()
    await simulator.stop()
    if file is not None:
        file.write_text(snapshot.dump(simulator.world), "utf-8")  # noqa: ASYNC240 - nothing else runs any more


if __name__ == "__main__":
    main()
