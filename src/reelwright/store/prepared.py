"""Statements of SQLAlchemy that every job needs, compiled once.

SQLAlchemy keeps compiled statements, but finds them again by walking through the statement; for our small ones that
takes longer than SQLite takes to run them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa


class Prepared:
    """A select or a change with RETURNING, for one kind of database.

    Rows hold what the driver gives: numbers, text, None; JSON is decoded. It may not contain an `in_`, which
    SQLAlchemy writes anew for each execution.
    """

    def __init__(self, statement: sa.Select[Any] | sa.UpdateBase, dialect: sa.Dialect) -> None:
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
        columns = list(statement.exported_columns)
        self._names = [str(column.key) for column in columns]
        text_is_json = dialect.name == "sqlite"  # psycopg decodes it
        self._json = [str(one.key) for one in columns if text_is_json and isinstance(one.type, sa.JSON)]

    def all(self, connection: sa.Connection, **values: Any) -> Sequence[Mapping[str, Any]]:
        """All rows, by their columns' names. Raises SQLAlchemy's errors."""
        parameters = {**self._constants, **values}
        for name, convert in self._converters.items():
            parameters[name] = convert(parameters[name])
        given: Any = parameters if self._order is None else tuple(parameters[name] for name in self._order)
        rows = [dict(zip(self._names, row, strict=True)) for row in connection.exec_driver_sql(self._text, given)]
        for row in rows:
            for name in self._json:
                if isinstance(row[name], str):
                    row[name] = json.loads(row[name])
        return rows

    def first(self, connection: sa.Connection, **values: Any) -> Mapping[str, Any] | None:
        """The first row, None when there is none. Raises SQLAlchemy's errors."""
        rows = self.all(connection, **values)
        return rows[0] if rows else None
