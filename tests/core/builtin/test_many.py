"""Core's actions on many at once, each account with its own result (R2, R35, R36, R37, R38, R39, R45)."""

import pytest
from sqlalchemy import select

from rolecall.errors import ConsentRequired
from rolecall.store.tables import Account, Period, Role, RolePeriod
from rolecall.testing.factories import give_role, make_account, make_accounts, make_period, make_role
from rolecall.testing.providers import memory_provider, plugin_of
from rolecall.testing.school import School
from rolecall.work.runs.secrets import fetch_secrets


@pytest.fixture
def years(office):
    """The office, with two periods and two roles of students."""
    with office.app.db.write() as session:
        make_period(session, "2026")
        make_period(session, "2027", current=False)
        make_role(session, "Main student")
        make_role(session, "Guest")
    return office


@pytest.fixture
def providers():
    """Two providers."""
    return memory_provider("first"), memory_provider("second")


@pytest.fixture
def followed(office, providers):
    """A school that both providers follow."""
    office.app.close()
    office.app = office.open(**{each.id: plugin_of(each) for each in providers})
    school = School(office.app)
    for each in providers:
        school.enable(each)
    return school


def roles(office, account_id):
    """Period → role, in brackets where it is disabled."""
    with office.app.db.read() as session:
        rows = session.execute(
            select(Period.code, Role.name, RolePeriod.enabled)
            .join(Period, Period.id == RolePeriod.period_id)
            .join(Role, Role.id == RolePeriod.role_id)
            .where(RolePeriod.account_id == account_id)
        )
        return {code: name if enabled else f"({name})" for code, name, enabled in rows}


@pytest.mark.parametrize(
    ("mode", "counts", "expected"),
    [
        ("add", (2, 1), ["Guest", "Main student", "Main student"]),
        ("replace", (3, 0), ["Main student", "Main student", "Main student"]),
        ("remove", (0, 3), ["Guest", None, None]),
    ],
)
def test_a_role_is_added_replaced_or_removed_for_everything_a_filter_matches(years, mode, counts, expected):
    with years.app.db.write() as session:
        ids = make_accounts(session, 3)
        make_account(session, type="teacher")
    years.act("roles.assign", ids[0], mode="add", period="2026", role="Guest")

    run_id = years.act("roles.assign", words={"type": "student"}, mode=mode, period="2026", role="Main student")

    found = years.run(run_id)["counts"]
    assert (found["done"], found["skipped"]) == counts
    assert [roles(years, each).get("2026") for each in ids] == expected


def test_periods_are_disabled_for_many_and_their_roles_come_back(years):
    with years.app.db.write() as session:
        ids = make_accounts(session, 3)
    years.act("roles.assign", *ids, mode="add", period="2026", role="Main student")
    years.act("roles.assign", *ids, mode="add", period="2027", role="Guest")

    years.act("roles.disable_period", *ids, periods=["2026"])
    assert [roles(years, each) for each in ids] == [{"2026": "(Main student)", "2027": "Guest"}] * 3

    years.act("account.activate", *ids)
    assert [roles(years, each) for each in ids] == [{"2026": "Main student", "2027": "Guest"}] * 3


def test_disabling_a_period_without_a_role_is_skipped_with_the_reason(years):
    with years.app.db.write() as session:
        anna, boris = make_account(session, "Anna"), make_account(session, "Boris")
        give_role(session, anna, make_role(session), make_period(session, "2026"))

    run_id = years.act("roles.disable_period", anna, boris, periods=["2026"])

    assert {item["account"]["id"]: item["outcome"] for item in years.items(run_id)} == {anna.id: "done", boris.id: "skipped"}


def test_many_are_closed_and_opened_again(office):
    ids = office.make(make_accounts, 3)

    closed = office.act("account.deactivate", *ids)
    opened = office.act("account.activate", words={"active": "no"})

    assert office.run(closed)["counts"]["done"] == office.run(opened)["counts"]["done"] == 3
    assert all(office.account(each).active for each in ids)


def test_many_are_deleted_and_restored(office):
    ids = office.make(make_accounts, 3)

    deleted = office.act("account.delete", *ids, agreed=True)
    restored = office.act("account.restore", words={"deleted": "only"})

    assert office.run(deleted)["counts"]["done"] == office.run(restored)["counts"]["done"] == 3
    with office.app.db.read() as session:
        assert set(session.scalars(select(Account.deleted_at))) == {None}


def test_many_passwords_are_reset_and_handed_out_together(office):
    ids = office.make(make_accounts, 3)

    run_id = office.act("password.reset", *ids)

    assert len({each.secret for each in fetch_secrets(office.app, office.actor, run_id)}) == 3


def test_many_are_brought_in_step_with_all_active_providers(followed, providers):
    ids = followed.students(3)

    followed.act("external.sync", *ids)
    assert [followed.pending(each) for each in ids] == [["first", "second"]] * 3
    followed.work()

    assert [followed.pending(each) for each in ids] == [[]] * 3
    assert {followed.link(each, provider).goal for each in ids for provider in providers} == {"present"}


def test_only_the_chosen_providers_are_synced(followed):
    ids = followed.students(2)

    followed.act("external.sync", *ids, providers=["second"])

    assert [followed.pending(each) for each in ids] == [["second"]] * 2


def test_many_are_converted_although_the_scope_leaves_them_out(followed, providers):
    first, second = providers
    followed.save(second, user_types=["teacher"])
    ids = followed.students(3)

    followed.act("external.convert", *ids, provider=second.id)
    followed.work()

    assert {followed.sync_state(each, second) for each in ids} == {"done"}
    assert first.service.calls("create") == []


@pytest.mark.parametrize(("action_id", "params"), [("external.sync", {}), ("external.convert", {"provider": "first"})])
def test_people_kept_out_of_sync_are_left_out_with_that_reason(followed, action_id, params):
    kept_out, other = followed.student("Kim", no_sync=True), followed.student("Ola")

    items = followed.items(followed.act(action_id, kept_out, other, **params))

    assert (items[kept_out].outcome, items[other].outcome) == ("skipped", "done")
    assert "sync" in items[kept_out].message
    assert followed.pending(kept_out) == []


def test_only_the_chosen_provider_lets_go_of_many_and_nobody_is_called(followed, providers):
    first, second = providers
    ids = followed.students(2)
    followed.act("external.sync", *ids)
    followed.work()
    for each in providers:
        each.service.journal.clear()

    followed.act("external.disconnect", *ids, providers=["first"])
    followed.work()

    assert {followed.link(each, first).goal for each in ids} == {"released"}
    assert {followed.link(each, second).goal for each in ids} == {"present"}
    assert first.service.journal == second.service.journal == []


def test_letting_go_warns_before(followed, providers):
    ids = followed.students(2)
    followed.act("external.sync", *ids)

    with pytest.raises(ConsentRequired, match="Nothing is changed or disabled at the provider"):
        followed.act("external.disconnect", *ids, agreed=False)

    assert {followed.link(each, providers[0]).goal for each in ids} == {"present"}
