"""What is the same for every site is made once in a process, where a trust has many schools, and each keeps its own."""

from __future__ import annotations

from dataclasses import replace

from support import staff
from support.databases import Fresh
from support.website import Running, running_on

from config import sections
from gateway import context, tokens
from gateway.roles import Role
from gateway.web.api import api
from gateway.web.office import frame


def elsewhere(gateway: context.Gateway) -> context.Gateway:
    """Another school, in another time zone."""
    school = sections.School(name="Beech School", short_name="Beech", phone="020 7946 0001", timezone="Asia/Tokyo")
    return replace(gateway, settings=gateway.settings.model_copy(update={"school": school}))


async def test_two_sites_share_the_api_and_a_token_of_the_one_opens_nothing_of_the_other(
    running: Running, fresh: Fresh
) -> None:
    async with fresh() as database, running_on(database, changed=elsewhere) as other:
        assert api.build() is api.build()
        for site in (running, other):
            gateway = site.gateway
            async with gateway.database.write() as session:
                site.token = await tokens.create(session, "office", log=gateway.log, now=gateway.now())
        assert [(await one.api("GET", "/notices")).status for one in (running, other)] == [200, 200]
        running.token, other.token = other.token, running.token
        assert [(await one.api("GET", "/notices")).status for one in (running, other)] == [401, 401]


async def test_the_api_is_described_when_somebody_asks_for_it(running: Running) -> None:
    before = api.described.cache_info().misses
    api.build.__wrapped__()
    assert api.described.cache_info().misses == before
    assert (await running.ask("GET", "/api/v1/openapi.json")).json == api.described()


async def test_two_sites_share_compiled_templates_and_each_page_is_of_its_own_school(
    running: Running, fresh: Fresh
) -> None:
    async with fresh() as database, running_on(database, changed=elsewhere) as other:
        desks = [await staff.desk(one, Role.OFFICE) for one in (running, other)]
        told = [(await one.get("/today")).text for one in (*desks, desks[0])]
        assert ["Oakfield" in page for page in told] == [True, False, True]
        assert ["Beech" in page for page in told] == [False, True, False]
        codes = [frame.environment().get_template("today.html").root_render_func.__code__ for _ in range(2)]
        assert codes[0] is codes[1]
