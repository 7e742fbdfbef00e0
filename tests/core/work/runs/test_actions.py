"""What a run does with an action: outcomes, history, refusals, bad accounts, links, audit (R35-R39, R67)."""

import pytest
from sqlalchemy import select, update

from rolecall import NOT_DELETED, Refusal, validates
from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.errors import ConsentRequired, CountChanged, Forbidden, Invalid, Refused, Unknown
from rolecall.store.tables import Account, Link, Listing, RunItem
from rolecall.testing.factories import enable_provider, give_role, make_account, make_accounts, make_period, make_role


def outcomes(office, run_id):
    return {item["account"]["id"]: (item["outcome"], item["code"]) for item in office.items(run_id)}


def test_a_small_run_is_finished_when_it_returns_with_before_and_after(office):
    anna = office.make(make_account, "Anna")

    run_id = office.act("account.deactivate", anna)

    (item,) = office.items(run_id)
    assert office.run(run_id)["state"] == "done"
    assert (item["outcome"], item["before"], item["after"]) == ("done", {"active": True}, {"active": False})
    assert office.account(anna).version == 2


def test_the_list_row_follows_in_the_same_transaction(office):
    anna = office.make(make_account, "Anna")

    office.act("account.deactivate", anna)

    with office.app.db.read() as session:
        assert session.scalar(select(Listing.active).where(Listing.account_id == anna.id)) is False


def test_accounts_that_changed_fall_behind_at_their_providers_and_others_do_not(office):
    def half(context, accounts, params):
        context.session.execute(update(Account).where(Account.id == accounts.ids[0]).values(first_name="Changed"))

    office.use("trial", register_actions=lambda: [_action(half)])
    changed, untouched = office.make(make_accounts, 2)
    with office.app.db.write() as session:
        enable_provider(session, "moodle")

    office.act("trial.go", changed, untouched)

    with office.app.db.read() as session:
        assert list(session.scalars(select(Link.account_id))) == [changed]


def test_one_account_that_does_not_fulfil_a_requirement_is_refused_with_the_sentence(office):
    anna = office.make(make_account, "Anna", active=False)

    with pytest.raises(Refused, match="The account is not active") as refused:
        office.act("account.deactivate", anna)

    assert refused.value.code == "not-active"


def test_among_several_it_is_skipped_with_the_sentence(office):
    anna, ben = office.make(make_account, "Anna", active=False), office.make(make_account, "Ben")

    run_id = office.act("account.deactivate", anna, ben)

    assert outcomes(office, run_id) == {anna.id: ("skipped", "not-active"), ben.id: ("done", None)}


def test_consent_is_asked_for_with_the_consequence(office):
    anna = office.make(make_account, "Anna")

    with pytest.raises(ConsentRequired, match="can be restored"):
        office.act("account.delete", anna)

    assert office.account(anna).deleted_at is None
    office.act("account.delete", anna, agreed=True)
    assert office.account(anna).deleted_at is not None


def test_a_selection_that_changed_since_it_was_shown_is_not_run(office):
    office.make(make_accounts, 3)

    with pytest.raises(CountChanged) as changed:
        office.act("account.deactivate", words={"type": "student"}, expected=2)

    assert changed.value.count == 3
    with office.app.db.read() as session:
        assert all(session.scalars(select(Account.active)))


@pytest.mark.parametrize(
    ("action_id", "params", "error", "message"),
    [
        ("account.fly", {}, Unknown, "no action called account.fly"),
        ("account.username", {}, Invalid, "username"),
        ("account.username", {"username": "x", "colour": "red"}, Invalid, "colour"),
        ("password.at_next_logon", {"must_change": "perhaps"}, Invalid, "must_change"),
        ("roles.assign", {"period": "1900", "role": "Nobody"}, Invalid, "period"),
        ("password.change", {"password": "correct horse battery", "confirm": "another"}, Invalid, "differ"),
        ("password.change", {"password": "short", "confirm": "short"}, Invalid, "password"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_written(office, action_id, params, error, message):
    anna = office.make(make_account, "Anna")

    with pytest.raises(error, match=message):
        office.act(action_id, anna, **params)

    assert office.account(anna).version == 1
    with office.app.db.read() as session:
        assert not session.scalars(select(RunItem.n)).all()


def test_an_account_that_does_not_exist_is_named(office):
    with pytest.raises(Unknown, match="no account with the id 4711"):
        office.act("account.deactivate", 4711)


def test_an_action_for_one_account_is_not_run_on_two(office):
    anna, ben = office.make(make_accounts, 2)

    with pytest.raises(Refused, match="one account at a time; 2 are selected"):
        office.act("account.username", anna, ben, username="both")


def test_an_actor_without_the_permission_is_refused(office):
    anna = office.make(make_account, "Anna")
    clerk = Actor(name="account:99", label="Clerk", permissions=frozenset({"act:account.activate"}))

    with pytest.raises(Forbidden, match=r"act:account\.deactivate"):
        office.act("account.deactivate", anna, actor=clerk)


def test_one_bad_account_is_one_failed_line(office):
    ids = office.make(make_accounts, 9)

    def stumble(context, accounts, params):
        context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(first_name="Done"))
        if ids[4] in accounts.ids:
            raise ZeroDivisionError("a plugin's bug")

    office.use("trial", register_actions=lambda: [_action(stumble)])

    run_id = office.act("trial.go", *ids)

    found = outcomes(office, run_id)
    assert found.pop(ids[4]) == ("failed", "error")
    assert set(found.values()) == {("done", None)}
    assert office.account(ids[4]).first_name != "Done"
    assert office.account(ids[5]).first_name == "Done"


def test_a_refused_account_is_untouched_even_by_a_statement_over_the_batch(office):
    anna, ben = office.make(make_accounts, 2)

    def refuse_anna(context, accounts, params):
        context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(first_name="Done"))
        if anna in accounts.ids:
            context.refuse(anna, "Not her.", code="not-her")

    office.use("trial", register_actions=lambda: [_action(refuse_anna)])

    run_id = office.act("trial.go", anna, ben)

    assert outcomes(office, run_id) == {anna: ("skipped", "not-her"), ben: ("done", None)}
    assert (office.account(anna).first_name == "Done", office.account(ben).first_name) == (False, "Done")


def test_a_validator_takes_accounts_out_with_its_sentence(office):
    anna, ben = office.make(make_account, "Anna"), office.make(make_account, "Ben")

    def validate_accounts(changes):
        return [
            Refusal(account_id=change.after.id, message=f"{change.before.first_name} cannot be closed.")
            for change in changes
            if change.before.active and not change.after.active and change.after.id == anna.id
        ]

    office.use("trial", validate_accounts=validate_accounts)

    run_id = office.act("account.deactivate", anna, ben)

    assert outcomes(office, run_id) == {anna.id: ("skipped", "refused-by-plugin"), ben.id: ("done", None)}
    assert office.account(anna).active


def test_a_validator_is_shown_what_the_account_was_role_included(office):
    anna = office.make(make_account, "Anna")
    role, old = office.make(make_role), office.make(make_period, "2025", current=False)
    office.make(make_period)
    office.make(give_role, anna, role, old)
    shown = []
    office.use("trial", validate_accounts=lambda changes: shown.extend(changes))

    office.act("roles.assign", anna, mode="add", period="2026", role=role.name)

    (change,) = shown
    assert [each.period for each in change.before.roles] == ["2025"]
    assert [(each.period, each.period_is_current) for each in change.after.roles] == [("2025", False), ("2026", True)]
    office.act("roles.assign", anna, mode="remove", period="2025")
    assert [(each.period, each.role) for each in shown[1].before.roles] == [("2025", role.name), ("2026", role.name)]
    assert [each.period for each in shown[1].after.roles] == ["2026"]


def test_a_validator_that_names_its_fields_is_not_asked_about_others(office):
    anna = office.make(make_account, "Anna")
    shown = []

    @validates("username")
    def validate_accounts(changes):
        shown.extend((change.before.username, change.after.username) for change in changes)

    office.use("trial", validate_accounts=validate_accounts)

    office.act("account.deactivate", anna)
    office.act("account.username", anna, username="anna.new")

    assert shown == [(anna.username, "anna.new")]


def test_a_validator_that_breaks_fails_closed_and_names_the_reason(office):
    def validate_accounts(changes):
        raise RuntimeError("the licence server is down")

    office.use("trial", validate_accounts=validate_accounts)
    anna, ben = office.make(make_accounts, 2)

    run_id = office.act("account.deactivate", anna, ben)

    assert set(outcomes(office, run_id).values()) == {("failed", "plugin-fault")}
    assert "the licence server is down" in office.items(run_id)[0]["message"]
    assert office.account(anna).active


def test_accounts_drawn_in_are_versioned_and_in_the_history(office):
    anna, ben = office.make(make_accounts, 2)

    def swap(context, accounts, params):
        context.include([ben])
        context.session.execute(update(Account).where(Account.id.in_([anna, ben])).values(last_name="Swapped"))

    office.use("trial", register_actions=lambda: [_action(swap)])

    run_id = office.act("trial.go", anna)

    (item,) = office.items(run_id)
    assert item["after"][f"account:{ben}"] == {"last_name": "Swapped"}
    assert office.account(ben).version == 2


def test_what_lies_outside_the_snapshot_can_be_recorded(office):
    anna = office.make(make_account, "Anna")
    office.use(
        "trial", register_actions=lambda: [_action(lambda context, accounts, params: context.record(anna.id, "badge", "old", "new"))]
    )

    run_id = office.act("trial.go", anna)

    assert office.items(run_id)[0]["after"] == {"badge": "new"}


def test_a_disabled_plugins_action_does_not_exist(office):
    office.use("trial", register_actions=lambda: [_action(lambda context, accounts, params: None)])
    anna = office.make(make_account, "Anna")
    from rolecall.plugins.state import set_enabled
    from rolecall.store.engine import now

    with office.app.db.write() as session:
        set_enabled(session, office.app.plugins, "trial", False, now=now(session))

    with pytest.raises(Unknown):
        office.act("trial.go", anna)


def test_the_same_key_and_body_is_the_same_run_and_another_body_is_refused(office):
    anna, ben = office.make(make_accounts, 2)

    first = office.act("account.deactivate", anna, ben, key="k1")

    assert office.act("account.deactivate", anna, ben, key="k1") == first
    with pytest.raises(Invalid, match="another request"):
        office.act("account.deactivate", ben, key="k1")


def test_every_batch_is_in_the_audit_and_the_chain_verifies(office):
    anna, ben = office.make(make_accounts, 2)

    run_id = office.act("account.deactivate", anna, ben)

    with office.app.db.read() as session:
        entries = audit.entries(session, audit.Filters(run_id=run_id)).items
        assert [entry.kind for entry in entries] == ["run.action"]
        assert [n for n, _ in entries[0].payload["items"]] == [1, 2]
        assert audit.verify(session).ok


def _action(handler):
    from rolecall import action

    return action("trial.go", label="Try", bulk=True, help="Try it.", requires=(NOT_DELETED,))(handler)
