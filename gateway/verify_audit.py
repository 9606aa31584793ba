#!/usr/bin/env python3
"""Verify an export of Handbell's audit log, with nothing but Python 3.8 or later: no Handbell, no network.

    python3 verify_audit.py audit.jsonl
    python3 verify_audit.py audit.jsonl --against HASH     was this published head ever the chain's?
    python3 verify_audit.py audit.jsonl --key audit.key    and recompute the HMAC of every line

Each line of the file is one deed, a JSON object. The sealed ones are chained by their "link", 1, 2, 3 ...: "hash" is
the SHA-256 of the hash before it, 64 zeros at first, and this line's "mac", both as hexadecimal text. "mac" is the
HMAC-SHA256 under the school's key of the JSON list [at, actor, action, subject, body, nonce], without spaces and with
every character as itself; a line of an older Handbell has no nonce, and a list of five. The last line of the file is
the signed end of the chain: HMAC-SHA256 of ["audit end", link, hash].

Without the key this proves that no line of the chain was added, removed or moved since its head was published, not what
lines say. With it, that the school's Handbell wrote each as it is. Ends with 0 when all is well, else with 1 and why.
"""

# ruff: noqa: T201, UP031 - it stands alone, and runs on an old Python, too

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import sys
from pathlib import Path
from typing import Any


def mac_of(key: bytes, values: list[Any]) -> str:
    """The HMAC of a list, in hex."""
    packed = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return hmac.new(key, packed.encode("utf-8"), "sha256").hexdigest()


def line_values(line: dict[str, Any]) -> list[Any]:
    """What the HMAC of a line is made of."""
    values = [line[name] for name in ("at", "actor", "action", "subject", "body")]
    return [*values, line["nonce"]] if line["nonce"] else values


def fault_of(lines: list[dict[str, Any]], end: dict[str, Any] | None, key: bytes, head: str) -> tuple[str, str]:
    """The first thing that is wrong, "" for nothing; and the head of the chain."""
    sealed = sorted((line for line in lines if line["link"] is not None), key=lambda line: line["link"])
    newest, heads, nonces = "0" * 64, {"0" * 64}, set()
    for link, line in enumerate(sealed, start=1):
        if line["link"] != link:
            return "line %d of the chain is missing; or this file is a part of the log" % link, newest
        newest = hashlib.sha256((newest + line["mac"]).encode("ascii", "replace")).hexdigest()
        if line["hash"] != newest:
            return "the chain is broken at line %d (row %s)" % (link, line["id"]), newest
        heads.add(newest)
    for line in lines:
        if key and not hmac.compare_digest(mac_of(key, line_values(line)).encode(), line["mac"].encode()):
            return "row %s (%s) was changed after it was written" % (line["id"], line["action"]), newest
        if line["nonce"] and line["nonce"] in nonces:
            return "row %s (%s) is a copy of another one" % (line["id"], line["action"]), newest
        nonces.add(line["nonce"])
    if end and (end["link"], end["hash"]) != (len(sealed), newest):
        return "%s lines were sealed, and the chain ends at %d" % (end["link"], len(sealed)), newest
    if key and end and end["mac"] != mac_of(key, ["audit end", end["link"], end["hash"]]):
        return "the end of the chain was not signed with this key", newest
    if head and head not in heads:
        return "the published head is nowhere in this chain", newest
    return "", newest


def main() -> None:
    """Read the command line and verify."""
    parser = argparse.ArgumentParser(description="Verify an export of Handbell's audit log.")
    parser.add_argument("file")
    parser.add_argument("--key", metavar="FILE", help="a file that holds the audit key")
    parser.add_argument("--against", metavar="HASH", default="", help="a head hash that was published earlier")
    given = parser.parse_args()
    try:
        key = Path(given.key).read_bytes().strip() if given.key else b""
        rows = [json.loads(row) for row in Path(given.file).read_text("utf-8").split("\n") if row.strip()]
    except OSError as error:
        sys.exit("%s cannot be read: %s." % (error.filename, error.strerror))
    except ValueError:
        sys.exit("Name the file that handbell audit export has written: audit.jsonl.")
    lines = [row for row in rows if "end" not in row]
    end = next((row["end"] for row in rows if "end" in row), None)
    fault, newest = fault_of(lines, end, key, given.against.strip().lower())
    if fault:
        sys.exit("Not as it was written: %s." % fault)
    sealed = sum(line["link"] is not None for line in lines)
    if key:
        print("%d lines are as they were written, %d of them in the chain. Head: %s" % (len(lines), sealed, newest))
    else:
        print("None of the %d lines in the chain was added, removed or moved. Head: %s" % (sealed, newest))
        print("What they say is proved with --key alone, and so are the %d behind the chain." % (len(lines) - sealed))
    if not end:
        print("The file does not say where the chain ends: what was cut off behind it cannot be seen.")


if __name__ == "__main__":
    main()
