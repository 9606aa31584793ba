"""What DNS says of the school's mail: SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489).

Mailbox providers throw away or file as spam what these do not vouch for, and no bounce comes of that.
"""

from __future__ import annotations

from collections.abc import Iterator

import dns.asyncresolver
import dns.exception
import dns.resolver

from channels import base, email_dkim

_SECONDS = 5.0  #: for each question


class NoDns(Exception):
    """No name server could be asked."""


class Records:
    """Asks DNS for text records; ``resolver`` None takes the machine's own name servers."""

    def __init__(self, resolver: dns.asyncresolver.Resolver | None = None) -> None:
        self._resolver = resolver

    async def texts(self, name: str) -> list[str]:
        """Every text record of a name, none if there is no such name. Raises :class:`NoDns`."""
        try:
            resolver = self._resolver or dns.asyncresolver.Resolver()
            answer = await resolver.resolve(name, "TXT", lifetime=_SECONDS)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise NoDns(type(error).__name__) from None
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


async def advise(records: Records, domain: str, *, relay: str, signer: email_dkim.Signer | None) -> list[base.Advice]:
    """Look at the records of the domain that mail is sent from; never raises."""
    try:
        spf = [text for text in await records.texts(domain) if text.lower().split(" ")[0] == "v=spf1"]
        keys = await records.texts(f"{signer.selector}._domainkey.{signer.domain}") if signer else []
        dmarc = await _dmarc(records, domain)
    except NoDns:
        sentence = f"DNS could not be asked about {domain}, so nothing is known of SPF, DKIM and DMARC."
        return [base.Advice(sentence, "Run handbell doctor where the network is up, or ask whoever runs your domain.")]
    return [*_about_spf(spf, domain, relay), *_about_dkim(keys, domain, signer), *_about_dmarc(dmarc, domain)]


async def _dmarc(records: Records, domain: str) -> list[str]:
    """The policy of the domain, else of the nearest domain above it that has one."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        found = await records.texts("_dmarc." + ".".join(labels[start:]))
        policies = [text for text in found if text.lower().startswith("v=dmarc1")]
        if policies:
            return policies
    return []


def _about_spf(found: list[str], domain: str, relay: str) -> Iterator[base.Advice]:
    if not found:
        cure = f'Let whoever runs your domain add one, such as "v=spf1 include:… -all", that names {relay}.'
        yield base.Advice(f"{domain} has no SPF record: mailboxes cannot tell our mail from a forgery.", cure)
    elif len(found) > 1:
        sentence = f"{domain} has {len(found)} SPF records; then none of them counts (RFC 7208 section 4.5)."
        yield base.Advice(sentence, "Let whoever runs your domain join them into one.", severe=True)
    elif any(word.lower() in ("+all", "all") for word in found[0].split()):
        sentence = f"The SPF record of {domain} allows every machine in the world to write in the school's name."
        yield base.Advice(sentence, "Let it end in -all or ~all.", severe=True)
    else:
        yield base.Advice(f"{domain} has an SPF record. It must name the mail server {relay}.")


def _about_dkim(found: list[str], domain: str, signer: email_dkim.Signer | None) -> Iterator[base.Advice]:
    if signer is None:
        yield base.Advice("Handbell does not sign mail (DKIM): the mail server should.")
        return
    name = f"{signer.selector}._domainkey.{signer.domain}"
    if not (domain == signer.domain or domain.endswith(f".{signer.domain}")):
        sentence = f"Mail from {domain} is signed as {signer.domain}, which does not vouch for it (DMARC alignment)."
        yield base.Advice(sentence, "Set smtp.dkim_domain to the domain of smtp.from_address.", severe=True)
    published = [modulus for text in found if (modulus := email_dkim.published_modulus(text))]
    if signer.public_modulus() in published:
        yield base.Advice(f"{name} holds the key that mail is signed with (DKIM).")
    elif published or found:
        cure = "Publish the public half of smtp.dkim_private_key there, or sign with the key that belongs to it."
        yield base.Advice(f"The key at {name} is not the one that mail is signed with.", cure, severe=True)
    else:
        cure = "Publish the public half of smtp.dkim_private_key there: openssl rsa -pubout prints it."
        yield base.Advice(f"There is no key at {name}, so no mailbox can check our signatures.", cure, severe=True)


def _about_dmarc(found: list[str], domain: str) -> Iterator[base.Advice]:
    policy = _tag(found[0], "p") if len(found) == 1 else ""
    if policy in ("quarantine", "reject"):
        yield base.Advice(f"{domain} has a DMARC policy ({policy}).")
    elif policy == "none":
        sentence = f"The DMARC policy of {domain} only watches (p=none): anybody may write in the school's name."
        yield base.Advice(sentence, "Once its reports show that all is well, let it be quarantine or reject.")
    else:
        what = "no DMARC record" if not found else "a DMARC record that cannot be read, or more than one"
        cure = f'Let whoever runs your domain publish "v=DMARC1; p=quarantine; rua=mailto:…" at _dmarc.{domain}.'
        yield base.Advice(f"{domain} has {what}; Google and Microsoft ask for one of who sends many mails.", cure)


def _tag(record: str, name: str) -> str:
    tags = dict(part.strip().split("=", 1) for part in record.split(";") if "=" in part)
    return next((value.strip().lower() for key, value in tags.items() if key.strip().lower() == name), "")
