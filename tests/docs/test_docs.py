"""The pages are fresh, complete and true: made anew, read, and their commands and examples tried."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from config import reference, settings
from gateway import cli, metrics, states
from gateway.calendars import document as calendar
from gateway.definitions import reading, survey, translated
from gateway.desk import canned
from gateway.registers import teachers
from gateway.translating import glossary
from gateway.understanding import language
from templates import library

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = (
    "settings.md", "commands.md", "definitions.md", "definition.schema.json", "wordings.md", "languages.md",
    "metrics.md", "provider-codes.md", "signing-in.md", "api.md", "data-protection.md",
)  # fmt: skip
WRITTEN = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
#: A fenced block: its language and its lines.
FENCE = re.compile(r"^(```+)(\w*)\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def page(title: str) -> str:
    return (DOCS / title).read_text(encoding="utf-8")


def blocks(path: Path, *languages: str) -> list[str]:
    return [body for _, language, body in FENCE.findall(path.read_text(encoding="utf-8")) if language in languages]


def rows(text: str) -> set[str]:
    """The first cell of every row of a page's tables, as it stands."""
    return {cells[1].strip() for line in text.splitlines() if len(cells := line.split("|")) > 2}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    # As `make docs` does it, from another width of window: nothing may depend on that.
    command = [sys.executable, "-m", "docs.make", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=100, env={"COLUMNS": "33", "PYTHONHASHSEED": "7"})
    return folder


def test_every_page_is_made(made: Path) -> None:
    assert {path.name for path in made.iterdir()} == set(PAGES)


@pytest.mark.parametrize("title", PAGES)
def test_the_page_is_fresh(title: str, made: Path) -> None:
    assert page(title) == (made / title).read_text(encoding="utf-8"), f"docs/{title} is stale: run `make docs`."


@pytest.mark.parametrize("title", PAGES)
def test_no_page_names_this_machine(title: str) -> None:
    assert str(ROOT) not in page(title)
    assert str(Path.home()) not in page(title)


def test_every_setting_has_a_row() -> None:
    assert {f"`{entry.key}`" for entry in reference.describe()} <= rows(page("settings.md"))


def test_the_environment_takes_the_names_that_the_page_gives() -> None:
    spelt = re.findall(r"^\| `roles` .*`(HANDBELL_\w+)` \|$", page("settings.md"), re.MULTILINE)
    spelt += re.findall(r"^\| `log\.level` .*`(HANDBELL_\w+)` \|$", page("settings.md"), re.MULTILINE)
    spelt += re.findall(r"^\| `sending\.retry\.sms\.max_attempts` .*`(HANDBELL_\w+)` \|$", page("settings.md"), re.M)
    environ = dict(zip(spelt, ("web,sender", "debug", "3"), strict=True)) | {"HANDBELL_PRACTICE__ENABLED": "true"}
    loaded = settings.load(None, environ=environ, credentials=None)
    assert (loaded.roles, loaded.log.level) == (("web", "sender"), "debug")
    assert loaded.sending.retry.sms.max_attempts == 3


def test_every_command_has_a_heading_and_its_example() -> None:
    text = page("commands.md")
    for words, example in known_commands():
        assert f"\n### handbell {words}\n" in text
        assert f"\n{example}\n" in text


def known_commands() -> Iterator[tuple[str, str]]:
    yield from ((one.name, one.example) for _, one in cli.LONE)
    for group in cli.GROUPS:
        yield from ((f"{group.name} {one.name}", one.example) for one in group.commands)


def test_every_metric_has_a_row() -> None:
    known = rows(page("metrics.md"))
    exposed = {one.name for one in metrics.Metrics().collected.collect() if not one.name.startswith("process_")}
    assert {cell.strip("`").removesuffix("_total") for cell in known if cell.startswith("`handbell_")} == exposed


def test_every_wording_has_a_heading_its_values_and_its_words() -> None:
    text = page("wordings.md")
    for key, notice in library.notices().items():
        _, _, own = text.partition(f"\n## {key}\n")
        own = own.partition("\n## ")[0]
        assert {f"`{value}`" for value in notice.values} <= rows(own), key
        for medium in library.MEDIA:
            if getattr(notice, library.MEDIA[medium]):
                assert notice.wording(medium).text.strip() in own, key


def test_every_key_of_a_definition_has_a_row_in_its_table() -> None:
    sections = page("definitions.md").split("\n## ")
    schema = reading.schema()
    shapes = [schema, *(shape for shape in schema["$defs"].values() if "properties" in shape)]
    assert len(shapes) > 8
    for shape in shapes:
        own = [section for section in sections if f"\n{shape['description']}\n" in section]
        assert own, shape["description"]
        for section in own:
            assert rows(section) - {"key", "---"} == {f"`{key}`" for key in shape["properties"]}


def test_every_route_of_the_api_has_a_row() -> None:
    routes = re.findall(r"^\| (GET|POST) \| `/api/v1(/[^`]*)` \|", page("api.md"), re.MULTILINE)
    assert ("POST", "/notices") in routes
    assert ("POST", "/notices/{key}/approve") in routes
    assert ("GET", "/contacts/{contact_id}") in routes
    assert len(routes) == len(set(routes)) > 10


def test_the_states_and_arrows_are_those_of_the_code() -> None:
    table = re.findall(r"^\| `(\w+)` \|([^|]*)\|", page("how-it-works.md"), re.MULTILINE)
    told = {state: set(re.findall(r"`(\w+)`", after)) for state, after in table}
    assert told == {before.value: {after.value for after in afters} for before, afters in states.ARROWS.items()}


@pytest.mark.parametrize("path", WRITTEN, ids=name)
def test_every_link_leads_somewhere(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        if not re.match(r"[a-z]+:|#", target):
            there = path.parent / unquote(target.partition("#")[0])
            assert there.exists(), f"{name(path)} links to {target}, which is not there."


@pytest.mark.parametrize("path", WRITTEN, ids=name)
def test_every_command_line_is_one_that_handbell_knows(path: Path) -> None:
    app = cli.build()
    for line in command_lines(path):
        words = shlex.split(line, comments=True)
        words = words[1 : next((at for at, word in enumerate(words) if word in (">", "|", "&&")), None)]
        result = CliRunner().invoke(app, [*words, "--help"])  # options are looked at before help is given
        assert result.exit_code == 0, f"{name(path)}: {line}\n{result.output}"


def command_lines(path: Path) -> Iterator[str]:
    """Lines of shell blocks, and code within sentences, that call ``handbell``, wherever it is said to stand."""
    text = path.read_text(encoding="utf-8")
    lines = [line.strip() for block in blocks(path, "sh") for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    yield from (line for line in lines if re.match(r"(\S*/)?handbell\s", line) and "$@" not in line)


def test_no_page_tells_of_an_import_command_that_is_none() -> None:
    """`handbell import people` would read a file of the name “people”, so no command line is wrong by itself."""
    assert [name(path) for path in WRITTEN if "handbell import people" in path.read_text(encoding="utf-8")] == []


def test_a_command_line_that_is_not_one_would_be_found(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.md"
    wrong.write_text(
        "Say `handbell notise send x.toml`.\n\n```sh\n.venv/bin/handbell notice send x.toml --quick\n```\n"
    )
    assert len(list(command_lines(wrong))) == 2
    for line in command_lines(wrong):
        assert CliRunner().invoke(cli.build(), [*line.split()[1:], "--help"]).exit_code == 2


@pytest.mark.parametrize("path", WRITTEN, ids=name)
def test_every_example_can_be_used(path: Path) -> None:
    """What has questions is a survey, what has an audience a definition, what has a language words; the desk's are
    canned answers; of translating they are notes and glossaries; what has sessions is a calendar; any other TOML is of
    the settings file.
    """
    for block in blocks(path, "toml"):
        data = tomllib.loads(block)
        if "questions" in data:
            survey.read(data)
        elif "audience" in data:
            reading.read(data, source=block)
        elif "language" in data:
            language.make([language.File(name(path), block, data)])
        elif "translations" in data:
            [translated.Translation.model_validate(note) for note in data["translations"].values()]
        elif path.name == "translating.md":
            glossary.read(data, block, shown=name(path))
        elif "sessions" in data:
            calendar.Calendar.model_validate(data)
        elif path.name == "desk.md":
            canned.File.model_validate(data)
        elif "forms" in data:
            teachers.Teachers.model_validate(data)
        else:
            settings.Settings.model_validate(data)
    for block in blocks(path, "json"):
        reading.read(json.loads(block))


def test_the_readme_has_an_example_and_links_every_page() -> None:
    readme = ROOT / "README.md"
    assert any("audience" in block for block in blocks(readme, "toml"))
    linked = set(LINK.findall(readme.read_text(encoding="utf-8")))
    assert {f"docs/{path.name}" for path in DOCS.glob("*.md")} - {"docs/benchmarks.md"} <= linked
    assert "docs/definition.schema.json" in linked


@pytest.mark.parametrize("title", ["how-it-works.md", "operations.md", "glossary.md"])
def test_what_is_written_by_hand_fits_a_window(title: str) -> None:
    wide = [line for line in page(title).splitlines() if len(line) > 120 and not line.startswith("|")]
    assert not wide


def test_the_wheel_does_not_ship_the_docs() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    assert "docs" not in build["wheel"]["packages"]
