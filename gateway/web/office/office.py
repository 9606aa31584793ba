"""The office's pages as an application of its own, so that what goes wrong in it is said on a page too."""

from __future__ import annotations

from importlib import resources
from typing import Final

import jinja2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.web import problems, site
from gateway.web.office import absences, emergency, pages

#: What a person can make of a status; what else goes wrong has the general sentence.
_TITLES: Final = {
    401: "Sign in with a token",
    403: "This cannot be done so",
    404: "This page is not there",
    422: "This address cannot be used",
    429: "Too many wrong tokens",
    503: "Not now: the database does not answer",
}
_SORRY = "Something went wrong here, and not with you"


def build(here: site.Site) -> Starlette:
    """Make the pages of a site."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("gateway.web", "office"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (resources.files("gateway.web") / "office" / "office.css").read_text("utf-8")

    async def give_style(_request: Request) -> Response:
        """The pages' own style sheet; it says nothing of anybody."""
        return Response(style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    async def apologise(request: Request, error: Exception) -> Response:
        """The same as the API says of an error, for a person to read."""
        answer = problems.of(error)
        problem = problems.Problem.model_validate_json(bytes(answer.body))
        body = templates.get_template("problem.html").render(
            title=_TITLES.get(problem.status, _SORRY),
            sentence=problem.detail,
            school=here.gateway.settings.school.name,
            up=_way_up(request),
        )
        kept = {name: value for name, value in answer.headers.items() if name in ("www-authenticate", "retry-after")}
        return pages.page(body, status=problem.status, headers=kept)

    app = Starlette(
        routes=[Route("/office.css", give_style), *absences.routes(templates), *emergency.routes(templates)],
        exception_handlers=dict.fromkeys(problems.handlers(), apologise),
    )
    app.state.site = here
    return app


def _way_up(request: Request) -> str:
    """From an address of any depth to the office's first page: a proxy may have taken a part of the path off."""
    below = str(request.scope["path"]).removeprefix(request.scope["root_path"])
    return "../" * (below.count("/") - 1)
