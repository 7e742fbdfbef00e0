"""What an action does once and not per account: at the end of a run, and first of all when the run is taken back."""

import pytest
from sqlalchemy import select

from rolecall import Conclusion, LookAt, action
from rolecall.errors import Refused
from rolecall.store.tables import Run, Setting
from rolecall.testing.factories import make_accounts, set_plain
from rolecall.work.runs.control import resume
from rolecall.work.runs.undo import start_undo

KEY = "flag"


def hoist(context, accounts, params):
    """Verify addresses, and raise a flag when all are done."""
    for account in accounts:
        if account.username == "stubborn" and not flag(context.session):
            raise ValueError("not yet")
        account.email_verified = True


def lower(context, accounts, undos):
    assert flag(context.session) == "before", "what was done last goes back first"
    for account in accounts:
        account.email_verified = False


def flag(session):
    found = session.scalar(select(Setting.value).where(Setting.plugin == "banner", Setting.key == KEY))
    return found["value"] if found else None


def raise_flag(context, ending):
    if ending.counts["failed"]:
        return Conclusion(notes=["Some failed, so the flag stays down."])
    if flag(context.session) == "torn":
        raise Refused("The flag is torn.")
    set_plain(context.session, "banner", **{KEY: f"after {ending.counts['done']}"})
    seen = LookAt(text="1 account has never signed in.", filter={"login": "never"})
    return Conclusion(facts={"was": "before", "before": dict(ending.facts)}, look_at=[seen])


def take_flag_down(context, ending):
    set_plain(context.session, "banner", **{KEY: ending.facts["was"]})
    return Conclusion(notes=["The flag is down again."])


@pytest.fixture
def banner(office):
    """The office, with a plugin whose action concludes, three accounts at a time."""
    hoisting = action("banner.hoist", label="Hoist", bulk=True, batch=3, undo=lower, conclude=raise_flag, undo_conclusion=take_flag_down)(
        hoist
    )
    office.use("banner", register_actions=lambda: [hoisting])
    return office


def read_flag(office):
    with office.app.db.read() as session:
        return flag(session)


@pytest.mark.parametrize("number", [1, 3, 7])
def test_a_run_is_concluded_once_after_its_last_account(banner, number):
    ids = banner.make(make_accounts, number)

    run = banner.run(banner.act("banner.hoist", *ids))

    assert read_flag(banner) == f"after {number}"
    assert run["facts"]["conclusion"] == {
        "facts": {"was": "before", "before": {}},
        "notes": [],
        "look_at": [{"text": "1 account has never signed in.", "filter": {"login": "never"}}],
    }


def test_an_undo_takes_the_conclusion_back_before_the_accounts(banner):
    run_id = banner.act("banner.hoist", *banner.make(make_accounts, 7))

    undo = banner.run(start_undo(banner.app, banner.actor, run_id))

    assert undo["counts"]["done"] == 7
    assert undo["facts"]["conclusion"]["notes"] == ["The flag is down again."]
    assert read_flag(banner) == "before"


def test_a_run_whose_failed_accounts_were_tried_again_ends_again(banner):
    ids = [*banner.make(make_accounts, 2), banner.make(make_accounts, 1, username="stubborn")[0]]
    run_id = banner.act("banner.hoist", *ids)
    assert banner.run(run_id)["facts"]["conclusion"]["notes"] == ["Some failed, so the flag stays down."]
    assert read_flag(banner) is None

    banner.make(lambda session: set_plain(session, "banner", **{KEY: "halfway"}))
    resume(banner.app, banner.actor, run_id, failed=True)
    banner.work()

    assert read_flag(banner) == "after 3"


def test_a_conclusion_that_is_refused_fails_the_run_and_comes_with_its_last_batch_later(banner):
    banner.make(lambda session: set_plain(session, "banner", **{KEY: "torn"}))
    ids = banner.make(make_accounts, 4)
    run_id = banner.act("banner.hoist", *ids)
    failed = banner.run(run_id)
    assert (failed["state"], failed["error"], failed["counts"]["waiting"]) == ("failed", "The flag is torn.", 1)

    banner.make(lambda session: set_plain(session, "banner", **{KEY: "mended"}))
    resume(banner.app, banner.actor, run_id)
    banner.work()

    assert banner.run(run_id)["state"] == "done"
    assert read_flag(banner) == "after 4"


def test_a_run_that_died_between_its_last_account_and_its_end_is_concluded_by_whoever_goes_on(banner):
    run_id = banner.act("banner.hoist", *banner.make(make_accounts, 3))
    with banner.app.db.write() as session:
        run = session.get_one(Run, run_id)
        run.state, run.facts, run.finished_at = "running", {}, None
        session.query(Setting).filter(Setting.plugin == "banner").delete()

    banner.work()

    assert banner.run(run_id)["state"] == "done"
    assert read_flag(banner) == "after 3"
