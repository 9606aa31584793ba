"""Email cells."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import addresses
from gateway.errors import Problem


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("ana.kowalska@example.com", "ana.kowalska@example.com"),
        ("  Ana.Kowalska@Example.COM ", "ana.kowalska@example.com"),
        ("mailto:ana@example.com", "ana@example.com"),
        ("Ana Kowalska <ana@example.com>", "ana@example.com"),
        ('"Kowalska, Ana" <ana@example.com>', "ana@example.com"),
        ("ana+school@example.co.uk", "ana+school@example.co.uk"),
        ("o'brien@example.org", "o'brien@example.org"),
        ("ana\u200b@example.com", "ana@example.com"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("a@kowalski.family.example", "a@kowalski.family.example"),
    ],
)
def test_reads(raw: str, address: str) -> None:
    assert addresses.read(raw) == address


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("", "no email address"),
        ("none", "no @"),
        ("ana.example.com", "no @"),
        ("ana@@example.com", "more than one"),
        ("ana@example.com marek@example.com", "more than one"),
        ("ana kowalska@example.com", "space"),
        ("ana@example .com", "space"),
        ("łucja@example.com", "accent"),
        (".ana@example.com", "mailbox"),
        ("ana..k@example.com", "mailbox"),
        ("@example.com", "mailbox"),
        (f"{'a' * 65}@example.com", "mailbox"),
        ("ana@", "domain"),
        ("ana@example", "domain"),
        ("ana@example..com", "domain"),
        ("ana@-example.com", "domain"),
        ("ana@example.com.", "domain"),
        ("ana@192.0.2.1", "end"),
        (f"ana@{'x' * 60}.{'y' * 60}.{'z' * 60}.{'w' * 60}.{'v' * 20}.com", "domain"),
    ],
)
def test_refuses_with_a_cure(raw: str, words: str) -> None:
    problem = addresses.read(raw)
    assert isinstance(problem, Problem)
    assert words in problem.what
    assert problem.cure


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(raw: str) -> None:
    found = addresses.read(raw)
    assert isinstance(found, Problem) or addresses.read(found) == found


@settings(deadline=None)
@given(st.emails(domains=st.sampled_from(["example.com", "example.org"])))
def test_ordinary_addresses_are_read(address: str) -> None:
    assert addresses.read(address) == address.lower()


def test_a_cell_may_hold_several_addresses() -> None:
    assert addresses.split("a@example.com; b@example.com,c@example.com\nd@example.com;") == [
        "a@example.com",
        "b@example.com",
        "c@example.com",
        "d@example.com",
    ]
