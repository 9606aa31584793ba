"""``docs/api.md``: every route of the HTTP API, from its own description (OpenAPI)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from docs.writers import markdown
from gateway.web.api import api, description

_INTRO = """
Everything is under `/api/v1`, in JSON. `GET /api/v1/openapi.json` describes every field; it and the definition's schema
need no token.

## Tokens

Every other request carries a token. Make one for each program; it is shown this once:

```sh
handbell token create timetable
handbell token create board --read-only
```

```sh
curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/api/v1/notices
```

Without a token that is known and not revoked the answer is 401. One that may only read gets 403 for whatever is not a
`GET`. What a program does stands in the audit log as `api:` and the token's name, such as `api:timetable`. A notice
that needs approval cannot be approved with the token that submitted it. `handbell token revoke timetable` ends a token
at once.

## Idempotency-Key

A line may be cut before the answer comes. So give every `POST` that does something a header `Idempotency-Key` with a
text of your own (200 characters at most), and ask again with the same key when you are in doubt:

- the same key and the same request: it is done once; you get the first answer again, with `Idempotent-Replayed: true`;
- the same key and another request: 422, and nothing is done;
- the first request is still being worked on: 409, ask again in a moment;
- a request that was refused is not remembered: mend it and use the key again.

## Errors

Every error is problem details (RFC 9457, `application/problem+json`): `type` is for a program, `detail` is a sentence
for a person. Where the request itself is wrong, `problems` names everything that is wrong, each with `what`, `cure`,
`field` and `line`.

| status | `type` | what it means |
| --- | --- | --- |
| 401 | `about:blank` | no token, or one that is not known |
| 403 | `about:blank` | this token may only read |
| 404 | `urn:handbell:problem:not-found` | there is no such notice, message or contact |
| 409 | `urn:handbell:problem:conflict` | it is there already, or its state forbids this |
| 413, 415 | `about:blank` | the body is too large, or neither JSON nor TOML |
| 422 | `urn:handbell:problem:bad-input` | see `problems` |
| 429 | `about:blank` | too many tokens were tried that open nothing: try again after `Retry-After` seconds |
| 503 | `urn:handbell:problem:not-ready` | the database is away: try again after `Retry-After` seconds |

## Lists

Lists come in pages: `limit` says how many at most, and `next` of one page is the `cursor` of the following one. On the
last page `next` is null. Times are UTC.

## Sending a notice

`POST /api/v1/notices` takes a [definition](definitions.md) as `application/json`, or the same in TOML as
`application/toml`:
"""


class Route(NamedTuple):
    """One thing that a program may ask for."""

    method: str
    path: str
    tag: str
    summary: str
    meaning: str


def page() -> str:
    """Give the page."""
    return markdown.whole(_parts())


def routes() -> list[Route]:
    """Every route, in the order of the description, with those of one tag together."""
    described = api.described()
    base = described["servers"][0]["url"]
    found = [
        Route(method.upper(), f"{base}{path}", one["tags"][0], one["summary"], one.get("description", ""))
        for path, operations in described["paths"].items()
        for method, one in operations.items()
    ]
    tags = list(dict.fromkeys(route.tag for route in found))
    return sorted(found, key=lambda route: tags.index(route.tag))


def _parts() -> Iterator[str]:
    yield markdown.head("HTTP API", "gateway/web/api")
    yield _INTRO
    example = description.TAKES_DEFINITION["requestBody"]["content"]["application/json"]["example"]
    yield markdown.block(json.dumps(example, ensure_ascii=False, indent=2), "json")
    yield "`POST /api/v1/notices/preview` takes the same and writes nothing."
    yield "## Routes"
    for tag, members in groupby(routes(), key=lambda route: route.tag):
        yield f"### {tag.capitalize()}"
        rows = [(route.method, markdown.code(route.path), f"{route.summary}.", route.meaning) for route in members]
        yield markdown.table(("method", "path", "what it does", "more"), rows)
