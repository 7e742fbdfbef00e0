"""What is done at the command line and is told to the alert addresses (L-06)."""

from sqlalchemy import select, text

from rolecall.accounts import alerts, audit
from rolecall.store.engine import Database
from rolecall.store.tables import Delivery


def test_a_check_of_the_audit_that_fails_is_told_with_who_asked_for_it(cli):
    cli("settings", "set", "alert_addresses=it@school.example", code=0)
    db = Database(cli.env["ROLECALL_DATABASE_URL"])
    with db.write() as session:
        if db.is_sqlite:
            for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")).all():
                session.execute(text(f"DROP TRIGGER {name}"))
        else:
            session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("UPDATE audit SET kind = 'forged' WHERE seq = 1"))

    cli("audit", "verify", code=1)

    with db.read() as session:
        (told,) = session.scalars(select(Delivery.facts).where(Delivery.kind == alerts.KIND))
    db.close()
    assert told["what"].startswith("A check of the audit failed. Entry 1 was changed")
    assert told["who"].endswith("(command line)")


def test_an_export_of_the_audit_says_how_many_entries_it_took(cli):
    cli("audit", "export", code=0)

    db = Database(cli.env["ROLECALL_DATABASE_URL"])
    with db.read() as session:
        (entry,) = audit.entries(session, audit.Filters(kind="audit.export")).items
    db.close()
    assert entry.payload["entries"] == entry.seq - 1
