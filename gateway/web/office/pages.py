"""What every page of the office is sent with."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

_POLICY = "default-src 'none'; style-src {style}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def page(body: str, *, style: str = "'self'", status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A page that nothing runs in and nothing comes from elsewhere for; ``style`` is where its style may come from."""
    given = {"Content-Security-Policy": _POLICY.format(style=style), "X-Robots-Tag": "noindex", **(headers or {})}
    return Response(body, status_code=status, media_type="text/html", headers=given)
