"""The database's tables, made and changed by numbered steps; the same ones on SQLite and Postgres.

Each step is run once, all of them in one transaction that only one process has at a time. The table `schema` says which
step was the last one (`version`), and the oldest program that may work on it since (`oldest`, by its last step).

A step only adds: tables, columns with defaults, indexes. So a program of before still finds what it knows, and two
releases can work on one database while it is upgraded. What nobody uses any more goes in the release after the next,
and `oldest` is raised then.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import sqlalchemy as sa

from reelwright.errors import ConfigurationError, DatabaseBusy
from reelwright.store.database import store_error, store_errors

STEPS: tuple[tuple[str, ...], ...] = (
    # 1: the tables of the first release, which had no migrations; its database is at this step.
    (
        """
        CREATE TABLE videos (
            id TEXT NOT NULL PRIMARY KEY,
            owner TEXT NOT NULL,
            status TEXT NOT NULL,
            engine TEXT NOT NULL,
            request TEXT NOT NULL,
            created_at FLOAT NOT NULL,
            started_at FLOAT,
            completed_at FLOAT,
            expires_at FLOAT,
            attempt INTEGER NOT NULL,
            turn INTEGER NOT NULL,
            priority INTEGER NOT NULL,
            checkpoint TEXT,
            file TEXT,
            failure TEXT,
            made_with TEXT NOT NULL,
            remixed_from TEXT,
            metadata JSON NOT NULL,
            fingerprint TEXT,
            bytes BIGINT NOT NULL
        )
        """,
        "CREATE INDEX videos_by_owner ON videos (owner, id)",
        "CREATE INDEX videos_by_status ON videos (status)",
        "CREATE INDEX videos_by_fingerprint ON videos (fingerprint)",
        """
        CREATE TABLE idempotency_keys (
            owner TEXT NOT NULL,
            key TEXT NOT NULL,
            digest TEXT NOT NULL,
            video_id TEXT NOT NULL,
            created_at FLOAT NOT NULL,
            PRIMARY KEY (owner, key)
        )
        """,
        """
        CREATE TABLE webhooks (
            video_id TEXT NOT NULL,
            url TEXT NOT NULL,
            dialect TEXT NOT NULL,
            events JSON NOT NULL,
            base_url TEXT NOT NULL,
            begun BOOLEAN NOT NULL,
            PRIMARY KEY (video_id, url, dialect)
        )
        """,
        """
        CREATE TABLE deliveries (
            id TEXT NOT NULL PRIMARY KEY,
            video_id TEXT NOT NULL,
            owner TEXT NOT NULL,
            url TEXT NOT NULL,
            dialect TEXT NOT NULL,
            event TEXT NOT NULL,
            body TEXT NOT NULL,
            state TEXT NOT NULL,
            turn INTEGER NOT NULL,
            step INTEGER NOT NULL,
            tries INTEGER NOT NULL,
            last_status INTEGER,
            problem TEXT,
            next_try_at FLOAT,
            created_at FLOAT NOT NULL,
            ended_at FLOAT
        )
        """,
        "CREATE INDEX deliveries_by_state ON deliveries (state)",
        "CREATE INDEX deliveries_by_video ON deliveries (video_id)",
    ),
    # 2: an id of the database; an index for finding due deliveries. The tables of DBOS, which an earlier release used,
    # stay for one release more: that release still needs them.
    (
        "CREATE TABLE identity (id TEXT NOT NULL PRIMARY KEY)",
        "INSERT INTO identity (id) VALUES ('{new_id}')",
        "CREATE INDEX deliveries_by_next_try ON deliveries (next_try_at)",
    ),
    # 3: fleets. The row of a video names the process that makes it; waiting ones are found by (engine, model, turn).
    (
        "ALTER TABLE videos ADD COLUMN model TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE videos ADD COLUMN shape INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE videos ADD COLUMN worker TEXT",
        "ALTER TABLE videos ADD COLUMN detached BOOLEAN NOT NULL DEFAULT {true}",
        "ALTER TABLE videos ADD COLUMN read_at FLOAT",
        "UPDATE videos SET model = {model_of_request} WHERE completed_at IS NULL",
        "DROP INDEX videos_by_status",
        "CREATE INDEX videos_waiting ON videos (engine, model, turn, id) WHERE worker IS NULL AND completed_at IS NULL",
        "CREATE INDEX videos_held ON videos (worker) WHERE worker IS NOT NULL AND completed_at IS NULL",
        "CREATE INDEX videos_open ON videos (engine, owner) WHERE completed_at IS NULL",
        "CREATE INDEX videos_by_expiry ON videos (expires_at)",
        "CREATE TABLE lines (line TEXT NOT NULL, owner TEXT NOT NULL, turn BIGINT NOT NULL, PRIMARY KEY (line, owner))",
        """
        INSERT INTO lines (line, owner, turn)
        SELECT engine, owner, max(turn - priority) FROM videos WHERE completed_at IS NULL GROUP BY engine, owner
        """,
        """
        CREATE TABLE workers (
            id TEXT NOT NULL PRIMARY KEY,
            engines TEXT NOT NULL,
            slots INTEGER NOT NULL,
            version TEXT NOT NULL,
            address TEXT NOT NULL,
            session BIGINT,
            started_at FLOAT NOT NULL,
            beat_at FLOAT NOT NULL,
            steady_since FLOAT NOT NULL,
            draining BOOLEAN NOT NULL,
            running TEXT NOT NULL
        )
        """,
        "CREATE TABLE paused (line TEXT NOT NULL PRIMARY KEY)",
        "CREATE TABLE secrets (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)",
        "CREATE TABLE chores (name TEXT NOT NULL PRIMARY KEY, done_at FLOAT NOT NULL)",
        # Unlogged: after a crash of the database their rows are of no use.
        """
        CREATE {unlogged} TABLE watching (
            video_id TEXT NOT NULL, process TEXT NOT NULL, until FLOAT NOT NULL, PRIMARY KEY (video_id, process)
        )
        """,
        """
        CREATE {unlogged} TABLE previews (
            video_id TEXT NOT NULL PRIMARY KEY, number INTEGER NOT NULL, media_type TEXT NOT NULL, data {bytes} NOT NULL
        )
        """,
        "ALTER TABLE deliveries ADD COLUMN worker TEXT",
        "DROP INDEX deliveries_by_state",
        "CREATE INDEX deliveries_due ON deliveries (next_try_at) WHERE state = 'pending'",
        "CREATE INDEX deliveries_by_end ON deliveries (ended_at)",
        "ALTER TABLE identity ADD COLUMN store TEXT",
    ),
    # 4: API keys, their limits and their use. The videos of before belong to keys of the configuration, whose ids are
    # also the names of their owners.
    (
        """
        CREATE TABLE api_keys (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            owner TEXT NOT NULL,
            scopes TEXT NOT NULL,
            limits TEXT NOT NULL,
            hint TEXT NOT NULL,
            digest TEXT NOT NULL UNIQUE,
            earlier TEXT,
            earlier_until FLOAT,
            created_at FLOAT NOT NULL,
            expires_at FLOAT,
            revoked_at FLOAT,
            used_at FLOAT,
            version BIGINT NOT NULL
        )
        """,
        "ALTER TABLE videos ADD COLUMN key TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE videos ADD COLUMN most_running INTEGER",
        "UPDATE videos SET key = owner",
        "CREATE INDEX videos_open_by_key ON videos (key) WHERE completed_at IS NULL",
        "CREATE INDEX videos_by_key ON videos (key, bytes)",
        """
        CREATE TABLE usage (
            key TEXT NOT NULL,
            day TEXT NOT NULL,
            jobs BIGINT NOT NULL,
            completed BIGINT NOT NULL,
            failed BIGINT NOT NULL,
            asked_ms BIGINT NOT NULL,
            asked_pixels BIGINT NOT NULL,
            made_ms BIGINT NOT NULL,
            engine_ms BIGINT NOT NULL,
            cost_micros BIGINT NOT NULL,
            PRIMARY KEY (key, day)
        )
        """,
        """
        CREATE {unlogged} TABLE request_buckets (
            key TEXT NOT NULL PRIMARY KEY, tokens FLOAT NOT NULL, taken INTEGER NOT NULL, at FLOAT NOT NULL
        )
        """,
    ),
    # 5: the audit. A trigger refuses changes of its rows.
    (
        """
        CREATE TABLE audit (
            id TEXT NOT NULL PRIMARY KEY,
            at FLOAT NOT NULL,
            action TEXT NOT NULL,
            key TEXT NOT NULL,
            about TEXT NOT NULL,
            code TEXT NOT NULL,
            number INTEGER NOT NULL,
            address TEXT NOT NULL
        )
        """,
        "CREATE INDEX audit_by_key ON audit (key, id)",
        "CREATE INDEX audit_by_about ON audit (about, id)",
        "{audit_refuses}",
        "CREATE TRIGGER audit_stays BEFORE UPDATE ON audit {audit_refused}",
    ),
    # 6: which key pays for an uploaded file. Those that there are pay for nothing, and are gone within a day.
    (
        "CREATE TABLE uploads (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL, bytes BIGINT NOT NULL)",
        "CREATE INDEX uploads_by_key ON uploads (key, bytes)",
    ),
)
OLDEST = 3
"""The step of the oldest program that may still work on a database that is at the last step."""

_WORDS = {
    "sqlite": {
        "true": "1",
        "unlogged": "",
        "bytes": "BLOB",
        "model_of_request": "json_extract(request, '$.model')",
        "audit_refuses": "SELECT 1",  # the next one says it all
        "audit_refused": "BEGIN SELECT RAISE(ABORT, 'rows of this table are never changed'); END",
    },
    "postgresql": {
        "true": "true",
        "unlogged": "UNLOGGED",
        "bytes": "BYTEA",
        "model_of_request": "request::json->>'model'",
        "audit_refuses": "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'rows of this table are never changed'; END $$",
        "audit_refused": "EXECUTE FUNCTION refuse_change()",
    },
}
"""Words of the steps that differ between the two databases."""

_COLUMNS = {
    "sqlite": "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'",
    "postgresql": "SELECT t.relname, c.attname FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid"
    " WHERE t.relkind IN ('r', 'p') AND pg_table_is_visible(t.oid) AND t.relnamespace <> 'pg_catalog'::regnamespace"
    " AND c.attnum > 0 AND NOT c.attisdropped",
}

LOCK_NUMBER = 0x7265656D
"""The advisory lock of Postgres that migrating takes: the letters `reem`."""


class Schema:
    """What a database is like when `migrate` has returned. `id` names this database, `store` the one that holds its
    files; None when none has been named yet."""

    def __init__(self, connection: sa.Connection) -> None:
        identity = connection.exec_driver_sql("SELECT id, store FROM identity").one()
        self.id, self.store = str(identity.id), identity.store


def migrate(database: sa.Engine, tables: sa.MetaData) -> Schema:
    """Run the steps that the database has not had yet. `tables`: those that it must have then.

    Raises `ConfigurationError` when it is of a newer release that this program does not know, or another program's;
    `DatabaseBusy`, `DatabaseFull` or `DatabaseLost` when it does not take it. Nothing of it is changed then.
    """
    with store_errors(), database.connect() as connection:
        if database.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            from reelwright.store.postgres import wait_without_end

            wait_without_end(connection)  # a step may be long, and another process may be at one
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_NUMBER)))
        version, oldest = _state(connection)
        if oldest > len(STEPS):
            raise ConfigurationError(
                f"The database was made by a newer Reelwright (its schema is {version}, this program knows "
                f"{len(STEPS)}). Upgrade this program, or name another database."
            )
        for number in range(version, len(STEPS)):
            _run(connection, number)
        if version < len(STEPS):
            connection.exec_driver_sql("DELETE FROM schema")
            connection.exec_driver_sql(f"INSERT INTO schema (version, oldest) VALUES ({len(STEPS)}, {OLDEST})")
        _check(connection, tables)
        schema = Schema(connection)
        connection.commit()
        return schema


def name_store(database: sa.Engine, store: str) -> str:
    """The database's files lie in that store from now on, unless one was named before. Returns the one that counts."""
    with store_errors(), database.begin() as connection:
        connection.execute(sa.text("UPDATE identity SET store = :store WHERE store IS NULL"), {"store": store})
        return str(connection.execute(sa.text("SELECT store FROM identity")).scalar_one())


def _run(connection: sa.Connection, number: int) -> None:
    try:
        words = {**_WORDS[connection.dialect.name], "new_id": secrets.token_hex(16)}
        for statement in STEPS[number]:
            connection.exec_driver_sql(statement.format(**words))
    except sa.exc.DBAPIError as error:
        if isinstance(store_error(error), DatabaseBusy):
            raise
        raise ConfigurationError(
            f"The database cannot be brought up to date (step {number + 1}): it seems to be another program's. "
            "Name another one, or restore a backup."
        ) from error


def _state(connection: sa.Connection) -> tuple[int, int]:
    """The last step that it has had, and the oldest program for it; makes the table that says so."""
    there = _columns(connection)
    if "schema" not in there:
        connection.exec_driver_sql("CREATE TABLE schema (version INTEGER NOT NULL, oldest INTEGER NOT NULL)")
        return (1 if "videos" in there else 0), 0
    version, oldest = connection.exec_driver_sql("SELECT version, oldest FROM schema").one()
    return int(version), int(oldest)


def _check(connection: sa.Connection, tables: sa.MetaData) -> None:
    there = _columns(connection)
    for table in tables.sorted_tables:
        if missing := {column.name for column in table.columns} - there.get(table.name, set()):
            raise ConfigurationError(
                f"The database is not one of Reelwright's: its table {table.name} lacks {', '.join(sorted(missing))}. "
                "Restore a backup, or name another database."
            )


def _columns(connection: sa.Connection) -> Mapping[str, set[str]]:
    """The names of each table's columns. SQLAlchemy's inspector asks for each table several times."""
    found: dict[str, set[str]] = {}
    for table, column in connection.exec_driver_sql(_COLUMNS[connection.dialect.name]):
        found.setdefault(table, set()).add(column)
    return found
