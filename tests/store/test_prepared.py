"""Statements compiled once, on a real SQLite and a real Postgres: they do what SQLAlchemy's own execution does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reelwright.errors import DatabaseBusy
from reelwright.store.database import open_database
from reelwright.store.prepared import Prepared
from reelwright.store.transactions import Transactions
from tests.servers import eventually

notes = sa.Table(
    "notes",
    sa.MetaData(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, default=0),
    sa.Column("share", sa.Float),
    sa.Column("tags", sa.JSON, nullable=False),
)
TAGS = {"a": [1, None, {"b": 0.1}], "日本": "שלום \"quotes\" %s ? :x 'x' \\ \n", "": True}


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    url = request.getfixturevalue("postgres") if request.param == "postgres" else None
    engine = open_database(url, tmp_path)
    notes.create(engine)
    yield engine
    notes.drop(engine)
    engine.dispose()


def insertion(database: sa.Engine) -> Prepared:
    return Prepared(sa.insert(notes).returning(notes), database.dialect)


def stored(database: sa.Engine) -> list[dict[str, Any]]:
    """All rows, as SQLAlchemy itself reads them."""
    with database.connect() as connection:
        return [dict(row) for row in connection.execute(sa.select(notes).order_by(notes.c.id)).mappings()]


@pytest.mark.parametrize("tags", [TAGS, {}, [], ["one", "two"], 5, True, None], ids=repr)
def test_json_is_stored_and_comes_back_as_by_sqlalchemy(database: sa.Engine, tags: Any) -> None:
    note = {"id": "a", "number": 3, "share": 0.25, "tags": tags}
    with database.begin() as connection:
        assert insertion(database).all(connection, **note) == [note]
    assert stored(database) == [note]
    with database.connect() as connection:
        assert Prepared(sa.select(notes), database.dialect).all(connection) == [note]


def test_parameters_go_where_they_belong(database: sa.Engine) -> None:
    """Their order in the text is another one than in the call, and one stands there twice."""
    with database.begin() as connection:
        for number, name in enumerate("abcd"):
            insertion(database).all(connection, tags={"n": number}, share=None, number=number, id=name)
        low, high = (sa.bindparam(name, type_=sa.Integer) for name in ("low", "high"))
        between = sa.select(notes.c.id, (high - low).label("width")).where(notes.c.number > low, notes.c.number < high)
        found = Prepared(between.order_by(notes.c.id), database.dialect).all(connection, high=3, low=0)
    assert found == [{"id": "b", "width": 3}, {"id": "c", "width": 3}]


def test_the_constants_of_the_statement_are_used(database: sa.Engine) -> None:
    with database.begin() as connection:
        for number, name in enumerate("abcd"):
            insertion(database).all(connection, id=name, number=number, share=None, tags=[])
        update = sa.update(notes).where(notes.c.number >= 2, notes.c.id != sa.bindparam("without"))
        changed = Prepared(update.values(share=0.5, tags={"by": "constant"}).returning(notes), database.dialect)
        assert changed.first(connection, without="c") == {
            "id": "d",
            "number": 3,
            "share": 0.5,
            "tags": {"by": "constant"},
        }
        query = sa.select(notes.c.id).where(notes.c.number + sa.literal(10) > 10).order_by(notes.c.id).limit(2)
        assert Prepared(query, database.dialect).all(connection) == [{"id": "b"}, {"id": "c"}]
    assert [note["share"] for note in stored(database)] == [None, None, None, 0.5]


@pytest.mark.parametrize("missing", ["number", "tags"])
def test_a_missing_parameter_is_an_error_and_stores_nothing(database: sa.Engine, missing: str) -> None:
    note = {"id": "a", "number": 3, "share": 0.25, "tags": TAGS}
    del note[missing]
    with pytest.raises((KeyError, database.dialect.loaded_dbapi.Error), match=missing), database.begin() as connection:
        insertion(database).all(connection, **note)
    assert stored(database) == []


def test_first_is_the_first_row_or_none(database: sa.Engine) -> None:
    every = Prepared(sa.select(notes.c.id).order_by(notes.c.id.desc()), database.dialect)
    with database.begin() as connection:
        assert every.first(connection) is None
        assert every.all(connection) == []
        for name in ("a", "b"):
            insertion(database).all(connection, id=name, number=1, share=None, tags=[])
        assert every.first(connection) == {"id": "b"}
        change = sa.update(notes).where(notes.c.id == sa.bindparam("this")).values(number=2).returning(notes.c.id)
        assert Prepared(change, database.dialect).first(connection, this="z") is None
    assert [note["number"] for note in stored(database)] == [1, 1]


def test_errors_are_those_of_the_driver(database: sa.Engine) -> None:
    note = {"id": "a", "number": 3, "share": 0.25, "tags": TAGS}
    with database.begin() as connection:
        insertion(database).all(connection, **note)
    with pytest.raises(database.dialect.loaded_dbapi.IntegrityError), database.begin() as connection:
        insertion(database).all(connection, **note)
    nowhere = Prepared(sa.select(sa.table("nowhere", sa.column("x"))), database.dialect)
    with pytest.raises(database.dialect.loaded_dbapi.Error, match="nowhere"), database.connect() as connection:
        nowhere.all(connection)
    assert stored(database) == [note]


def test_a_text_with_names_gives_rows_by_the_names_of_its_columns(database: sa.Engine) -> None:
    text = Prepared(sa.text("SELECT id, number * :times AS larger FROM notes WHERE id <> :without"), database.dialect)
    with database.begin() as connection:
        for name in ("a", "b"):
            insertion(database).all(connection, id=name, number=3, share=None, tags=[])
        assert text.all(connection, times=2, without="b") == [{"id": "a", "larger": 6}]


def test_a_statement_of_its_own_stays_whatever_comes_after_it(database: sa.Engine) -> None:
    """On Postgres; on SQLite, where a COMMIT costs no way to the database, it is undone like any other."""
    transactions = Transactions(database)
    note = {"id": "a", "number": 3, "share": 0.25, "tags": TAGS}

    def change_and_break() -> None:
        with transactions.statement() as connection:
            insertion(database).all(connection, **note)
            raise KeyError

    with pytest.raises(KeyError):
        change_and_break()
    assert stored(database) == ([] if transactions.sqlite else [note])


@pytest.mark.parametrize("way", ["begin", "connect", "statement"])
def test_a_connection_that_ended_is_told_and_not_used_again(postgres: str, tmp_path: Path, way: str) -> None:
    database = open_database(postgres, tmp_path)
    transactions = Transactions(database)
    number = Prepared(sa.text("SELECT pg_backend_pid() AS pid"), database.dialect)
    ended: list[int] = []

    def lose_the_connection() -> None:
        with getattr(transactions, way)() as connection:
            ended.append(number.all(connection)[0]["pid"])
            with transactions.connect() as other:
                other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": ended[0]})
            eventually(lambda: not _there(transactions, ended[0]))
            number.all(connection)

    with pytest.raises(DatabaseBusy):
        lose_the_connection()
    with transactions.connect() as connection:
        assert number.all(connection)[0]["pid"] not in ended
    database.dispose()


def _there(transactions: Transactions, pid: int) -> bool:
    with transactions.connect() as connection:
        found = connection.execute(sa.text("SELECT 1 FROM pg_stat_activity WHERE pid = :pid"), {"pid": pid})
        return found.first() is not None
