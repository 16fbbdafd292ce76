"""Statements that every job needs: compiled once, and run by the driver itself.

SQLAlchemy keeps compiled statements, but finds them again by walking through the statement, and prepares each result
anew; for our small ones both take longer than the database takes to run them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa


def run(connection: sa.Connection, text: str, values: Any) -> tuple[Sequence[tuple[Any, ...]], Sequence[str]]:
    """Run a statement in the driver's own form. Returns its rows, and the names of their columns.

    Rows hold what the driver gives: numbers, text, None. Raises the driver's errors, for `store_errors`.
    """
    cursor = connection.connection.cursor()
    try:
        cursor.execute(text, values)
        names = [column[0] for column in cursor.description or ()]
        return (cursor.fetchall() if names else ()), names
    except connection.dialect.loaded_dbapi.Error as error:
        if connection.dialect.is_disconnect(error, connection.connection.driver_connection, cursor):
            connection.invalidate(error)
        raise
    finally:
        cursor.close()


class Prepared:
    """A select, a change with RETURNING, or a text with `:names`, for one kind of database.

    JSON is decoded in the rows, but not in those of a text. The statement may not contain an `in_`, which SQLAlchemy
    writes anew for each execution.
    """

    def __init__(self, statement: sa.Select[Any] | sa.UpdateBase | sa.TextClause, dialect: sa.Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._order: Sequence[str] | None = compiled.positiontup  # None: parameters go by name
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        self._constants = {name: bind.value for name, bind in binds.items() if not bind.required}
        self._converters: dict[str, Callable[[Any], Any]] = {
            name: convert
            for name, bind in binds.items()
            if (convert := bind.type.dialect_impl(dialect).bind_processor(dialect))
        }
        columns = [] if isinstance(statement, sa.TextClause) else list(statement.exported_columns)
        self._names = [str(column.key) for column in columns]
        text_is_json = dialect.name == "sqlite"  # psycopg decodes it
        self._json = [str(one.key) for one in columns if text_is_json and isinstance(one.type, sa.JSON)]

    def all(self, connection: sa.Connection, **values: Any) -> Sequence[Mapping[str, Any]]:
        """All rows, by their columns' names. Raises the driver's errors."""
        parameters = {**self._constants, **values}
        for name, convert in self._converters.items():
            parameters[name] = convert(parameters[name])
        given: Any = parameters if self._order is None else tuple(parameters[name] for name in self._order)
        found, told = run(connection, self._text, given)
        names = self._names or told
        rows = [dict(zip(names, row, strict=True)) for row in found]
        for row in rows:
            for name in self._json:
                if isinstance(row[name], str):
                    row[name] = json.loads(row[name])
        return rows

    def first(self, connection: sa.Connection, **values: Any) -> Mapping[str, Any] | None:
        """The first row, None when there is none. Raises the driver's errors."""
        rows = self.all(connection, **values)
        return rows[0] if rows else None
