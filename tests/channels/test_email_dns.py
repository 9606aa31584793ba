"""What doctor says of SPF, DKIM and DMARC, against a name server on the loopback."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from channels import base, email_dkim, email_dns

DOMAIN = "oakfield.sch.example"
GOOD = {DOMAIN: ["v=spf1 include:relay.example -all", "other=words"], f"_dmarc.{DOMAIN}": ["v=DMARC1; p=reject"]}


class NameServer(asyncio.DatagramProtocol):
    """Answers with the text records that it is given; a name that is not there does not exist."""

    def __init__(self, records: dict[str, list[str]], rcode: dns.rcode.Rcode) -> None:
        self.records, self.rcode = records, rcode

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        name = query.question[0].name
        texts = self.records.get(name.to_text(omit_final_dot=True).lower(), [])
        answer.set_rcode(self.rcode or (dns.rcode.NOERROR if texts else dns.rcode.NXDOMAIN))
        if texts:
            parts = [" ".join(f'"{text[i : i + 200]}"' for i in range(0, len(text), 200)) for text in texts]
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *parts))
        self.transport.sendto(answer.to_wire(), addr)


Serve = Callable[..., Awaitable[email_dns.Records]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    open_transports = []

    async def start(records: dict[str, list[str]], rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> email_dns.Records:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: NameServer(records, rcode), local_addr=("127.0.0.1", 0), family=socket.AF_INET
        )
        open_transports.append(transport)
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = transport.get_extra_info("sockname")[1]
        return email_dns.Records(resolver)

    yield start
    for transport in open_transports:
        transport.close()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signer(key: rsa.RSAPrivateKey, domain: str = DOMAIN) -> email_dkim.Signer:
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    return email_dkim.Signer(domain, "bell", pem)


def published(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return f"v=DKIM1; p={base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()}"


async def advice(
    records: email_dns.Records, signer: email_dkim.Signer | None = None, domain: str = DOMAIN
) -> list[base.Advice]:
    return await email_dns.advise(records, domain, relay="mail.example.com", signer=signer)


def worst(found: list[base.Advice], word: str) -> base.Advice:
    (one,) = [advice for advice in found if word in advice.sentence + advice.cure]
    return one


async def test_all_is_well(serve: Serve, key: rsa.RSAPrivateKey) -> None:
    found = await advice(await serve(GOOD | {f"bell._domainkey.{DOMAIN}": [published(key)]}), signer(key))
    assert not any(one.cure for one in found)
    assert len(found) == 3


async def test_nothing_is_there(serve: Serve, key: rsa.RSAPrivateKey) -> None:
    found = await advice(await serve({}), signer(key))
    assert all(one.cure for one in found)
    assert worst(found, "There is no key").severe
    assert "no SPF" in worst(found, "v=spf1").sentence
    assert "no DMARC" in worst(found, "DMARC").sentence


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ({DOMAIN: ["v=spf1 -all", "v=spf1 ~all"]}, "2 SPF records"),
        ({DOMAIN: ["v=spf1 +all"]}, "every machine in the world"),
        ({DOMAIN: ["V=SPF1 a all"]}, "every machine in the world"),
    ],
)
async def test_an_spf_record_that_does_harm(serve: Serve, records: dict[str, list[str]], words: str) -> None:
    assert worst(await advice(await serve(records)), words).severe


async def test_a_key_that_is_not_ours(serve: Serve, key: rsa.RSAPrivateKey) -> None:
    other = published(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    found = await advice(await serve({f"bell._domainkey.{DOMAIN}": [other]}), signer(key))
    assert worst(found, "not the one that mail is signed with").severe


async def test_a_signature_of_another_domain_does_not_vouch(serve: Serve, key: rsa.RSAPrivateKey) -> None:
    found = await advice(await serve({}), signer(key, "trust.example"))
    assert worst(found, "alignment").severe
    found = await advice(await serve({}), signer(key, "sch.example"))
    assert not any("alignment" in one.sentence for one in found)


async def test_the_policy_of_the_domain_above_counts(serve: Serve) -> None:
    found = await advice(await serve({"_dmarc.sch.example": ["v=DMARC1; p=quarantine"]}))
    assert worst(found, "quarantine").cure == ""


@pytest.mark.parametrize("record", ["v=DMARC1; p=none; rua=mailto:a@example.com", "v=DMARC1;p = NONE"])
async def test_a_policy_that_only_watches(serve: Serve, record: str) -> None:
    assert worst(await advice(await serve({f"_dmarc.{DOMAIN}": [record]})), "only watches").cure


async def test_without_dns_it_says_so_and_no_more(serve: Serve, key: rsa.RSAPrivateKey) -> None:
    (one,) = await advice(await serve({}, rcode=dns.rcode.SERVFAIL), signer(key))
    assert "DNS could not be asked" in one.sentence
    assert one.cure
    assert not one.severe
