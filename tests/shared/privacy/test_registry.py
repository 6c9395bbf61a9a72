"""That nothing is held about people that no domain has declared."""

import uuid
from collections import Counter

from sqlalchemy import ColumnElement, text
from sqlalchemy.orm import Session
from sqlalchemy.sql.util import find_tables

from shared.database import Database
from shared.holdings import Column, Deleted, Emptied, Kept, Listed
from shared.models import Base
from shared.privacy.registry import REGISTRY
from tests.lives import live

# Every column of ids or of JSON in which nobody is named, or none but whose row it is. A column that is neither here
# nor claimed fails the test: think about what becomes of it when somebody leaves.
NOBODY = {
    "bans.case_id": "a case",
    "audit.case_id": "a case",
    "audit.details": "why, in words that name nobody, and photos and answers",
    "candidates.wishes": "a hash",
    "discovery_queues.wishes": "a hash",
    "mails.data": "what only its recipient can look up, or an address until its mail is sent",
    "photos.renditions": "keys of files",
    "quiz_responses.answers": "one's own",
    "report_files.photo_id": "a photo",
    "users.dating_match_id": "a match",
    "notices.removed": "one's own",
}

CATALOGUE = text("""
    SELECT c.relname || '.' || a.attname, EXISTS (
        SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.conrelid = c.oid AND f.confrelid = 'users'::regclass
            AND a.attnum = ANY (f.conkey)
    ), EXISTS (
        SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.conrelid = c.oid AND f.confrelid <> 'users'::regclass
            AND a.attnum = ANY (f.conkey)
    )
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND a.attnum > 0 AND NOT a.attisdropped AND t.typname IN ('uuid', '_uuid', 'json', 'jsonb')
""")


def name(column: Column | ColumnElement[object]) -> str:
    return f"{column.class_.__tablename__}.{column.key}" if hasattr(column, "class_") else str(column)


def claims() -> Counter[str]:
    found = Counter(name(held.column) for one in REGISTRY for held in one.columns)
    emptied = (held for one in REGISTRY for held in one.columns if isinstance(held, Emptied))
    found.update(f"{held.column.class_.__tablename__}.{also}" for held in emptied for also in held.also)
    return found


def unclaimed(session: Session) -> set[str]:
    """Columns of the real database that could name somebody, and that no domain has claimed."""
    known = claims()
    return {
        column
        for column, of_user, of_another in session.execute(CATALOGUE)
        if column not in known
        and (of_user or not (of_another or column in NOBODY or (column.endswith(".id") and column != "users.id")))
    }


def test_every_column_that_can_name_somebody_is_claimed(session: Session) -> None:
    assert unclaimed(session) == set(), "declare it in the holdings.py of its domain, or say in NOBODY what it names"


def test_a_table_that_nobody_has_claimed_is_found(session: Session) -> None:
    session.execute(text("CREATE TABLE invented (id uuid PRIMARY KEY, whose uuid REFERENCES users, friends uuid[])"))
    session.execute(text("CREATE TABLE imagined (id uuid PRIMARY KEY REFERENCES users, noted jsonb, prompts_id uuid)"))
    assert unclaimed(session) == {
        "invented.whose",
        "invented.friends",
        "imagined.id",
        "imagined.noted",
        "imagined.prompts_id",
    }


def test_everything_is_claimed_once() -> None:
    assert [column for column, times in claims().items() if times > 1] == []
    assert not claims().keys() & NOBODY.keys()


def test_what_refers_to_an_account_does_not_stay() -> None:
    """The database would delete it with the account, whatever is said of it."""
    kept = [held.column for one in REGISTRY for held in one.columns if isinstance(held, Kept)]
    assert kept
    assert not [column for column in kept if column.property.columns[0].foreign_keys]


def test_every_table_that_holds_something_is_exported_or_says_why_not() -> None:
    queries = [exported.query(uuid.uuid4()) for one in REGISTRY for exported in one.exports]
    shown = {str(table) for query in queries for origin in query.get_final_froms() for table in find_tables(origin)}
    silent = {table for one in REGISTRY for table in one.unexported}
    gone = [held for one in REGISTRY for held in one.columns if isinstance(held, Deleted | Emptied)]
    assert {held.column.class_.__tablename__ for held in gone} - shown == silent


def test_the_life_of_the_tests_has_something_in_every_claim(db: Database) -> None:
    """Or what they say of its end would mean nothing."""
    with db.transaction() as session:
        ada = live(session).ada
        session.flush()
        for one in REGISTRY:
            for held in one.columns:
                table, column = held.column.class_.__table__, held.column.property.columns[0]
                here = f"{ada} = ANY ({column.name})" if isinstance(held, Listed) else column.name
                rows = session.execute(text(f"SELECT CAST({column.name} AS text) FROM {table.name}")).scalars()
                assert any(str(ada) in (value or "") for value in rows), f"{table.name}.{here}"


def test_every_model_is_in_the_database(session: Session) -> None:
    there = {column.partition(".")[0] for column, *_ in session.execute(CATALOGUE)}
    assert {table.name for table in Base.metadata.sorted_tables if "user_id" in table.columns} <= there
