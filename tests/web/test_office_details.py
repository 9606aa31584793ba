"""Contact details to sort out: the numbers are those of API and reports, and each deed is one that they have, too."""

from __future__ import annotations

import re

import pytest
from sqlmodel import select
from support import families, staff
from support.website import Running

from gateway.models import ContactPoint, NewDetail, PointState
from gateway.roles import Role

HERE = "/contact-details"


@pytest.fixture
async def village(api: Running) -> families.Village:
    api.clock.at = families.NOW
    async with api.gateway.database.write() as session:
        return await families.settle(session)


async def test_the_worst_comes_first_and_the_numbers_are_those_of_the_reports(
    api: Running, village: families.Village
) -> None:
    desk = await staff.desk(api, Role.OFFICE)
    page = await desk.get(HERE)
    text = families.said(page.text)
    nobody = (await api.api("GET", "/details/reports/nobody")).json
    assert [one["name"] for one in nobody] == ["Jayden Clarke"]
    assert "1 child has no working number" in text
    # Jayden; a new number; a landline, a mailbox and a mobile that are gone; two mothers of whom nothing is heard
    assert "7 details to sort out across 3 families" in text
    assert "Nobody can be rung in an emergency1 child" in text
    assert "Mum’s mobile 07700 900914 is not in use. School should hold at least two." in text
    assert len((await api.api("GET", "/details")).json) == 1
    assert "New numbers and addresses1 to decide" in text
    assert "07700 900273, instead of 07700 900272. Proved by a code today at 9:50." in text
    assert "Email s.walsh@gmial.com does not exist, since 18 November. Did they mean gmail.com?" in text
    assert "Landline 020 7946 0455 is not in use, since 2 November. Something else of theirs works." in text
    assert "Ms Sian Walsh Mum of Noah, 4 Heron Mobile 07700 900801. Nothing heard for 13 months." in text
    assert re.search(r'Contact details<span class="count quiet"><span class="vh">, </span>1<', page.text)
    assert "900666" not in text, "whoever must not be contacted is no work"
    assert f"Or call {api.gateway.settings.school.phone}." in text, "what they are asked is what they get"
    old = page.text.split('id="old"')[1]
    assert "Ask all 2" in old


async def test_a_new_number_is_used_or_refused(api: Running, village: families.Village) -> None:
    desk = await staff.desk(api, Role.OFFICE, name="Mrs Office")
    await desk.get(HERE)
    done = await desk.post(f"{HERE}/new/{village.detail}", act="use")
    assert (done.status, done.headers["Location"]) == (303, HERE)
    again = await desk.post(f"{HERE}/new/{village.detail}", act="refuse")
    assert again.status == 422
    assert "is approved already, by office:Mrs Office" in families.said(again.text)
    page = await desk.get(HERE)
    assert 'id="c2"' not in page.text
    assert "1 new detail is approved and not in your school system yet." in families.said(page.text)
    saved = await desk.post(f"{HERE}/new-details.csv")
    assert saved.headers["Content-Disposition"] == 'attachment; filename="new-details-2026-11-23.csv"'
    assert ",07700 900273,07700 900272,yes,by a code,office:Mrs Office," in saved.text
    assert "07700 900273" not in (await desk.post(f"{HERE}/new-details.csv")).text, "each comes once"
    assert "07700 900273" in (await desk.post(f"{HERE}/new-details.csv", everything="yes")).text
    assert {actor for actor, *_ in await staff.lines(api, "details.approved")} == {"office:Mrs Office"}


async def test_a_slip_of_the_pen_is_put_right(api: Running, village: families.Village) -> None:
    desk = await staff.desk(api, Role.OFFICE)
    page = await desk.get(HERE)
    found = re.search(r'name="point" value="(\d+)"><button class="btn sm" name="address" value="([^"]+)"', page.text)
    assert found is not None
    point, address = found.groups()
    assert address == "s.walsh@gmail.com"
    wrong = await desk.post(f"{HERE}/use", point=point, address="<b>nobody at all")
    assert wrong.status == 422
    assert 'value="&lt;b&gt;nobody at all"' in wrong.text
    assert "This is not an email address." in families.said(wrong.text)
    assert (await desk.post(f"{HERE}/use", point=point, address=address)).status == 303
    async with api.gateway.database.read() as session:
        old = await session.get_one(ContactPoint, int(point))
        new = (await session.scalars(select(ContactPoint).where(ContactPoint.address == address))).one()
        row = (await session.scalars(select(NewDetail).where(NewDetail.address == address))).one()
    assert (old.state, new.contact_id) == (PointState.WRONG, old.contact_id)
    assert row.decided_by.startswith("office:")
    assert "gmial" not in (await desk.get(HERE)).text, "it is done"


async def test_all_old_ones_are_asked_at_once(api: Running, village: families.Village) -> None:
    desk = await staff.desk(api, Role.OFFICE, name="Mrs Office")
    await desk.get(HERE)
    assert (await desk.post(f"{HERE}/ask", all="yes")).status == 303
    page = await desk.get(HERE)
    assert "Ask all" not in page.text
    assert "2 families are asked, each in its own language." in families.said(page.text)
    assert "Asked today at 9:50" in families.said(page.text)
    assert [actor for actor, *_ in await staff.lines(api, "details.asked")] == ["office:Mrs Office"] * 2


async def test_who_may(api: Running, village: families.Village) -> None:
    reader, teacher = await staff.desk(api, Role.READ_ONLY), await staff.desk(api, Role.TEACHER, forms=["4 Heron"])
    page = await reader.get(HERE)
    assert page.status == 200
    assert '<button class="btn sm pri"' not in page.text
    for path in ("ask", "use", f"new/{village.detail}", "new-details.csv"):
        assert (await reader.post(f"{HERE}/{path}")).status == 403
    assert (await reader.get(f"{HERE}/reports/few.csv")).status == 403
    assert (await teacher.get(HERE)).status == 403
    desk = await staff.desk(api, Role.OFFICE)
    lines = (await desk.get(f"{HERE}/reports/nobody.csv")).text.splitlines()
    assert lines == ["pupil,name,form", "V4,Jayden Clarke,6 Falcon"]
    assert (await desk.get(f"{HERE}/reports/nothing.csv")).status == 404
    await desk.get(HERE)
    await desk.post("/hide-names", hide="yes", back=HERE)
    hidden = (await desk.get(HERE)).text
    for name in ("Jayden", "Clarke", "Walsh", "walsh", "Rania", "900273", "900914"):
        assert name not in hidden, name
