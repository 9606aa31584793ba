"""Many rows in one statement: they travel as one JSON text, there and back, and are a table inside the database.

One statement for a batch costs one parse, one walk through the driver and, on SQLite, one stretch in which the
interpreter is free for the rest of us; a statement a row costs all of that for each. The two databases have the same
thing under different names.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

_JSON = sa.JSON(none_as_null=True)


def table(dialect: str, name: str, **columns: Any) -> sa.Subquery:
    """A table of rows to come, whose columns have these types; the statement wants ``packed`` rows as ``name``."""
    parameter = sa.bindparam(name, type_=sa.Text)
    if dialect == "sqlite":
        given = sa.func.json_each(parameter).table_valued("value", name=f"{name}_given")
        values: list[sa.ColumnElement[Any]] = [
            sa.func.json_extract(given.c.value, sa.literal_column(f"'$[{n}]'")) for n in range(len(columns))
        ]
    else:
        given = sa.func.json_array_elements(sa.cast(parameter, _JSON)).table_valued("value", name=f"{name}_given")
        values = [given.c.value.op("->>")(sa.literal_column(str(n))) for n in range(len(columns))]
    labelled = [
        sa.cast(value, kind).label(column) for value, (column, kind) in zip(values, columns.items(), strict=True)
    ]
    return sa.select(*labelled).select_from(given).subquery(name)


def among(dialect: str, column: sa.ColumnElement[str], name: str = "ids") -> sa.ColumnElement[bool]:
    """Whether a column's text is the first value of one of the rows to come, which are packed as ``name``.

    PostgreSQL takes rows of which it knows nothing for a hundred, and then reads a whole table to join them; of an
    array it looks up each.
    """
    wanted = sa.select(table(dialect, name, id=sa.Text).c.id)
    if dialect == "sqlite":
        return column.in_(wanted)
    return column == sa.any_(sa.func.array(wanted.scalar_subquery(), type_=ARRAY(sa.Text)))


def packed(rows: Iterable[Sequence[Any]]) -> str:
    """Rows of texts and numbers, as a statement takes them."""
    return json.dumps([list(row) for row in rows], ensure_ascii=False, separators=(",", ":"))


def packed_ids(wanted: Iterable[str]) -> str:
    """Ids, as a statement takes them."""
    return packed([one] for one in wanted)


def fetched(dialect: str, query: sa.SelectBase) -> sa.Select[Any]:
    """The same query, whose rows come back as one text; in the order of the query, and for :func:`fetch`.

    The driver hands over row by row, and each time SQLite's threads and ours wait for the interpreter in turn.
    """
    rows = query.subquery("fetched")
    if dialect == "sqlite":
        return sa.select(sa.func.json_group_array(sa.func.json_array(*rows.c)))
    return sa.select(sa.cast(sa.func.json_agg(sa.func.json_build_array(*rows.c)), sa.Text))


def fetch(connection: Connection, statement: sa.Select[Any], values: Mapping[str, Any]) -> list[list[Any]]:
    """Rows of texts and numbers; what else a column holds comes as the database writes it."""
    [[found]] = run(connection, statement, values)
    rows: list[list[Any]] = json.loads(found or "[]")
    return rows


def run(connection: Connection, statement: sa.Executable, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    """Do a statement that is done all day, and give its rows as the driver has them.

    SQLAlchemy writes it, once, and has no part in doing it: that would cost as much as a small statement itself, and a
    lane's turn has a dozen. Raises what SQLAlchemy would, and KeyError where a value is wanting.
    """
    made, dialect = _made(statement, connection.dialect), connection.dialect
    if not made.required <= values.keys():
        raise KeyError(*sorted(made.required - values.keys()))
    given = tuple(
        turn(values.get(name, usual)) if turn else values.get(name, usual) for name, usual, turn in made.parameters
    )
    cursor = connection.connection.cursor()
    try:
        for heard in connection.dispatch.before_cursor_execute:  # whoever listens to statements hears of these too
            heard(connection, cursor, made.text, given, None, False)
        cursor.execute(made.text, given)
        for heard in connection.dispatch.after_cursor_execute:
            heard(connection, cursor, made.text, given, None, False)
        return cursor.fetchall() if cursor.description else ()
    except TimeoutError as error:  # as ``database`` has it for SQLAlchemy's own statements
        connection.invalidate(error)
        raise
    except dialect.loaded_dbapi.Error as error:
        useless = _is_useless(connection, error)
        if useless:  # or it would go back to the pool as one that works
            connection.invalidate(error)
        raise DBAPIError.instance(
            made.text, None, error, dialect.loaded_dbapi.Error, True, useless, dialect=dialect
        ) from error
    finally:
        cursor.close()


def _is_useless(connection: Connection, error: Any) -> bool:
    """Whether nothing more can be done by a connection: it is cut, or knows a statement about a table as it was."""
    dialect, driver = connection.dialect, connection.connection.dbapi_connection
    outdated = getattr(dialect.loaded_dbapi, "InvalidCachedStatementError", ())
    return isinstance(error, outdated) or dialect.is_disconnect(error, driver, None)


def together(connection: Connection, statements: Sequence[sa.UpdateBase], values: Mapping[str, Any]) -> None:
    """Do several that change different tables, and none of which looks at what another one does.

    PostgreSQL takes them as one, which saves the way there and back; SQLite is right here, and takes each by itself.
    """
    if dialect(connection) == "postgresql":
        run(connection, _joined(tuple(statements)), values)
        return
    for statement in statements:
        run(connection, statement, values)


@functools.lru_cache(maxsize=16)
def _joined(statements: Sequence[sa.UpdateBase]) -> sa.Select[Any]:
    parts = [statement.cte(f"part_{n}") for n, statement in enumerate(statements)]
    return sa.select(sa.literal_column("1")).add_cte(*parts)


class _Made(NamedTuple):
    """A statement as the driver takes it: of each parameter its name, its usual value, and what turns a value.

    ``required`` are those without a usual value.
    """

    text: str
    parameters: Sequence[tuple[str, Any, Callable[[Any], Any] | None]]
    required: Set[str]


@functools.lru_cache(maxsize=256)
def _made(statement: sa.ClauseElement, dialect: sa.Dialect) -> _Made:
    compiled = cast(SQLCompiler, statement.compile(dialect=dialect))
    usual = compiled.params
    turns = {
        name: parameter.type.dialect_impl(dialect).bind_processor(dialect) for name, parameter in compiled.binds.items()
    }
    names = compiled.positiontup or ()
    required = frozenset(name for name in names if compiled.binds[name].required)
    return _Made(str(compiled), [(name, usual[name], turns[name]) for name in names], required)


def insert(
    connection: Connection,
    table: sa.Table,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    once: Sequence[str] = (),
) -> None:
    """Insert rows whose values stand in the order of ``columns``, by the driver's own ``executemany``.

    A row whose ``once`` columns stand in the table already is left alone.

    SQLAlchemy's way takes each value through its type; there are thousands of rows here and few values that have to
    be turned into something else, so each of those is turned once.
    """
    if not rows:
        return
    made = _inserting(table, tuple(columns), tuple(once), connection.dialect)
    turned = [
        _turned(values, processor) for values, processor in zip(zip(*rows, strict=True), made.processors, strict=True)
    ]
    connection.exec_driver_sql(made.statement, list(zip(*(turned[n] for n in made.order), strict=True)))


def pour(
    connection: Connection,
    table: sa.Table,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    common: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Insert many rows that are much alike, of texts and numbers; ``common`` are the columns that all have alike.

    On SQLite in one statement: what all of them turn out to have in common goes once, the rest as one JSON text. That
    takes less than the driver's ``executemany``, and leaves the interpreter to other threads all the while.
    """
    if not rows:
        return
    if dialect(connection) != "sqlite" or not _poured(connection, table, columns, rows, common):
        insert(connection, table, [*columns, *common], [(*row, *common.values()) for row in rows])


def _poured(
    connection: Connection,
    table: sa.Table,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    common: Mapping[str, Any],
) -> bool:
    values = dict(zip(columns, zip(*rows, strict=True), strict=True))
    alike = {name: column[0] for name, column in values.items() if column.count(column[0]) == len(column)}
    made = _pouring(table, (*columns, *common), frozenset([*alike, *common]), connection.dialect)
    own = [_turned(values[name], processor) for name, processor in made.own.items()]
    given = packed(zip(*own, strict=True) if own else [()] * len(rows))
    if "\\u0000" in given:  # SQLite's JSON ends a text there
        return False
    run(connection, made.statement, {"given": given, **alike, **common})
    return True


class _Pouring(NamedTuple):
    """A statement, and what turns the values of the columns that differ from row to row."""

    statement: sa.Insert
    own: Mapping[str, Callable[[Any], Any] | None]


@functools.lru_cache(maxsize=64)
def _pouring(table: sa.Table, columns: tuple[str, ...], common: frozenset[str], dialect: sa.Dialect) -> _Pouring:
    given = sa.func.json_each(sa.bindparam("given", type_=sa.Text)).table_valued("value", name="row")
    own = [name for name in columns if name not in common]
    place: dict[str, sa.ColumnElement[Any]] = {name: sa.literal_column(f"'$[{n}]'") for n, name in enumerate(own)}
    values: list[sa.ColumnElement[Any]] = [
        sa.bindparam(name, type_=table.c[name].type)
        if name in common
        else sa.func.json_extract(given.c.value, place[name])
        for name in columns
    ]
    statement = sa.insert(table).from_select(columns, sa.select(*values).select_from(given), include_defaults=False)
    kinds = {name: table.c[name].type.dialect_impl(dialect) for name in own}
    return _Pouring(statement, {name: kind.bind_processor(dialect) for name, kind in kinds.items()})


class _Inserting(NamedTuple):
    """A statement as the driver takes it, which column each of its values is, and what turns a column's values."""

    statement: str
    order: Sequence[int]
    processors: Sequence[Callable[[Any], Any] | None]


@functools.lru_cache(maxsize=16)
def _inserting(table: sa.Table, columns: tuple[str, ...], once: tuple[str, ...], dialect: sa.Dialect) -> _Inserting:
    plain: sa.Insert = sa.insert(table)
    if once:
        into = postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)
        plain = into.on_conflict_do_nothing(index_elements=list(once))
    compiled = plain.compile(dialect=dialect, column_keys=list(columns))
    order = [columns.index(name) for name in compiled.positiontup or list(compiled.params)]
    kinds = [table.c[name].type.dialect_impl(dialect) for name in columns]
    return _Inserting(str(compiled), order, [kind.bind_processor(dialect) for kind in kinds])


def _turned(values: Sequence[Any], processor: Callable[[Any], Any] | None) -> Sequence[Any]:
    """A column as the driver takes it; a word or moment that stands in many rows is turned once."""
    if processor is None:
        return values
    known = {key: processor(value) for key, value in {id(value): value for value in values}.items()}
    return [known[id(value)] for value in values]


def dialect(connection: Connection) -> str:
    """``sqlite`` or ``postgresql``."""
    return connection.dialect.name
