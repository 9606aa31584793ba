"""Opening programs: those that cannot be had, or do not work here, are left out with the reason."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping

from bench import rounds
from bench.peers import fetching
from bench.peers.contract import Peer

Open = Callable[[], contextlib.AbstractAsyncContextManager[Peer]]
_FIRST = 20  #: messages that are not measured: caches fill, and what cannot work at all is seen
_PLACE = re.compile(r"https?://\S+|(?<![\w:/])(?:/[\w.+@-]+)+/")
_REASON = 300  #: characters


async def opened(opens: Mapping[str, Open], stack: contextlib.AsyncExitStack) -> tuple[dict[str, Peer], dict[str, str]]:
    """Open every program and let it send a little. Those that do not, with the reason."""
    found: dict[str, Peer] = {}
    absent: dict[str, str] = {}
    for name, opens_it in opens.items():
        try:
            async with contextlib.AsyncExitStack() as own:
                peer = await own.enter_async_context(opens_it())
                await peer.send(_FIRST)
                stack.push_async_exit(own.pop_all())
        except (fetching.NotHere, OSError, RuntimeError, TimeoutError) as why:
            absent[name] = reason(why)
            rounds.say(f"{name} is left out: {absent[name]}")
        else:
            found[name] = peer
            rounds.say(f"{name} is ready")
    return found, absent


def reason(why: Exception) -> str:
    """What went wrong in a line for the page; where things lie, here or on the way, is nobody's business there."""
    words = " ".join(str(why).split()) or type(why).__name__
    return _PLACE.sub("…/", words)[:_REASON].rstrip(".")


def left_out(absent: Mapping[str, str]) -> str:
    """A sentence for each."""
    return "".join(f"- **{name}** is left out: {why}.\n" for name, why in absent.items())
