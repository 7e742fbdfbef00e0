"""The preview of an import as people read it (R6)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from rolecall.accounts import people, statuses
from rolecall.accounts.actors import Actor, operator
from rolecall.config import load
from rolecall.work.application import Application
from rolecall.work.imports.preview import preview_lines, preview_page, recent_imports
from rolecall.work.imports.source import CsvSource
from rolecall.work.imports.stage import Options, stage

FILE = """code,first_name,last_name,email,active,status
s1,Eva,Lang,eva@example.org,yes,Withdrawn
s2,Ida,Neu,,,
s3,,,nonsense,,
s4,Leo,Alt,,,
"""


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Application]:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config) as application:
        with application.db.write() as session:
            statuses.create(session, label="Registered", type="registered")
            statuses.create(session, label="Withdrawn", type="withdrawn")
            for code, first, last in (("s1", "Eva", "Lang"), ("s4", "Leo", "Alt"), ("s9", "Uta", "Weg")):
                facts = {"list": "students", "code": code, "first_name": first, "last_name": last}
                people.create(session, facts, now=datetime.now(UTC))
        yield application


@pytest.fixture
def run_id(app: Application, tmp_path: Path) -> int:
    path = tmp_path / "people.csv"
    path.write_text(FILE, "utf-8")
    source = CsvSource(path=path, label="people.csv", default_list="students")
    return stage(app, operator("tester"), source, Options(complete=True, lists=("students",)))


def test_problems_come_first_and_rows_have_their_number_in_the_file(app: Application, run_id: int) -> None:
    with app.db.read() as session:
        rows = preview_page(session, run_id)

    assert [(row.row, row.verdict) for row in rows] == [(4, "rejected"), (2, "changed"), (3, "new"), (5, "unchanged"), (0, "leaving")]
    assert "Row" not in rows[0].message
    assert rows[-1].name == "Uta Weg"


def test_changes_are_told_in_words_with_the_label_of_the_status(app: Application, run_id: int) -> None:
    with app.db.read() as session:
        (changed,) = preview_page(session, run_id, verdict="changed")
        (leaving,) = preview_page(session, run_id, verdict="leaving")

    assert sorted(changed.changes) == [("email", "–", "eva@example.org"), ("status", "Registered", "Withdrawn")]
    assert leaving.changes == [("active", "yes", "no")]


def test_pages_of_one_verdict_follow_each_other(app: Application, run_id: int) -> None:
    with app.db.read() as session:
        assert [row.row for row in preview_page(session, run_id, limit=2, offset=2)] == [3, 5]
        assert preview_page(session, run_id, verdict="new", offset=1) == []


def test_the_download_has_every_row(app: Application, run_id: int) -> None:
    with app.db.read() as session:
        lines = list(preview_lines(session, run_id))

    assert lines[0][0] == "row"
    assert [line[4] for line in lines[1:]] == ["changed", "new", "rejected", "unchanged", "leaving"]
    assert "email: – → eva@example.org" in lines[1][6]


def test_imports_are_seen_by_who_began_them_or_may_see_all_runs(app: Application, run_id: int) -> None:
    colleague = Actor(name="account:7", label="Ida", permissions=frozenset({"people:create"}))
    auditor = Actor(name="account:8", label="Leo", permissions=frozenset({"runs:view"}))
    with app.db.read() as session:
        assert [run.id for run in recent_imports(session, operator("tester"))] == [run_id]
        assert [run.id for run in recent_imports(session, auditor)] == [run_id]
        assert recent_imports(session, colleague) == []
