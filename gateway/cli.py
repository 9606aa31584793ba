"""The command line: every command on one page, with its place in the help and an example."""

from __future__ import annotations

import gc
import io
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from gateway import errors
from gateway.commands import (
    absence,
    audit,
    backup,
    balance,
    calendar,
    campaign,
    contact,
    conversation,
    coverage,
    deciding,
    details,
    emergency,
    event,
    event_changes,
    explain,
    explain_mail,
    explain_reply,
    explain_route,
    golive,
    groups,
    importing,
    imports,
    installing,
    letters,
    mapping,
    marks,
    message,
    notice,
    one_person,
    opening,
    people,
    person,
    praise,
    preference,
    reasons,
    rehearse,
    replies,
    reports,
    reviews,
    routes,
    school,
    sender,
    service,
    settings,
    showing,
    staff,
    status,
    surveys,
    tasks,
    token,
    translating,
    trial,
    voice,
    words,
)

DAILY, UPKEEP, ANSWERS, WORKSHOP = "Every day", "The installation", "Questions and proof", "For translators"
_GATE = '--you-said "The gate is crowded." --we-did "We now open a second gate."'
_GAS = '--what "There is a gas leak." --do "Please do not come to school."'
_AT = "handbell --school oakfield school"
DEFAULT_CONFIG = Path("/etc/handbell/handbell.toml")


class Command(NamedTuple):
    """A command: what does it, its name, and an example for its help."""

    do: Callable[..., None]
    name: str
    example: str


class Group(NamedTuple):
    """Commands about one thing, and where the help lists them."""

    name: str
    panel: str
    help: str
    commands: tuple[Command, ...]
    sort: type[groups.Later] = groups.Later


LONE: tuple[tuple[str, Command], ...] = (
    (DAILY, Command(balance.show, "balance", "handbell balance --form 3A --group SEN")),
    (UPKEEP, Command(service.practice, "practice", "handbell practice --folder practice --port 8080")),
    (UPKEEP, Command(installing.install, "install", "handbell install --systemd --write")),
    (UPKEEP, Command(service.run, "run", "handbell --config /etc/handbell/handbell.toml run")),
    (UPKEEP, Command(status.show, "status", "handbell status --live")),
    (UPKEEP, Command(service.doctor, "doctor", "handbell doctor")),
    (UPKEEP, Command(service.migrate, "migrate", "handbell migrate")),
    (UPKEEP, Command(routes.routes, "routes", "handbell routes")),
)

GROUPS = (
    Group(
        "import",
        DAILY,
        "Take over pupils and contacts from the school's files. The word files may be left out.",
        (
            Command(importing.import_files, "files", "handbell import files pupils.csv contacts.csv"),
            Command(imports.list_all, "list", "handbell import list"),
            Command(imports.undo, "undo", "handbell import undo 12"),
            Command(imports.conflicts, "conflicts", "handbell import conflicts"),
            Command(imports.answer, "answer", "handbell import answer 3 theirs"),
            Command(mapping.columns, "map", 'handbell import map --source sims "Mum Cell"=contact.mobile'),
        ),
        groups.FirstByDefault,
    ),
    Group(
        "notice",
        DAILY,
        "Check, preview, send, approve and follow notices.",
        (
            Command(notice.check, "check", "handbell notice check closure.toml"),
            Command(notice.preview, "preview", "handbell notice preview closure.toml --all"),
            Command(notice.send, "send", "handbell notice send closure.toml"),
            Command(notice.approve, "approve", 'handbell notice approve closure-boiler --as "Mrs Okafor"'),
            Command(notice.cancel, "cancel", "handbell notice cancel closure-boiler"),
            Command(notice.pause, "pause", "handbell notice pause closure-boiler"),
            Command(notice.resume, "resume", "handbell notice resume closure-boiler"),
            Command(notice.list_all, "list", "handbell notice list --limit 10"),
            Command(notice.show, "show", "handbell notice show closure-boiler"),
            Command(translating.translate, "translate", "handbell notice translate choir.toml --to pl --to ur"),
            Command(translating.review, "review", 'handbell notice review choir.toml pl --by "Anna Kowalska"'),
            Command(notice.schema, "schema", "handbell notice schema > definition.schema.json"),
        ),
    ),
    Group(
        "event",
        DAILY,
        "Invite families to events, take their answers, and follow up.",
        (
            Command(event.list_all, "list", "handbell event list"),
            Command(event.show, "show", "handbell event show parents-evening --silent"),
            Command(event.list_slots, "slots", "handbell event slots parents-evening"),
            Command(event.invite, "invite", "handbell event invite parents-evening.toml"),
            Command(event.answer, "answer", "handbell event answer parents-evening 12 coming --slot 7"),
            Command(event_changes.change, "change", 'handbell event change parents-evening --place "the library"'),
            Command(event_changes.cancel, "cancel", 'handbell event cancel parents-evening --details "It will snow."'),
            Command(event_changes.attended, "attended", "handbell event attended parents-evening --booked --send"),
            Command(event.feed, "feed", "handbell event feed 3A"),
        ),
    ),
    Group(
        "praise",
        DAILY,
        "Send good news home, at a kind hour. The word add may be left out.",
        (
            Command(praise.add, "add", "handbell praise add Ana kindness 'She shared her lunch.' --from 'Ms Okafor'"),
            Command(praise.list_all, "list", "handbell praise list --waiting"),
            Command(praise.withdraw, "withdraw", "handbell praise withdraw 12"),
        ),
        groups.FirstByDefault,
    ),
    Group(
        "letter",
        DAILY,
        "Letters for families whom no phone and no mailbox reaches.",
        (
            Command(letters.list_all, "list", "handbell letter list"),
            Command(letters.print_all, "print", "handbell letter print --out letters.pdf"),
            Command(letters.posted, "posted", "handbell letter posted 20261130-091500"),
            Command(letters.address, "address", "handbell letter address 12 '12 Mill Lane' Leeds 'LS1 1AA'"),
        ),
    ),
    Group(
        "marks",
        DAILY,
        "Take register marks in, and see what the codes mean.",
        (
            Command(marks.import_files, "import", "handbell marks import marks.csv"),
            Command(marks.set_one, "set", 'handbell marks set S1234 L --at 09:42 --as "Mrs Office"'),
            Command(marks.codes, "codes", "handbell marks codes"),
        ),
    ),
    Group(
        "absence",
        DAILY,
        "Account for every child: who is away, who was asked, and where each of them is.",
        (
            Command(absence.list_all, "list", "handbell absence list"),
            Command(absence.show, "show", "handbell absence show 12"),
            Command(absence.settle, "settle", 'handbell absence settle 12 --code I --who "Maria Nowak (mother)"'),
            Command(absence.confirm, "confirm", "handbell absence confirm 12"),
            Command(absence.resume, "resume", "handbell absence resume 12"),
            Command(absence.report, "report", "handbell absence report S1234 I --until 26/11/2026"),
            Command(reasons.list_all, "reasons", "handbell absence reasons"),
            Command(reasons.withdraw, "withdraw", "handbell absence withdraw 7"),
            Command(absence.release, "release", "handbell absence release"),
            Command(absence.export, "export", "handbell absence export --out today.csv"),
            Command(absence.ageing, "ageing", "handbell absence ageing"),
            Command(absence.strangers, "strangers", "handbell absence strangers"),
            Command(absence.chronology_page, "chronology", "handbell absence chronology 12 --out case.html"),
        ),
    ),
    Group(
        "calendar",
        DAILY,
        "When school is: terms, closed days, sessions; and a snow day.",
        (
            Command(calendar.show, "show", "handbell calendar show"),
            Command(calendar.days, "days", "handbell calendar days --from 01/09/2026 --until 31/10/2026"),
            Command(calendar.check, "check", "handbell calendar check calendar.toml"),
            Command(calendar.import_file, "import", "handbell calendar import term-dates.ics"),
            Command(calendar.close, "close", 'handbell calendar close 12/01/2027 --because "Snow"'),
            Command(calendar.undo, "undo", "handbell calendar undo 3"),
            Command(calendar.hold, "hold", "handbell calendar hold"),
            Command(calendar.release, "release", "handbell calendar release"),
        ),
    ),
    Group(
        "campaign",
        DAILY,
        "Notices that go out again and again: which, when, and why not.",
        (
            Command(campaign.list_all, "list", "handbell campaign list"),
            Command(campaign.coming, "next", "handbell campaign next --days 14"),
            Command(campaign.explain, "explain", "handbell campaign explain newsletter --date 25/12/2026"),
            Command(campaign.pause, "pause", "handbell campaign pause newsletter --until 04/01/2027"),
            Command(campaign.resume, "resume", "handbell campaign resume newsletter"),
            Command(campaign.run_now, "run-now", "handbell campaign run-now newsletter"),
        ),
    ),
    Group(
        "rehearse",
        DAILY,
        "See what would happen, on the real people, without a message.",
        (Command(rehearse.absence, "absence", "handbell rehearse absence --date 2026-11-24"),),
    ),
    Group(
        "emergency",
        DAILY,
        "Alarm all who answer for the children, see who has read, and give the all-clear.",
        (
            Command(emergency.preview, "preview", f"handbell emergency preview {_GAS}"),
            Command(emergency.send, "send", f"handbell emergency send {_GAS} --form 3A"),
            Command(notice.approve, "approve", 'handbell emergency approve emergency-2026-11-24-1 --as "Mrs Okafor"'),
            Command(emergency.status, "status", "handbell emergency status --watch"),
            Command(emergency.note, "note", 'handbell emergency note P1017 --how "rang her mother"'),
            Command(emergency.list_all, "list", "handbell emergency list"),
            Command(emergency.update, "update", 'handbell emergency update --what "…" --do "…"'),
            Command(emergency.all_clear, "all-clear", 'handbell emergency all-clear --now "Lessons go on as usual."'),
            Command(emergency.rehearse, "rehearse", "handbell emergency rehearse"),
        ),
    ),
    Group(
        "survey",
        DAILY,
        "Ask families, one question a text; see what they said; close it with what the school does.",
        (
            Command(surveys.create, "create", "handbell survey create gate.toml"),
            Command(surveys.list_all, "list", "handbell survey list"),
            Command(surveys.results, "results", "handbell survey results gate-2026 --csv gate.csv"),
            Command(surveys.close, "close", f"handbell survey close gate-2026 {_GATE}"),
        ),
    ),
    Group(
        "replies",
        DAILY,
        "Read what families answered.",
        (
            Command(replies.list_all, "list", "handbell replies list --waiting"),
            Command(replies.seen, "seen", 'handbell replies seen 17 --as "Mr Reilly"'),
            Command(replies.play, "play", 'handbell replies play 17 --out message.wav --as "Mr Reilly"'),
        ),
    ),
    Group(
        "conversation",
        DAILY,
        "Answer families: who does it, by when, and what is overdue.",
        (
            Command(conversation.list_all, "list", "handbell conversation list --overdue"),
            Command(conversation.show, "show", "handbell conversation show 12"),
            Command(conversation.take, "take", 'handbell conversation take 12 "Mr Reilly"'),
            Command(conversation.note, "note", 'handbell conversation note 12 "Rang her at ten."'),
            Command(conversation.answer, "answer", "handbell conversation answer 12 --canned thanks"),
            Command(conversation.kind, "kind", "handbell conversation kind 12 complaint"),
            Command(conversation.merge, "merge", "handbell conversation merge 12 15"),
            Command(conversation.close, "close", "handbell conversation close 12 answered"),
            Command(conversation.canned_answers, "canned", "handbell conversation canned"),
        ),
    ),
    Group(
        "message",
        DAILY,
        "Follow one message, or send a failed one again.",
        (
            Command(message.show, "show", "handbell message show 01JDB1W0K6T3C4M5N6P7Q8R9ST"),
            Command(message.again, "again", "handbell message again 01JDB1W0K6T3C4M5N6P7Q8R9ST"),
        ),
    ),
    Group(
        "task",
        DAILY,
        "See to what no machine may decide.",
        (
            Command(tasks.list_all, "list", "handbell task list"),
            Command(tasks.done, "done", 'handbell task done 4 --as "Mrs Okafor"'),
        ),
    ),
    Group(
        "contact",
        DAILY,
        "See who is on file, and write down what a family confirms and the school decides.",
        (
            Command(contact.list_all, "list", "handbell contact list Nowak"),
            Command(contact.show, "show", "handbell contact show 12"),
            Command(details.evidence, "evidence", "handbell contact evidence 12"),
            Command(deciding.confirm, "confirm", "handbell contact confirm 31"),
            Command(deciding.language, "language", "handbell contact language 12 --reads Polish"),
            Command(deciding.interpreter, "interpreter", "handbell contact interpreter 12"),
            Command(deciding.bar, "bar", "handbell contact bar 12 S1234 --from 01/09/2026"),
            Command(deciding.lift, "lift", "handbell contact lift 12 S1234"),
            Command(one_person.doubles, "doubles", "handbell contact doubles"),
            Command(one_person.merge, "merge", 'handbell contact merge 12 47 --yes --as "Mrs Okafor"'),
            Command(one_person.part, "part", "handbell contact part 12 C47"),
        ),
    ),
    Group(
        "details",
        DAILY,
        "New numbers and mailboxes of which families tell us, and families who can hardly be reached.",
        (
            Command(details.list_all, "list", "handbell details list"),
            Command(details.approve, "approve", 'handbell details approve 3 --as "Mrs Okafor"'),
            Command(details.refuse, "refuse", 'handbell details refuse 3 --why "not her number"'),
            Command(details.export, "export", "handbell details export --out for-the-mis.csv"),
            Command(details.report, "report", "handbell details report few --out few.csv"),
        ),
    ),
    Group(
        "people",
        DAILY,
        "See pupils, who answers for them, and whom an absence text would reach.",
        (Command(people.list_all, "list", "handbell people list --form 5B"),),
    ),
    Group(
        "preference",
        DAILY,
        "What a family wants to hear of, by which medium: at once, once a day, or not at all.",
        (
            Command(preference.show, "show", "handbell preference show 12"),
            Command(preference.set_one, "set", "handbell preference set 12 menus --text off --email digest"),
            Command(preference.list_topics, "topics", "handbell preference topics"),
        ),
    ),
    Group(
        "voice",
        UPKEEP,
        "Recorded phrases, for calls in languages that no machine voice speaks.",
        (
            Command(voice.script, "script", "handbell voice script Urdu"),
            Command(voice.import_files, "import", "handbell voice import Urdu recordings/*.wav"),
            Command(voice.invite, "invite", "handbell voice invite Urdu"),
            Command(voice.status, "status", "handbell voice status"),
            Command(voice.forget, "forget", "handbell voice forget Urdu --old"),
        ),
    ),
    Group(
        "sender",
        UPKEEP,
        "The numbers and addresses that Handbell sends as.",
        (
            Command(sender.list_all, "list", "handbell sender list"),
            Command(sender.release, "release", "handbell sender release 1"),
        ),
    ),
    Group(
        "token",
        UPKEEP,
        "Keys by which other programs use the HTTP API.",
        (
            Command(token.create, "create", "handbell token create timetable"),
            Command(token.revoke, "revoke", "handbell token revoke timetable"),
            Command(token.list_all, "list", "handbell token list"),
        ),
    ),
    Group(
        "staff",
        UPKEEP,
        "Who may come in to the office's pages, and what they may do there.",
        (
            Command(staff.list_all, "list", "handbell staff list"),
            Command(staff.add, "add", 'handbell staff add "Ms Green" a.green@school.example --role teacher --form 3A'),
            Command(staff.link, "link", "handbell staff link a.green@school.example"),
            Command(staff.role, "role", "handbell staff role a.green@school.example office"),
            Command(staff.disable, "disable", "handbell staff disable a.green@school.example"),
            Command(staff.end_sessions, "end-sessions", "handbell staff end-sessions a.green@school.example"),
        ),
    ),
    Group(
        "trial",
        UPKEEP,
        "Trial mode: a new installation sends to guests alone, until this is ended.",
        (
            Command(trial.status, "status", "handbell trial status"),
            Command(trial.guests, "guests", 'handbell trial guests add 07700900111 --name "Mr Reilly"'),
            Command(trial.test, "test", "handbell trial test"),
            Command(trial.end, "end", 'handbell trial end --as "Mr Reilly"'),
        ),
    ),
    Group(
        "golive",
        UPKEEP,
        "What must be true before messages reach families.",
        (
            Command(golive.check, "check", "handbell golive check"),
            Command(golive.waive, "waive", 'handbell golive waive "audit key" --because "A copy lies in the safe."'),
        ),
    ),
    Group(
        "backup",
        UPKEEP,
        "Copies of the database, and what a restored one asks of a person.",
        (
            Command(backup.make, "make", "handbell backup make"),
            Command(backup.list_all, "list", "handbell backup list"),
            Command(backup.verify, "verify", "handbell backup verify latest"),
            Command(backup.restore, "restore", "handbell backup restore latest"),
            Command(backup.held, "held", "handbell backup held --each"),
            Command(backup.open_again, "open", 'handbell backup open --as "Mr Reilly"'),
            Command(backup.release, "release", "handbell backup release --absent"),
            Command(backup.cancel, "cancel", "handbell backup cancel --notice closure-boiler"),
            Command(backup.hold, "hold", "handbell backup hold --since 2026-11-29T02:00:00Z"),
        ),
    ),
    Group(
        "school",
        UPKEEP,
        "The schools of a trust that has several in one installation, and who of one may come to another.",
        (
            Command(school.list_all, "list", "handbell school list"),
            Command(school.add, "add", "handbell school add oakfield"),
            Command(school.show, "show", "handbell school show oakfield"),
            Command(school.retire, "retire", "handbell school retire oakfield"),
            Command(
                school.let_in,
                "let-in",
                "handbell --school oakfield school let-in it@trust.example --to beechwood --role it",
            ),
            Command(
                school.keep_out,
                "keep-out",
                "handbell --school oakfield school keep-out it@trust.example --to beechwood",
            ),
        ),
    ),
    Group(
        "config",
        UPKEEP,
        "The settings in force, and all that there are.",
        (
            Command(settings.show, "show", "handbell config show"),
            Command(settings.reference, "reference", "handbell config reference --example > handbell.toml"),
        ),
    ),
    Group(
        "explain",
        ANSWERS,
        "How Handbell reads a text, and why.",
        (
            Command(explain.segments, "segments", 'handbell explain segments "School is closed – sorry!"'),
            Command(explain.words, "words", 'handbell explain words "INSET day on 3/11!"'),
            Command(explain.opt_out, "opt-out", 'handbell explain opt-out "Stop."'),
            Command(explain.number, "number", 'handbell explain number "07700 900123 (mum work)"'),
            Command(explain_mail.bounce, "bounce", "handbell explain bounce returned.eml"),
            Command(explain_mail.email, "email", "handbell explain email answer.eml"),
            Command(details.family, "family", "handbell explain family S1234"),
            Command(explain_route.route, "route", 'handbell explain route "Oakfield: the trip is on Friday."'),
            Command(explain_reply.reply, "reply", 'handbell explain reply "hes got a temp, back monday"'),
        ),
    ),
    Group(
        "report",
        ANSWERS,
        "What the school can tell of itself: figures that name nobody.",
        (
            Command(reports.show, "show", "handbell report show reach --html reach.html"),
            Command(reports.pack, "pack", "handbell report pack --out pack.zip"),
        ),
    ),
    Group(
        "audit",
        ANSWERS,
        "The log of every deed, and the proof that nobody has changed it.",
        (
            Command(audit.show, "show", "handbell audit show --action notice.approved --limit 10"),
            Command(audit.verify, "verify", "handbell audit verify"),
            Command(audit.head, "head", "handbell audit head"),
            Command(audit.export, "export", 'handbell audit export audit-2026 --as "Mrs Okafor"'),
        ),
    ),
    Group(
        "person",
        ANSWERS,
        "What is held of somebody: shown to them, put right, or erased.",
        (
            Command(person.export, "export", "handbell person export pupil:7 ana --for 12"),
            Command(person.correct, "correct", "handbell person correct contact:12 surname=Nowak"),
            Command(person.erase, "erase", 'handbell person erase contact:12 --why "asked by letter"'),
        ),
    ),
    Group(
        "retention",
        ANSWERS,
        "How long what is known of people is kept.",
        (Command(person.retention, "show", "handbell retention show"),),
    ),
    Group(
        "memory",
        WORKSHOP,
        "Sentences that were translated before, and who has reviewed them.",
        (
            Command(translating.memory_list, "list", "handbell memory list --language pl --reviewed"),
            Command(translating.memory_forget, "forget", "handbell memory forget 7"),
        ),
    ),
    Group(
        "words",
        WORKSHOP,
        "Translations: what there is, what a person has read, and the catalogues in a checkout.",
        (
            Command(words.check, "check", "handbell words check pl"),
            Command(coverage.coverage, "coverage", "handbell words coverage"),
            Command(reviews.review, "review", "handbell words review so"),
            Command(reviews.accept, "accept", "handbell words accept so absence_check --by 'Amina Warsame'"),
            Command(reviews.export, "export", "handbell words export so amina.po"),
            Command(reviews.take_back, "import", "handbell words import amina.po --by 'Amina Warsame'"),
            Command(words.start, "start", "handbell words start so"),
            Command(words.extract, "extract", "handbell words extract"),
            Command(words.update, "update", "handbell words update"),
            Command(words.compile_all, "compile", "handbell words compile"),
        ),
    ),
)


class Sentences(TyperGroup):
    """A group whose known errors are sentences on standard error and exit code 1, not tracebacks."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if not _is_sentence(error):
                raise
            showing.remark(str(error))
            raise typer.Exit(1) from error


def _is_sentence(error: Exception) -> bool:
    from config.problems import ConfigError
    from templates.errors import WordingError

    return isinstance(error, errors.HandbellError | ConfigError | WordingError)


def build() -> typer.Typer:
    """Put the commands together."""
    app = typer.Typer(
        name="handbell",
        cls=Sentences,
        callback=_choose_installation,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        epilog=_epilog("handbell notice preview closure.toml"),
    )
    for panel, command in LONE:
        _add(app, command, panel)
    for group in GROUPS:
        sort = type(group.sort.__name__, (group.sort,), {"put_together": staticmethod(partial(_together, group))})
        inner = typer.Typer(cls=sort, no_args_is_help=True, help=group.help, epilog=_epilog(group.commands[0].example))
        app.add_typer(inner, name=group.name, rich_help_panel=group.panel)
    return app


def _together(group: Group) -> dict[str, Any]:
    inner = typer.Typer(rich_markup_mode="rich")
    for command in group.commands:
        _add(inner, command, None)
    return dict(typer.main.get_group(inner).commands)


def _add(app: typer.Typer, command: Command, panel: str | None) -> None:
    app.command(command.name, epilog=_epilog(command.example), rich_help_panel=panel)(command.do)


def _epilog(example: str) -> str:
    return f"Example: [bold]{example}[/bold]"


def _say_version(wanted: bool) -> None:
    if wanted:
        showing.say(f"Handbell {opening.version()}")
        raise typer.Exit


def _choose_installation(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            envvar="HANDBELL_CONFIG",
            help=f"The settings file. Else {DEFAULT_CONFIG}, if any.",
        ),
    ] = None,
    school: Annotated[
        str, typer.Option("--school", metavar="KEY", help="Which school of a trust: the name of its settings file.")
    ] = "",
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Handbell: a school's messages by text, email and call, in every family's language."""
    if config is None and DEFAULT_CONFIG.exists():
        config = DEFAULT_CONFIG
    ctx.obj = opening.Installation(config, school)


def main() -> None:
    """Run ``handbell``."""
    # What is imported stays: to look through it for garbage again and again takes a seventh of a daemon's start. As
    # wiring.COLLECTED, which only a daemon imports.
    gc.set_threshold(30_000, 20, 50)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a letter shows a question mark: better than no answer at all.
            stream.reconfigure(errors="replace")
    build()()


if __name__ == "__main__":
    main()
