"""Columns, found by the headings of the systems that schools have."""

import pytest

from gateway.errors import BadInput
from gateway.importing import headings
from gateway.importing.headings import Kind, Layout


def layout(text: str) -> Layout:
    return headings.layout(text.split(","), known=headings.aliases(), file="export.csv")


def test_schoolbookings_published_layout() -> None:
    found = layout(
        "Student ID,Student Forename,Student Surname,Parent ID,(Contact) Priority,Parental responsibility (T/F),"
        "Lives with Pupil (T/F),Title,Forename,Surname,(Contact) Home Email,Main Telephone,Primary Email,Mobile number,"
        "Class ID,(Class) Class Name"
    )
    assert found.kind is Kind.COMBINED
    assert found.columns["contact.email"] == (10, 12)
    assert found.columns["contact.forename"] == (8,)
    assert found.columns["pupil.groups"] == (15,)
    assert found.unused() == ("Class ID",)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("UPN,Forename,Surname,Year,Reg", Kind.PUPILS),  # SIMS
        ("Arbor Student ID,First name,Last name,UPN,Year group,Registration form,Email", Kind.PUPILS),
        ("Pupil ID,FirstName,LastName,YearGroup,Form,DOB", Kind.PUPILS),  # Bromcom
        (
            "Pupil ID,Contact ID,Contact First Name,Contact Last Name,Phone,Mobile,Priority,Email",
            Kind.CONTACTS,
        ),  # Wonde
        ("Person ID,Pupil ID,Title,Forename,Surname,Relationship to Student,Mobile telephone", Kind.CONTACTS),
        ("Pupil ID,Forename,Surname,Contact ID,Contact Forename,Contact Surname,Mobile", Kind.COMBINED),
        ("PUPIL_ID,fore-name,SUR NAME", Kind.PUPILS),
    ],
)
def test_kinds_are_told_apart(text: str, kind: Kind) -> None:
    assert layout(text).kind is kind


def test_a_bare_heading_is_nobodys_when_both_have_their_own() -> None:
    found = layout("Pupil ID,Pupil Forename,Pupil Surname,Contact Forename,Contact Surname,Forename")
    assert found.unused() == ("Forename",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Pupil ID,Forename,Surname,Forename", "more than one column"),
        ("Pupil ID,Forename,Surname,DOB,Date of Birth", "“DOB” and “Date of Birth” mean the same"),
        ("Forename,Surname,Year", "no column is “Pupil ID” or “UPN”"),
        ("Pupil ID,Year", "no column is “Forename”"),
        ("Contact ID,Contact Surname,Mobile", "list of contacts, but no column is “Pupil ID”"),
        ("Pupil ID,Priority,Mobile", "“Contact Forename” or “Contact Surname”"),
        ("apples,pears", "“Pupil ID”"),
        ("Pupil ID,Contact Forename,Mobile,Mobile,Priority", "more than one column"),
    ],
)
def test_headings_that_cannot_work_are_named(text: str, words: str) -> None:
    with pytest.raises(BadInput) as error:
        layout(text)
    assert words in str(error.value)
    assert all(problem.file == "export.csv" and problem.line == 1 and problem.cure for problem in error.value.problems)


def test_no_heading_stands_in_the_table_for_two_fields() -> None:
    import tomllib
    from importlib.resources import files

    data = tomllib.loads(files("gateway.importing").joinpath("aliases.toml").read_text(encoding="utf-8"))
    data.pop("fields")
    seen: dict[str, str] = {}
    for part, fields in data.items():
        for field, spellings in fields.items():
            for spelling in spellings:
                key = "".join(c for c in spelling.casefold() if c.isalnum())
                assert seen.setdefault(key, f"{part}.{field}") == f"{part}.{field}", spelling
