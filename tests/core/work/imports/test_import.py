"""An import from preview to people: what each row comes to, what is kept, what stands against it (R6)."""

import json

import pytest
from sqlalchemy import func, select, update

from rolecall import Refusal
from rolecall.accounts.actors import Actor
from rolecall.errors import Forbidden, Invalid, Refused
from rolecall.store.engine import now
from rolecall.store.tables import Account, AuditEntry, ImportRow, Link, Listing, Person, Run, RunItem
from rolecall.testing.factories import enable_provider, make_account
from rolecall.work.imports.confirm import confirm, discard
from rolecall.work.imports.source import CsvSource
from rolecall.work.imports.stage import Options, stage

TWO = "students,S1,Anna,Alpha,anna@home.example,+30 6912345678,el,yes,Registered,no\nteachers,T1,Ben,Beta,,,,,,\n"


def test_preview_tells_everything_and_changes_nothing(registry):
    registry.bring("students,S1,Anna,Alpha,,,,,,\nstudents,S2,Bob,Beta,,,,,,\n")
    before = registry.contents()

    run_id = registry.stage(
        "students,S1,Anna,Gamma,,,,,,\nstudents,S2,Bob,Beta,,,,,,\nstudents,S3,Eva,Neu,,,,,,\nstudents,S4,Ida,Neu,nonsense,,,,,\n"
    )

    assert registry.counts(run_id) == {"new": 1, "changed": 1, "unchanged": 1, "rejected": 1}
    assert registry.office.run(run_id)["state"] == "draft"
    assert registry.contents() == before
    registry.office.work()
    assert registry.contents() == before


def test_rejected_rows_have_their_number_in_the_file_and_the_reason(registry):
    run_id = registry.stage("students,S1,Anna,Alpha,,,,,,\nstudents,S2,Bob,Beta,nonsense,,,,,\nstudents,S3,,,,,,,,\n")

    assert registry.messages(run_id) == [
        "Row 3: nonsense is not an e-mail address.",
        "Row 4: A new person needs a first name and a last name.",
    ]


def test_new_people_are_active_synced_and_registered_unless_the_file_says_otherwise(registry):
    run_id = registry.bring(TWO + "students,S2,Eva,Neu,,,,no,withdrawn,yes\n")

    students = registry.people()
    assert registry.outcomes(run_id) == {"done": 3}
    assert (students["S1"].active, students["S1"].no_sync) == (True, False)
    assert (students["S2"].active, students["S2"].no_sync) == (False, True)
    assert students["S1"].status_id != students["S2"].status_id
    assert registry.people("teachers")["T1"].status_id is None
    assert (students["S1"].email, students["S1"].language, students["S1"].search) == (
        "anna@home.example", "el", "anna alpha anna anna@home.example s1 +30 6912345678 306912345678",
    )  # fmt: skip


def test_the_same_file_again_changes_nothing(registry, office):
    office.make(enable_provider, "moodle")
    registry.bring(TWO)
    with office.app.db.write() as session:
        anna = session.scalar(select(Person).where(Person.code == "S1"))
        make_account(session, person=anna)
    before = registry.contents()

    run_id = registry.bring(TWO)

    assert registry.counts(run_id) == {"unchanged": 2}
    assert registry.outcomes(run_id) == {"skipped": 2}
    assert registry.contents() == before
    with office.app.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Link)) == 0


def test_empty_cells_keep_and_a_dash_clears(registry):
    registry.bring(TWO)

    registry.bring("students,S1,,,,-,-,,,\n")

    anna = registry.people()["S1"]
    assert (anna.first_name, anna.email, anna.phone, anna.language, anna.active) == ("Anna", "anna@home.example", None, None, True)


def test_missing_columns_keep_too(registry):
    registry.bring(TWO)

    run_id = registry.bring("list,code,last_name\nstudents,S1,Omega\n")

    (item,) = registry.office.items(run_id)
    assert (item["before"], item["after"]) == ({"last_name": "Alpha"}, {"last_name": "Omega"})
    assert registry.people()["S1"].version == 2


def test_a_name_cannot_be_cleared(registry):
    registry.bring(TWO)

    run_id = registry.stage("students,S1,-,,,,,,,\n")

    assert registry.messages(run_id) == ["Row 2: The first name cannot be cleared."]


def test_a_status_is_found_in_any_case_and_an_unknown_one_rejects_the_row(registry):
    run_id = registry.stage("students,S1,Anna,A,,,,,rEGISTERED,\nstudents,S2,Bob,B,,,,,Expelled,\nteachers,T1,Eva,C,,,,,Registered,\n")

    assert registry.counts(run_id) == {"new": 1, "rejected": 2}
    assert registry.messages(run_id) == [
        "Row 3: There is no student status “Expelled”.",
        "Row 4: Only students have a status.",
    ]


@pytest.mark.parametrize("between", [0, 2_500], ids=["next to each other", "far apart"])
def test_the_second_row_of_a_code_is_rejected(registry, between):
    others = "".join(f"teachers,T{n},Ida,C,,,,,,\n" for n in range(between))

    run_id = registry.stage(f"students,S1,Anna,A,,,,,,\n{others}students, s1 ,Bob,B,,,,,,\nteachers,S1,Eva,C,,,,,,\n")

    assert registry.counts(run_id) == {"new": 2 + between, "rejected": 1}
    assert registry.messages(run_id) == [f"Row {3 + between}: The code is in row 2 already."]


@pytest.mark.parametrize("between", [0, 2_500], ids=["next to each other", "far apart"])
def test_a_row_after_a_rejected_one_of_the_same_code_is_taken(registry, between):
    others = "".join(f"teachers,T{n},Ida,C,,,,,,\n" for n in range(between))

    run_id = registry.stage(f"students,S1,Anna,A,,,,,Expelled,\n{others}students,S1,Anna,A,,,,,,\n")

    assert registry.counts(run_id) == {"new": 1 + between, "rejected": 1}


def test_codes_are_one_key_in_any_spelling_and_the_first_spelling_stays(registry):
    registry.bring("students,s1,Anna,Alpha,,,,,,\n")

    run_id = registry.bring("students,S1,Anna,Beta,,,,,,\n")

    assert registry.counts(run_id) == {"changed": 1}
    assert list(registry.people()) == ["s1"]


def test_files_without_a_list_are_for_the_list_that_was_chosen(registry):
    registry.bring("code,first_name,last_name\nA1,Anna,Alpha\n", people_list="alumni")

    assert list(registry.people("alumni")) == ["A1"]


def test_unknown_columns_are_noted(registry):
    run_id = registry.stage("list,code,first_name,last_name,shoe\nstudents,S1,Anna,A,38\n")

    assert registry.office.run(run_id)["facts"]["notes"] == ["The column shoe is unknown and is not read."]


def test_an_import_cannot_say_what_belongs_to_accounts(registry, office):
    run_id = registry.bring(
        "list,code,first_name,last_name,username,is_owner,password_hash,email_verified\nstudents,S1,A,B,root,yes,x,yes\n"
    )

    assert len(office.run(run_id)["facts"]["notes"]) == 4
    with office.app.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 0


def test_accounts_of_changed_people_fall_behind_and_keep_their_own_name_and_address(registry, office):
    office.make(enable_provider, "moodle")
    registry.bring(TWO + "students,S2,Eva,Neu,,,,,,\n")
    with office.app.db.write() as session:
        by_code = {person.code: person for person in session.scalars(select(Person))}
        anna = make_account(session, person=by_code["S1"], email="anna@school.example")
        anna.first_name = "Annie"
        make_account(session, person=by_code["S2"])

    run_id = registry.bring("students,S1,Annika,Alpha,annika@home.example,,,,,\nstudents,S2,Eva,Neu,,,,,,\n")

    account = office.account(anna)
    assert (account.first_name, account.email, account.version) == ("Annie", "anna@school.example", 1)
    with office.app.db.read() as session:
        assert [(link.account_id, link.run_id) for link in session.scalars(select(Link))] == [(anna.id, run_id)]
        assert "annika@home.example" in session.scalar(select(Listing.search).where(Listing.account_id == anna.id))


def test_a_validator_takes_one_person_out_with_its_sentence(registry, office):
    registry.bring("students,S1,Anna,Alpha,,,,,,\nstudents,S2,Bob,Beta,,,,,,\n")
    with office.app.db.write() as session:
        for person in session.scalars(select(Person)):
            make_account(session, person=person)

    def validate_accounts(changes):
        return [Refusal(account_id=each.after.id, message="Not a Zeta.") for each in changes if each.after.person.last_name == "Zeta"]

    office.use("trial", validate_accounts=validate_accounts)

    run_id = registry.bring("students,S1,Anna,Zeta,,,,,,\nstudents,S2,Bob,Omega,,,,,,\nstudents,S3,Eva,Neu,,,,,,\n")

    assert registry.outcomes(run_id) == {"done": 2, "skipped": 1}
    assert registry.messages(run_id) == ["Not a Zeta."]
    assert [person.last_name for person in registry.people().values()] == ["Alpha", "Omega", "Neu"]


def test_a_validator_that_breaks_changes_nobody_with_an_account(registry, office):
    registry.bring("students,S1,Anna,Alpha,,,,,,\n")
    with office.app.db.write() as session:
        make_account(session, person=session.scalar(select(Person)))

    def validate_accounts(changes):
        raise RuntimeError("out of order")

    office.use("trial", validate_accounts=validate_accounts)

    run_id = registry.bring("students,S1,Anna,Zeta,,,,,,\nstudents,S2,Eva,Neu,,,,,,\n")

    assert registry.outcomes(run_id) == {"done": 1, "failed": 1}
    assert registry.people()["S1"].last_name == "Alpha"
    assert "out of order" in registry.messages(run_id)[0]


def test_what_somebody_changed_between_preview_and_confirmation_is_compared_again(registry, office):
    registry.bring("students,S1,Anna,Alpha,,,,,,\nstudents,S2,Bob,Beta,,,,,,\n")
    run_id = registry.stage("students,S1,Anna,Gamma,,,,,,\nstudents,S2,Bob,Delta,,,,,,\nstudents,S3,Eva,Neu,,,,,,\n")
    with office.app.db.write() as session:
        session.execute(update(Person).where(Person.code == "S1").values(last_name="Gamma"))
        session.execute(update(Person).where(Person.code == "S2").values(last_name="Edited"))
    registry.bring("students,S3,Eva,Older,,,,,,\n")

    registry.confirm(run_id)

    assert [(item["code"], item["before"]) for item in office.items(run_id)] == [
        ("unchanged", None),
        ("changed", {"last_name": "Edited"}),
        ("changed", {"last_name": "Older"}),
    ]
    assert [person.last_name for person in registry.people().values()] == ["Gamma", "Delta", "Neu"]


def test_confirming_twice_has_one_effect(registry):
    run_id = registry.bring(TWO)

    registry.confirm(run_id)

    assert registry.outcomes(run_id) == {"done": 2}
    assert registry.people()["S1"].version == 1


def test_a_discarded_import_cannot_be_confirmed(registry, office):
    run_id = registry.stage(TWO)
    discard(office.app, office.actor, run_id)

    with pytest.raises(Refused, match="is stopped; it cannot be confirmed"):
        registry.confirm(run_id)
    assert registry.people() == {}


def test_other_runs_are_no_imports(registry, office):
    anna = office.make(make_account, "Anna")
    run_id = office.act("account.deactivate", anna)

    with pytest.raises(Refused, match="is no import"):
        confirm(office.app, office.actor, run_id)


@pytest.mark.parametrize("missing", ["people:create", "people:edit"])
def test_who_may_not_edit_people_may_not_import(registry, office, missing):
    actor = Actor(name="account:9", label="Clerk", permissions=frozenset({"people:create", "people:edit", "runs:edit"} - {missing}))

    with pytest.raises(Forbidden):
        registry.stage(TWO, actor=actor)
    run_id = registry.stage(TWO)
    with pytest.raises(Forbidden):
        confirm(office.app, actor, run_id)


def test_an_importer_who_lost_the_right_meanwhile_does_not_go_on(registry, office):
    ada = office.make(make_account, "Ada", type="administrator", is_owner=True)
    actor = Actor(name=f"account:{ada.id}", label="Ada", account_id=ada.id, permissions=None)
    run_id = registry.stage("".join(f"students,S{n},Anna,Alpha,,,,,,\n" for n in range(60)), actor=actor)
    confirm(office.app, actor, run_id)
    with office.app.db.write() as session:
        session.execute(update(Account).values(is_owner=False))

    office.work()

    run = office.run(run_id)
    assert (run["state"], "may not do this any more" in run["error"]) == ("failed", True)
    assert registry.people() == {}


def test_a_kill_between_batches_is_resumed_with_exact_counts(registry, office):
    class Killed(BaseException):
        pass

    registry.bring("".join(f"students,S{n},Anna,Alpha,,,,,,\n" for n in range(1_500)))
    with office.app.db.write() as session:
        for code in ("S3", "S1200"):
            make_account(session, person=session.scalar(select(Person).where(Person.code == code)))
    asked = []

    def validate_accounts(changes):
        asked.append(len(changes))
        if len(asked) == 2:
            raise Killed

    office.use("trial", validate_accounts=validate_accounts)
    run_id = registry.stage("".join(f"students,S{n},Anna,Beta,,,,,,\n" for n in range(1_500)))
    with pytest.raises(Killed):
        registry.confirm(run_id)
    assert registry.outcomes(run_id) == {"done": 1_000, "waiting": 500}
    with office.app.db.write() as session:
        session.execute(update(Run).values(leased_until=now(session)))

    office.work()

    assert registry.outcomes(run_id) == {"done": 1_500}
    assert {(person.last_name, person.version) for person in registry.people().values()} == {("Beta", 2)}


def test_a_kill_while_staging_leaves_a_draft_that_cannot_be_confirmed(registry, office):
    run_id = registry.stage(TWO)
    with office.app.db.write() as session:
        # What the rows are like when the process ends before the last transaction of staging.
        session.execute(update(Run).where(Run.id == run_id).values(facts={}))

    with pytest.raises(Refused, match="was not read to its end"):
        registry.confirm(run_id)
    assert registry.people() == {}


def test_a_file_that_breaks_off_leaves_nothing_but_a_failed_run(registry, office, tmp_path):
    path = tmp_path / "broken.csv"
    path.write_bytes(("list,code,first_name,last_name\n" + "students,S1,A,B\n" * 3).encode() + b"students,S9,\xff,X\n")

    with pytest.raises(Invalid):
        stage(office.app, office.actor, CsvSource(path=path, label="broken.csv"), Options())

    with office.app.db.read() as session:
        run = session.scalar(select(Run))
        assert (run.state, run.error) == ("failed", "The file could not be read to its end; nothing was imported.")
    assert _left_behind(office) == (0, 0, 0)


def test_one_key_is_one_import_and_another_file_under_it_is_refused(registry):
    first = registry.stage(TWO, idempotency_key="k", body_digest="a")

    assert registry.stage(TWO, idempotency_key="k", body_digest="a") == first
    with pytest.raises(Invalid, match="another request"):
        registry.stage("students,S1,A,B,,,,,,\n", idempotency_key="k", body_digest="b")


def test_the_audit_tells_of_the_preview_the_confirmation_and_every_batch_but_of_no_person(registry, office):
    registry.bring(TWO)

    with office.app.db.read() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.kind != "plugin.enable").order_by(AuditEntry.seq)).all()
        assert [entry.kind for entry in entries] == ["import.stage", "import.confirm", "run.import"]
        assert "anna@home.example" not in json.dumps([entry.payload for entry in entries])


def _left_behind(office):
    with office.app.db.read() as session:
        return tuple(session.scalar(select(func.count()).select_from(table)) for table in (ImportRow, RunItem, Person))
