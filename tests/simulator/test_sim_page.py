"""The practice page: the wall, the buttons, and what it must never do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import aiohttp
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from support.waiting import until
from twilio.rest import Client
from twilio.twiml.voice_response import VoiceResponse

from channels.simulator import Simulator, page, wall
from channels.simulator.magic import CallFate

SCHOOL = "+442079460137"
MUM = "+447700900123"


async def serve(app: Starlette) -> tuple[uvicorn.Server, asyncio.Task[None], str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    return server, task, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"


@pytest.fixture(params=["alone", "mounted"])
async def address(request: pytest.FixtureRequest, simulator: Simulator) -> AsyncIterator[str]:
    """The page served by the simulator itself, and mounted in an ASGI application as the gateway does it."""
    if request.param == "alone":
        yield f"{simulator.http_url}/practice"
        return
    names = {MUM: "Ewa Kowalska"}
    app = Starlette(routes=[Mount("/practice", page.asgi(simulator, name_of=lambda one: names.get(one, "")))])
    server, task, url = await serve(app)
    yield f"{url}/practice"
    server.should_exit = True
    await task


class Browser:
    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self.session = session
        self.address = address

    async def look(self, path: str = "/") -> str:
        async with self.session.get(self.address + path) as answer:
            assert answer.status == 200
            return await answer.text()

    async def push(self, path: str, *, status: int = 303, headers: Any = None, **form: str) -> aiohttp.ClientResponse:
        async with self.session.post(self.address + path, data=form, headers=headers, allow_redirects=False) as answer:
            assert answer.status == status
            await answer.read()
            return answer


@pytest.fixture
def browser(web_client: aiohttp.ClientSession, address: str) -> Browser:
    return Browser(web_client, address)


async def send(client: Client, body: str = "Hello", to: str = MUM) -> None:
    await client.messages.create_async(to=to, from_=SCHOOL, body=body)


async def test_an_empty_wall_says_so(browser: Browser) -> None:
    assert "Nothing here yet" in await browser.look()
    assert "Nothing here yet" in await browser.look("/?show=mail")


async def test_read_and_reply(simulator: Simulator, client: Client, browser: Browser, gateway: Any) -> None:
    simulator.world.settings.inbound_sms_url = f"{gateway.url}/sms"
    await send(client, "<script>alert(1)</script> & Łódź")
    shown = await browser.look()
    assert "<script" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Łódź" in shown
    answer = await browser.push("/reply", number=MUM, text="Jest chora", page="2", q="900")
    assert answer.headers["Location"].endswith("/practice/?q=900&page=2#p447700900123")
    await simulator.idle()
    assert gateway.at("/sms")[0].form["Body"] == "Jest chora"
    assert "Jest chora" in await browser.look()


async def test_scripts_of_families(simulator: Simulator, client: Client, browser: Browser) -> None:
    await send(client, "أميرة ليست في المدرسة اليوم.")
    assert 'dir="auto" lang="ar"' in await browser.look()
    assert [wall.guess_language(words) for words in ("حفصہ آج اسکول میں نہیں ہے", "ਸਤ ਸ੍ਰੀ", "பெற்றோர்", "Hello")] == [
        "ur",
        "pa",
        "ta",
        "",
    ]


async def test_a_call_by_hand(simulator: Simulator, client: Client, browser: Browser) -> None:
    simulator.world.settings.calls = CallFate.RING
    words = (
        "<Response><Gather numDigits='1' action='http://127.0.0.1:9/x'><Say language='pl'>Hej</Say></Gather></Response>"
    )
    await client.calls.create_async(to=MUM, from_=SCHOOL, twiml=words)
    assert "is calling" in await browser.look()
    await browser.push("/call", number=MUM, event="lift")
    (made,) = simulator.world.calls_to(MUM)
    while not made.heard:
        await asyncio.sleep(0.005)
    shown = await browser.look()
    assert 'lang="pl">Hej' in shown
    assert "on the line" in shown
    await browser.push("/press", number=MUM, key="1")
    await simulator.idle()
    assert made.pressed == ["1"]
    assert "Keys pressed: 1" in await browser.look()
    await browser.push("/press", number=MUM, key="1", status=409)


async def test_ringing_the_school_by_hand(simulator: Simulator, browser: Browser, gateway: Any) -> None:
    assert "Ring the school" not in await browser.look()
    answer = VoiceResponse()
    answer.record(action="/kept", max_length=30)
    gateway.answers["/line"] = str(answer)
    settings = simulator.world.settings
    settings.school_number, settings.inbound_voice_url = SCHOOL, f"{gateway.url}/line"
    assert "Ring the school as" in await browser.look()
    await browser.push("/ring", status=404, number="mum")
    await browser.push("/ring", number=MUM)
    await until(lambda: simulator.world.calls_to(MUM)[0].heard, what="the beep is heard")
    assert SCHOOL in await browser.look()
    await browser.push("/press", number=MUM, key="#")
    await simulator.idle()
    assert len(gateway.at("/kept")) == len(simulator.world.recordings) == 1


async def test_switching_and_going_wrong(simulator: Simulator, client: Client, browser: Browser) -> None:
    await send(client)
    await browser.push("/switch", number=MUM, on="no")
    await send(client)
    shown = await browser.look()
    assert "Switched off" in shown
    assert "1 lost" in shown
    await browser.push("/switch", number=MUM, on="yes")
    await browser.push("/behave", number=MUM, fate="filtered", calls="busy")
    await send(client)
    assert len(simulator.world.texts_to(MUM)) == 1
    await browser.push("/reply", number=MUM, text="STOP")
    assert "Said STOP" in await browser.look()


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/reply", {"number": "+447700900555", "text": "Hello"}, 404),
        ("/reply", {"number": MUM, "text": " "}, 422),
        ("/press", {"number": MUM, "key": "lift"}, 422),
        ("/call", {"number": MUM, "event": "explode"}, 422),
        ("/call", {"number": MUM, "event": "lift"}, 409),
        ("/behave", {"number": MUM, "fate": "explode"}, 422),
        ("/dance", {"number": MUM}, 422),
    ],
)
async def test_wrong_buttons(client: Client, browser: Browser, path: str, form: dict[str, str], status: int) -> None:
    await send(client)
    await browser.push(path, status=status, **form)


async def test_other_sites_cannot_push_buttons(simulator: Simulator, client: Client, browser: Browser) -> None:
    await send(client)
    strange: tuple[dict[str, str], ...] = (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
    )
    for headers in strange:
        await browser.push("/switch", number=MUM, on="no", headers=headers, status=403)
    assert simulator.world.phone(MUM).on
    own = browser.address.removesuffix("/practice")
    await browser.push("/switch", number=MUM, on="no", headers={"Origin": own})
    await browser.push("/switch", number=MUM, on="no", headers={"Sec-Fetch-Site": "same-origin", "Origin": own})


async def test_policy_and_style(client: Client, browser: Browser) -> None:
    await send(client)
    async with browser.session.get(f"{browser.address}/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        shown = await answer.text()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<style" not in shown
    assert "style=" not in shown
    assert "<script" not in shown
    assert ".bubble" in await browser.look("/practice.css")
    async with browser.session.get(f"{browser.address}/nowhere") as answer:
        assert answer.status == 404


async def test_six_hundred_phones_are_paged_and_found(simulator: Simulator, client: Client, browser: Browser) -> None:
    for count in range(600):
        simulator.world.touch(simulator.world.phone(f"+4477009{count:05}"))
    await send(client, "Late" * 300)
    first = await browser.look()
    assert first.count('class="handset"') == wall.PHONES_PER_PAGE
    assert first.index("LateLate") < first.index("+447700900599")
    assert len(first) < 200_000
    assert "Page 1 of 25" in first
    assert (await browser.look("/?page=25")).count('class="handset"') == 24
    found = await browser.look("/?q=07700+900123")
    assert found.count('class="handset"') == 1


async def test_mails_are_shown_apart(simulator: Simulator, browser: Browser) -> None:
    mail = EmailMessage()
    mail["Subject"] = "<b>Trip</b>"
    mail.set_content("Plain <i>words</i>")
    mail.add_alternative("<script>alert(1)</script><p>Hello</p>", subtype="html")
    simulator.world.add_mail(sender="a@example.com", to="karim@example.com", raw=mail.as_bytes())
    simulator.world.add_mail(sender="a@example.com", to="ewa@example.com", raw=b"Subject: Only this\n\nwords\n")
    shown = await browser.look("/?show=mail&q=karim")
    assert "&lt;b&gt;Trip&lt;/b&gt;" in shown
    assert "Plain &lt;i&gt;words&lt;/i&gt;" in shown
    assert "Only this" not in shown
    async with browser.session.get(f"{browser.address}/mail/1.html") as answer:
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert "Hello" in await answer.text()
    for path in ("/mail/9.html", "/mail/x.html", "/mail/1.txt"):
        async with browser.session.get(browser.address + path) as answer:
            assert answer.status == 404


async def test_names_are_shown_where_the_gateway_knows_them(simulator: Simulator) -> None:
    simulator.world.phone(MUM)
    visit = page.Visit("GET", "/practice", "", {}, {}, b"")
    shown = await page.Page(simulator, name_of=lambda number: "Ewa Kowalska").visit(visit)
    assert "<h2>Ewa Kowalska</h2>" in shown.body


async def test_the_front_door_leads_to_the_phones(simulator: Simulator, web_client: aiohttp.ClientSession) -> None:
    async with web_client.get(simulator.http_url) as answer:
        assert answer.url.path == "/practice/"
        assert answer.status == 200
