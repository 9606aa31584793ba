"""``docs/signing-in.md``: how staff come in, and the one table of who may do what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from docs.writers import markdown
from gateway.accounts import delays, links, passwords, sessions
from gateway.web.office import rights

_INTRO = """
The office's pages are for people with an account of their own. There is no password that everybody knows, and none that
comes with Handbell. Programs use the HTTP API with tokens (`handbell token create`); a token opens no page.
"""
_FIRST = f"""
While nobody has an account, the daemon prints an address at its start, in the journal as `come_in`, in practice mode on
the terminal. Whoever opens it says who they are and becomes Head or IT. It works once, for {links.FIRST_FOR.days * 24}
hours, and only while there is nobody. `handbell staff link` prints another one.

They let the others in on the page Staff, or with `handbell staff add`. Each gets a link by which they choose a
password. It works once, for three days; a new one makes the earlier ones useless. Whoever has forgotten a password gets
a new link: `handbell staff link EMAIL`, with `--no-codes` where the phone is lost too. To open a link does nothing, as
mail programs do it by themselves.

A name is never given to a second person, nor changed: the audit log signs with it. Whoever has left is disabled, not
deleted.
"""
_PASSWORDS = f"""
A password has {passwords.SHORTEST} characters or more, and does not consist of what others know: names, the school, a
word from the top of every list. It is kept as argon2id (RFC 9106); a hash of older parameters is made anew as its
person signs in. Whether an email has an account shows neither in what is said nor in how long it takes.

On Your account anybody can let their phone make codes (RFC 6238): whoever learns the password then lacks the phone. A
code is taken once. A sheet of eight codes stands in for a lost phone, each once. What a phone has is made
of the account and of `audit.key`: a copy of the database alone makes no codes, and with another key all are wrong.
"""
_DELAYS = f"""
After {delays.name("").free} failures with one email each further try has to wait, 2 seconds, then 4, then 8, and never
more than {delays.name("").longest // 60} minutes; until then not even the right password is looked at. Of one address
{delays.address("").free} failures are free, as behind a proxy or a school's router it is everybody's. Nobody is locked
out by it: a browser that somebody has signed in from before is counted by itself, whatever strangers do elsewhere, and
a new link passes all of it. After a day nothing is held against anybody.
"""
_SESSIONS = f"""
A sign-in ends after 20 minutes in which nothing was done (`staff.idle_s`) and after 12 hours at most (`staff.most_s`);
pages that keep themselves up to date are no sign that somebody is there, those of an alarm excepted. Each person sees
their own sign-ins on Your account and ends them; IT and the Head end anybody's. A new password, another role, other
forms, a change of the phone and the end of an account end them at once. The database has only the hash of a cookie, and
half a sign-in, whose password was right and whose code is missing, opens nothing and lasts
{sessions.CODE_WITHIN.seconds // 60} minutes.

Set `web.office_url` where staff do not reach the pages at `web.public_base_url`. Over https cookies are `__Host-`
cookies, which no other site and no plain connection can set or read. Pages need an address of their own, without a
path. Where somebody may listen on the wire between the office and this machine, use https.
"""
_SECOND = """
Whoever asks for something large does not let it go as well. `emergency.second_person` holds every alarm until somebody
else approves it, `staff.second_person_over` every notice about more children than that, and `approval.required` in a
definition just this one. The second person is another person: not the same name in other letters, not their token, and
not their name at the keyboard (`--as`). Both are off until the school decides: the second person must be there when it
matters.
"""
_ROLES = """
One table says it (`gateway/web/office/rights.py`); a page cannot be made without a right, and
`tests/web/test_door.py` asks for every page as every role. A teacher's rights reach as far as their own forms. A
refusal is written into the audit log.
"""
_LOG: Final = """
Signed in, failed, ended and why, let in, disabled, role and forms changed, password and phone changed, link made,
refused: each is a line in the audit log, with ids and reasons. What was typed into a form of the sign-in is not: people
type passwords into the wrong field.
"""


def page() -> str:
    """Give the page."""
    return markdown.whole(_parts())


def _parts() -> Iterator[str]:
    yield markdown.head("Signing in", "gateway/web/office/rights.py")
    yield _INTRO
    for heading, text in (
        ("The first one, and the others", _FIRST),
        ("Passwords and phones", _PASSWORDS),
        ("Guessing", _DELAYS),
        ("Staying in, and being signed out", _SESSIONS),
        ("A second person", _SECOND),
        ("What is written down", _LOG),
        ("Who may do what", _ROLES),
    ):
        yield f"## {heading}"
        yield text
    yield markdown.table(("role", "on the command line", "what it is for"), _roles())
    names = [name for name, _ in rights.ROLES.values()]
    yield markdown.table(("may", *names), _rights())


def _roles() -> Iterator[tuple[str, ...]]:
    for role, (name, what) in rights.ROLES.items():
        yield name, f"`{role.value}`", what


def _rights() -> Iterator[tuple[str, ...]]:
    for right in rights.Right:
        if right is not rights.Right.PUBLIC:
            yield right.value, *("yes" if rights.may(role, right) else "" for role in rights.ROLES)
