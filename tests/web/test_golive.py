"""The go-live check knocks at our own webhook from outside; the rest of it is in ``tests/e2e/test_trial.py``."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp import test_utils, web
from support.website import AUTH_TOKEN, Running

from channels import base, notify, notify_api
from channels.twilio_account import TwilioAccount
from channels.twilio_sms import TwilioSms
from config import sections
from gateway import golive

TEMPLATE = "a33517ff-2a88-4f6e-b855-c550268ce08a"
NOTIFY_KEY = f"ours-26785a09-ab16-4eb0-8407-a37497a57506-{TEMPLATE}"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("url", "state", "sentence"),
    [
        ("{site}", "ok", "/hooks/twilio-sms/status is there, and sends a forged call away."),
        ("{site}/elsewhere", "bad", "answers 405, and Handbell would have answered 403."),
        ("http://127.0.0.1:9", "bad", "cannot be reached from here"),
    ],
)
async def test_the_webhook_is_there_where_it_refuses_a_stranger(
    running: Running, url: str, state: str, sentence: str
) -> None:
    account = TwilioAccount(account_sid="AC" + "0" * 32, auth_token=AUTH_TOKEN, api_base_url=running.url)
    changed = {
        "web": sections.Web(public_base_url=url.format(site=running.url)),
        "practice": sections.Practice(enabled=True),  # or http alone would be bad
    }
    settings = running.gateway.settings.model_copy(update=changed)
    gateway = replace(running.gateway, settings=settings, channels={TwilioSms.name: TwilioSms(account)})
    found = {one.name: one for one in await golive.check(gateway)}
    assert (found["answers"].state, sentence in found["answers"].sentence) == (state, True), found["answers"]
    assert found["senders"].state == "bad", "that is no Twilio"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_each_provider_is_knocked_for_as_a_proxy_may_let_in_one_alone(running: Running) -> None:
    async def proxy(request: web.Request) -> web.Response:
        return web.Response(status=403 if "twilio" in request.path else 404)

    outside = web.Application()
    outside.router.add_post("/hooks/{channel}/status", proxy)
    async with test_utils.TestServer(outside) as world:
        here = str(world.make_url("")).rstrip("/")
        texts = TwilioSms(TwilioAccount(account_sid="AC" + "0" * 32, auth_token=AUTH_TOKEN, api_base_url=here))
        account = notify_api.NotifyAccount(NOTIFY_KEY, "a-token-of-ours", api_base_url=here)
        other = notify.Notify(account, base.Medium.SMS, notify.Letterhead(template=TEMPLATE))
        changed = {"web": sections.Web(public_base_url=here), "practice": sections.Practice(enabled=True)}
        settings = running.gateway.settings.model_copy(update=changed)
        gateway = replace(running.gateway, settings=settings, channels={texts.name: texts, other.name: other})
        [answers] = [one for one in await golive.check(gateway) if one.name == "answers"]
    assert answers.state == "bad"
    assert "/hooks/notify-sms/status answers 404" in answers.sentence
    assert "twilio" not in answers.sentence, "that one is let in"
