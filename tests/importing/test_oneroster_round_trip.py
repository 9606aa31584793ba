"""Whatever school is written as OneRoster comes back, and a large one in no more memory than a small one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from support import onerosters

from gateway.importing import formats

names = st.text(st.characters(categories=["L"], include_characters="'- "), min_size=1, max_size=10).map(str.strip)
names = names.filter(bool)


@settings(max_examples=25, deadline=None)
@given(
    pupils=st.lists(st.tuples(names, names), min_size=1, max_size=6),
    family=st.lists(st.tuples(names, names, st.sets(st.integers(0, 5), max_size=4)), max_size=6),
    version=st.sampled_from(["1.1", "1.2"]),
    direction=st.sampled_from(["pupil", "contact", "both"]),
    packed=st.booleans(),
)
def test_a_random_school_comes_back(
    pupils: list[tuple[str, str]],
    family: list[tuple[str, str, set[int]]],
    version: str,
    direction: str,
    packed: bool,
) -> None:
    wanted = {(f"s{p}", f"g{g}") for g, (_, _, named) in enumerate(family) for p in named if p < len(pupils)}
    people = [("student", f"s{n}", *one) for n, one in enumerate(pupils)]
    people += [("parent", f"g{n}", forename, surname) for n, (forename, surname, _) in enumerate(family)]
    rows = [
        {
            "sourcedId": id_, "role": role, "givenName": forename, "familyName": surname,
            "agentSourcedIds": ",".join(
                sorted(other for pair in wanted if id_ in pair for other in pair if other != id_)
            ) if direction in (("pupil" if role == "student" else "contact"), "both") else "",
        }
        for role, id_, forename, surname in reversed(people)
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as parent:
        if version == "1.1":
            path = onerosters.save_11(Path(parent, "b"), rows)
        else:
            roles = [{"userSourcedId": row["sourcedId"], "role": row["role"]} for row in rows]
            path = onerosters.save_12(Path(parent, "b"), rows, roles)
        if packed:
            with zipfile.ZipFile(Path(parent, "b.zip"), "w") as archive:
                for file in path.iterdir():
                    archive.write(file, f"b/{file.name}")
            path = Path(parent, "b.zip")
        found = formats.look_all([path])
        assert {
            (row["pupil.id"], row["pupil.forename"], row["pupil.surname"]) for row in onerosters.words(found[0])
        } == {(id_, forename, surname) for role, id_, forename, surname in people if role == "student"}
        assert onerosters.links(found) == wanted
        known = {id_: (forename, surname) for _, id_, forename, surname in people}
        for row in onerosters.words(found[1]):
            assert (row["contact.forename"], row["contact.surname"]) == known[row["contact.id"]]


MEASURE = """
import resource, sys
from pathlib import Path
from gateway.importing import oneroster

for source in oneroster.look(Path(sys.argv[1])):
    rows = sum(1 for _ in source.rows())
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_school(tmp_path: Path) -> None:
    def measured(pupils: int) -> tuple[int, int]:
        path = onerosters.save(tmp_path / str(pupils), manifest=onerosters.manifest(users="bulk"))
        with (path / "users.csv").open("w") as file:
            file.write("sourcedId,role,givenName,familyName,agentSourcedIds,sms,email\n")
            for n in range(pupils):
                number = f"07700 900{n % 1000:03}"
                file.write(f'p{n},student,Forename{n},Surname{n},"g{n}",,\n')
                file.write(f'g{n},parent,Parent{n},Surname{n},"p{n}",{number},g{n}@example.com\n')
        command = [sys.executable, "-c", MEASURE, str(path)]
        ran = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": "."})
        rows, kilobytes = map(int, ran.stdout.split())
        return rows, kilobytes

    (few, small), (many, large) = measured(2_500), measured(50_000)
    assert (few, many) == (2_500, 50_000)
    assert large < small * 1.25
