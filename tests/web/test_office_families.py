"""Families: who finds and sees what, that nothing locked is in a page, and that asking is one deed with one line."""

from __future__ import annotations

import re

import pytest
from support import families, staff
from support.website import NOW, Running

from gateway.freshness import evidence
from gateway.models import ContactPoint, PointKind, PointState
from gateway.roles import Role
from gateway.web.office import standing


@pytest.fixture
async def village(api: Running) -> families.Village:
    api.clock.at = families.NOW
    async with api.gateway.database.write() as session:
        return await families.settle(session)


async def test_a_family_is_found_by_any_of_its_names_and_numbers(api: Running, village: families.Village) -> None:
    desk = await staff.desk(api, Role.OFFICE)
    page = await desk.get("/families")
    assert "3 families, 4 children." in families.said(page.text)
    for words in ("had", "RANIA aziz", "adam haddad", "07700 900272", "900271", "karim.h@", "V1", "amira karim"):
        page = await desk.get(f"/families?q={words.replace(' ', '+')}")
        assert f'href="/families/{village.amira}"' in page.text, words
        assert "1 family matches" in families.said(page.text), words
    page = await desk.get("/families?q=lucja")
    assert "Łucja" in families.said(page.text), "without its accents"
    assert "No family matches" in (await desk.get("/families?q=nobody+here")).text
    assert "<mark>had</mark>" not in (await desk.get("/families?q=%3Cmark%3Ehad")).text
    assert "2 families in 4 Heron" in families.said((await desk.get("/families?form=4+Heron")).text)
    assert (await desk.get("/families?form=nobody's")).status == 404


async def test_who_must_never_be_contacted_is_locked(api: Running, village: families.Village) -> None:
    office, lead = await staff.desk(api, Role.OFFICE), await staff.desk(api, Role.SAFEGUARDING, name="Mr Reilly")
    here = f"/families/{village.amira}"
    page = await office.get(here)
    assert "One person must never be contacted about Adam" in families.said(page.text)
    for path in (
        "/families?q=gesperrt",
        "/families?q=07700+900666",
        "/families?q=haddad",
        here,
        f"{here}?show=replies",
    ):
        found = (await office.get(path)).text
        assert "Zweitname" not in found, path
        assert "900666" not in found.replace("07700+900666", "").replace("07700 900666", "") or path.endswith("666")
    assert f'href="{here}"' not in (await office.get("/families?q=07700+900666")).text
    assert (await office.get(f"{here}/locked")).status == 403
    assert await staff.lines(api, "family.locked_shown") == []
    assert "Zweitname" not in (await lead.get(here)).text, "not even to those who may, unless they ask"
    shown = families.said((await lead.get(f"{here}/locked")).text)
    assert "Mr Zweitname Gesperrt, father, not about Adam" in shown
    assert "07700 900666" in shown
    [(actor, subject, _)] = await staff.lines(api, "family.locked_shown")
    assert (actor, subject) == ("office:Mr Reilly", f"family:{village.amira}")


async def test_one_family_whole(api: Running, village: families.Village) -> None:
    desk = await staff.desk(api, Role.OFFICE)
    page = await desk.get(f"/families/{village.adam}")  # any of its children leads there
    text = families.said(page.text)
    assert "Haddad family" in text
    assert re.search(r"1\. Mr Karim Haddad First for absences ?Dad, lives with Amira and Adam\. Reads Arabic\.", text)
    assert "3. Samir Haddad Uncle, emergencies only. Reads English." in text
    for words in (
        "07700 900271 Working. Replied today at 9:41",
        "karim.h@example.org Asked us to stop emails since 20 November",
        "07700 900272 Getting old. Nothing heard for 7 months",
        "020 7946 0455 Not in use since 2 November",
        "07700 900318 Never tried",
    ):
        assert words in text
    assert "<dt>Everything</dt><dd>with the day’s news by text</dd>" in page.text
    assert "Amira: 2 updates, 1 of them good news. Last one yesterday at 9:50." in text
    assert "Adam: nothing yet." in text
    rows = re.findall(r"<li><span class=\"k\">.*?</li>", page.text, re.DOTALL)
    lines = [families.said(one) for one in rows]
    assert families.FEVER in lines[0]
    assert families.ENGLISH in lines[0]
    assert "Needs reading" in lines[0]
    assert 'dir="auto"' in rows[0]
    assert (
        "Parents’ evening yesterday at 9:50, text to Dad in Arabic, arrived; email to Dad in Arabic, arrived"
        in lines[1]
    )
    assert f"Good news about Amira 12 November, from Mrs Nowak {families.POEM}" in lines[2]
    assert "Trip to the museum" in lines[3]
    assert "Trip" not in (await desk.get(f"/families/{village.adam}?show=good-news")).text
    assert (await desk.get("/families/99999")).status == 404
    of_api = (await api.api("GET", f"/contacts/{village.mum}/evidence")).json
    assert [one["address"] for one in of_api] == [families.MUM, families.LANDLINE]


async def test_a_teacher_sees_their_own_children_alone(api: Running, village: families.Village) -> None:
    desk = await staff.desk(api, Role.TEACHER, forms=["4 Heron"])
    page = await desk.get("/families")
    assert "2 families, 2 children in your class." in families.said(page.text)
    assert "Adam" not in page.text
    assert (await desk.get(f"/families/{village.jayden}")).status == 403
    assert "No family matches" in (await desk.get("/families?q=jayden")).text
    page = await desk.get(f"/families/{village.amira}")
    assert "Adam" not in page.text
    assert "must never be contacted" not in page.text, "that is about Adam"
    assert families.FEVER not in page.text, "it may be about another child"
    assert "Parents’ evening" in page.text
    assert "Ask if it is right" not in page.text
    assert (await desk.post(f"/families/{village.amira}/points/1/ask")).status == 403


async def test_with_names_hidden_there_is_none(api: Running, village: families.Village) -> None:
    desk = await staff.desk(api, Role.OFFICE)
    await desk.get("/families")
    await desk.post("/hide-names", hide="yes", back="/families")
    for path in ("/families?form=4+Heron", f"/families/{village.amira}"):
        page = (await desk.get(path)).text
        for name in ("Amira", "Adam", "Haddad", "Karim", "Rania", "Aziz", "900271", "karim.h", "temperature", "poem"):
            assert name not in page, (path, name)
        assert "A. H." in page or "H. family" in families.said(page)


async def test_whether_a_number_is_right_is_asked_once_a_day(api: Running, village: families.Village) -> None:
    desk = await staff.desk(api, Role.OFFICE, name="Mrs Office")
    here = f"/families/{village.amira}"
    page = await desk.get(here)
    buttons = re.findall(rf'action="({here}/points/\d+/ask)">.*?<button class="btn sm">([^<]+)', page.text)
    asks = [action for action, words in buttons if words == "Ask if it is right"]
    assert len(asks) == 2  # hers, and the uncle's
    asked = await desk.post(asks[0])
    assert (asked.status, asked.headers["Location"]) == (303, here)
    page = await desk.get(here)
    assert "Asked today at 9:50" in families.said(page.text)
    assert "Ms Rania Aziz is asked in Arabic." in families.said(page.text)
    again = await desk.post(asks[0])
    assert again.status == 409
    assert "They were asked today already." in again.text
    assert [actor for actor, *_ in await staff.lines(api, "details.asked")] == ["office:Mrs Office"]
    assert (await desk.post(f"{here}/points/9999/ask")).status == 404


async def test_what_somebody_asked_for_is_changed_by_the_office(api: Running, village: families.Village) -> None:
    desk = await staff.desk(api, Role.OFFICE, name="Jo Whitfield")
    [change] = re.findall(
        rf'href="(/families/{village.amira}/wishes/\d+)"', (await desk.get(f"/families/{village.amira}")).text
    )[:1]
    page = await desk.get(change)
    assert "Absence checks and alarms come all the same." in families.said(page.text)
    fields = dict(re.findall(r'<select[^>]* name="([^"]+)">.*?<option value="([^"]*)" selected>', page.text))
    topic = next(name.removesuffix("-sms") for name in fields if name.endswith("-sms"))
    wrong = await desk.post(change, **fields | {"reads": "no such tongue", f"{topic}-sms": "off"})
    assert wrong.status == 422
    assert re.search(rf'id="{topic}-sms".*?<option value="off" selected>', wrong.text, re.DOTALL), (
        "what was chosen stays"
    )
    assert await staff.lines(api, "preference.set") == []
    saved = await desk.post(change, **fields | {"reads": "so", "interpreter": "yes", f"{topic}-sms": "off"})
    assert (saved.status, saved.headers["Location"]) == (303, f"/families/{village.amira}#pr")
    shown = families.said((await desk.get(f"/families/{village.amira}")).text)
    assert "not wanted by text" in shown
    assert "LanguageSomali" in shown
    [(actor, _, facts)] = await staff.lines(api, "preference.set")
    assert (actor, '"sms":"off"' in facts.replace(" ", ""), "email" in facts) == ("office:Jo Whitfield", True, False)
    assert (
        len(await staff.lines(api, "contact.languages_chosen"))
        == len(await staff.lines(api, "contact.interpreter"))
        == 1
    )
    await desk.post(change, **fields | {"reads": "so", "interpreter": "yes", f"{topic}-sms": "off"})
    assert len(await staff.lines(api, "preference.set")) == 1, "again is nothing new"
    assert (await desk.get(f"/families/{village.amira}/wishes/999999")).status == 404


def test_an_email_that_only_left_is_not_old() -> None:
    point = ContactPoint(contact_id=1, kind=PointKind.EMAIL, address="a@example.org", state=PointState.WORKING)
    signs = [evidence.Sign(NOW, "accepted", evidence.Says.GOOD, "its mail server took an email")]
    seen = evidence.Evidence(point, point.state, evidence.Colour.RED, 0.3, signs)
    one = standing.of(seen, when=lambda at: f"at {at:%H:%M}", now=NOW, asked_at=None)
    assert (one.kind, one.words) == ("untried", f"Not proved yet. Last sent at {NOW:%H:%M}")
