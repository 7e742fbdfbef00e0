"""Every cause has its own finding, with the action or page that mends it and who does that."""

from collections.abc import Callable
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import delete, select

from rolecall import hookimpl
from rolecall.accounts import passwords, throttle
from rolecall.accounts.actors import Actor
from rolecall.accounts.sealing import Keyring
from rolecall.errors import Unknown
from rolecall.store.tables import Account, Link, Period, Person, PluginState, Role, RolePeriod, SecondFactor, SignIn, Throttle
from rolecall.testing.factories import enable_provider, give_role, make_account, make_period, make_status, set_plain
from rolecall.work import changes
from rolecall.work.doctor.diagnose import diagnose

WEEK = timedelta(days=7)


class Ward:
    """What may happen to Anna, in words; each method writes it straight into the tables."""

    def __init__(self, session: Any, anna: int, keyring: Keyring, noon: datetime) -> None:
        self.session, self.anna, self.keyring, self.noon = session, session.get_one(Account, anna), keyring, noon

    def account(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self.anna, name, value)

    def person(self, **values: Any) -> None:
        person = self.session.get_one(Person, self.anna.person_id)
        for name, value in values.items():
            setattr(person, name, value)

    def status(self, **values: Any) -> None:
        self.person(list="students", status_id=make_status(self.session, "Left", type="withdrawn", **values).id)

    def first_password(self, sealed_at: datetime | None, keyring: Keyring | None = None, **values: Any) -> None:
        sealed = (keyring or self.keyring).seal("kqm4tv-9xbhwd-63rpjc", passwords.sealed_place(self.anna.id))
        self.account(password_hash=None, sealed_password=sealed, sealed_at=sealed_at, **values)

    def role(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self.session.scalars(select(RolePeriod)).one(), name, value)

    def no_role(self, elsewhere: bool = False) -> None:
        self.session.execute(delete(RolePeriod))
        if elsewhere:
            role = self.session.scalars(select(Role)).one()
            give_role(self.session, self.anna, role, make_period(self.session, "2024", current=False))

    def twin(self, **values: Any) -> None:
        twin = make_account(self.session, "Berta", email=self.anna.email)
        twin.email_verified = True

    def factor(self) -> None:
        self.session.add(SecondFactor(account_id=self.anna.id, sealed_key=b"sealed", confirmed_at=self.noon))

    def full(self, key: str, limit: throttle.Limit) -> None:
        until = self.noon + timedelta(minutes=4)
        own = self.anna.id if "{}" in key else None
        self.session.add(Throttle(key=key.format(self.anna.id), account_id=own, count=limit.count, window_ends_at=until))

    def tried(self, result: str) -> None:
        at = self.noon - timedelta(minutes=5)
        self.session.add(SignIn(account_id=self.anna.id, at=at, method="password", result=result, address="192.0.2.7"))

    def link(self, provider: str = "memory", **values: Any) -> None:
        facts = {"goal": "present", "wanted": 2, "synced": 1, "changed_at": self.noon} | values
        self.session.add(Link(account_id=self.anna.id, provider=provider, **facts))

    def provider(self, **values: Any) -> None:
        """A link that is in step with a provider that is like this."""
        enable_provider(self.session, "moodle")
        self.link("moodle", synced=2)
        for name, value in values.items():
            setattr(self.session.get_one(PluginState, "moodle"), name, value)

    def enabled(self, plugin: str) -> None:
        self.session.merge(PluginState(plugin=plugin, enabled=True))

    def setting(self, **values: Any) -> None:
        set_plain(self.session, "core", **values)


def _stranger() -> Keyring:
    return Keyring([Fernet.generate_key().decode()])


#: What happened, the finding, how it is, what mends it (an action or a page), and who does it.
CAUSES: dict[str, tuple[Callable[[Ward], Any], str, str | None, str]] = {
    "person-inactive": (lambda w: w.person(active=False), "warning", "person", "office"),
    "person-status": (lambda w: w.status(), "warning", "person", "office"),
    "account-deleted": (lambda w: w.account(deleted_at=w.noon), "problem", "account.restore", "office"),
    "account-inactive": (lambda w: w.account(active=False), "problem", "account.activate", "office"),
    "account-closed-by-rule": (lambda w: w.account(active=False, closed_by_rule=True), "problem", "account.activate", "office"),
    "sso": (lambda w: w.account(sso_provider="moodle"), "problem", "external.disconnect", "office"),
    "must-change": (lambda w: w.account(must_change_password=True), "warning", "password.at_next_logon", "person"),
    "password-old": (
        lambda w: (w.setting(password_max_age_days=90), w.account(password_changed_at=w.noon - timedelta(days=90))),
        "warning",
        None,
        "person",
    ),
    "password-none": (lambda w: w.account(password_hash=None), "problem", "password.reset", "office"),
    "password-burned": (lambda w: (w.account(password_hash=None), w.tried("burned")), "problem", "password.reset", "office"),
    "password-is-phone": (lambda w: w.account(type="administrator", phone_guesses_left=3), "problem", "password.reset", "office"),
    "password-unreadable": (lambda w: w.first_password(w.noon, _stranger()), "problem", "password.reset", "operator"),
    "first-password": (lambda w: w.first_password(w.noon), "ok", None, ""),
    "first-password-over": (lambda w: w.first_password(w.noon - WEEK), "problem", "password.reset", "office"),
    "email-blocks": (
        lambda w: w.account(email_verified=False, must_verify_email=True),
        "problem",
        "account.verify_email",
        "person",
    ),
    "email-unverified": (lambda w: w.account(email_verified=False), "warning", "account.verify_email", "person"),
    "email-shared": (lambda w: w.twin(), "warning", None, "person"),
    "email-none": (lambda w: w.account(email=None, email_key=None, email_verified=False), "ok", None, ""),
    "email-former": (
        lambda w: w.account(email_verified=False, former_email="old@x.example", former_email_key="old@x.example"),
        "ok",
        None,
        "",
    ),
    "owner": (lambda w: (w.account(is_owner=True), w.no_role()), "ok", None, ""),
    "no-period": (lambda w: setattr(w.session.scalars(select(Period)).one(), "is_current", False), "problem", "periods", "office"),
    "no-role": (lambda w: w.no_role(), "problem", "roles.assign", "office"),
    "role-disabled": (lambda w: w.role(enabled=False), "problem", "account.activate", "office"),
    "role-inactive": (lambda w: setattr(w.session.scalars(select(Role)).one(), "active", False), "problem", "role", "office"),
    "second-factor": (lambda w: w.factor(), "ok", "account.reset_second_factor", ""),
    "second-factor-due": (lambda w: w.setting(second_factor_teacher="required"), "warning", None, "person"),
    "locked": (lambda w: w.full("account:{}", throttle.ACCOUNT), "problem", "account.unlock", "itself"),
    "locked-here": (
        lambda w: (w.tried("wrong-password"), w.full("account:{}:192.0.2.7", throttle.PAIR)),
        "problem",
        "account.unlock",
        "itself",
    ),
    "locked-network": (
        lambda w: (w.tried("wrong-password"), w.full("address:192.0.2.7", throttle.ADDRESS)),
        "problem",
        None,
        "itself",
    ),
    "locked-everybody": (lambda w: w.full("everybody", throttle.EVERYBODY), "problem", None, "itself"),
    "link-queued": (lambda w: w.link(), "warning", "external", "itself"),
    "link-running": (lambda w: w.link(leased_until=w.noon + WEEK), "warning", "external", "itself"),
    "link-retrying": (lambda w: w.link(attempts=2, error="503", error_class="transient"), "warning", "external", "itself"),
    "link-blocked": (lambda w: w.link(blocked=True, error="taken", error_class="conflict"), "warning", "external", "office"),
    "remote-suspended": (lambda w: (w.status(), w.link(goal="suspended", synced=2)), "warning", "person", "office"),
    "remote-deleted": (lambda w: (w.account(active=False), w.link(goal="deleted")), "warning", None, "office"),
    "kept-out-of-sync": (lambda w: (w.person(no_sync=True), w.link()), "warning", "person", "office"),
    "provider-disabled": (lambda w: w.provider(enabled=False), "warning", "integration", "office"),
    "provider-misconfigured": (lambda w: w.provider(fault="Fill in first: Address."), "warning", "integration", "office"),
    "provider-refuses": (lambda w: w.provider(state="paused", reason="401: the token is wrong."), "warning", "integration", "office"),
    "provider-paused": (lambda w: w.provider(state="paused", paused_by="Ada"), "warning", "integration", "office"),
    "link-held": (lambda w: w.link(wanted=2, goal="suspended", brake="held"), "warning", "sync", "office"),
    "provider-down": (lambda w: w.provider(state="open", reason="503", until=w.noon + WEEK), "warning", "integration", "itself"),
    "provider-waits": (lambda w: w.provider(until=w.noon + WEEK), "warning", "integration", "itself"),
    "nobody-works": (lambda w: w.link(), "warning", None, "operator"),
    "plugin-missing": (lambda w: w.enabled("gone"), "warning", None, "operator"),
    "last-attempt-failed": (lambda w: w.tried("wrong-password"), "warning", "password.reset", "office"),
    "last-attempt": (lambda w: w.tried("ok"), "ok", "sign-ins", ""),
}


@pytest.mark.parametrize("code", CAUSES)
def test_every_cause_is_found_and_says_what_mends_it(office, anna, examine, noon, code):
    happens, state, mends, done_by = CAUSES[code]
    assert code not in {each.code for each in examine(anna).findings}
    with office.app.db.write() as session:
        happens(Ward(session, anna, office.app.keyring, noon))

    found = {each.code: each for each in examine(anna).findings}

    assert code in found
    finding = found[code]
    assert (finding.state, finding.action or (finding.page and finding.page.name), finding.done_by) == (state, mends, done_by)
    assert finding.sentence.endswith((".", "503", "taken"))
    assert examine(anna).can_sign_in == (state != "problem" and code != "remote-deleted")


def test_all_is_well_is_said_in_a_sentence(anna, examine):
    found = examine(anna)

    assert found.can_sign_in
    assert found.sentence == "They can sign in: user name anna.k or anna@school.example and an own password."
    assert [each.code for each in found.findings] == ["person", "account", "password", "email", "role", "not-locked", "no-attempt"]


def test_the_verdict_names_the_first_reason_and_counts_the_others(office, anna, examine, noon):
    with office.app.db.write() as session:
        ward = Ward(session, anna, office.app.keyring, noon)
        ward.account(active=False, password_hash=None)
        ward.no_role(elsewhere=True)

    found = examine(anna)

    assert found.sentence == "They cannot sign in. The account is not active. There are 2 more reasons."
    no_role = next(each for each in found.findings if each.code == "no-role")
    assert no_role.detail == "Roles in other periods: Teacher in Year 2024."


def test_whoever_closed_the_account_is_named_with_the_reason(office, anna, examine):
    office.act("account.deactivate", anna)
    closed = examine(anna)
    office.act("account.delete", anna, agreed=True)
    deleted = examine(anna)

    assert "deactivated by office (command line) on" in closed.sentence
    assert "deleted by office (command line) on" in deleted.sentence


def test_the_rule_that_closed_the_account_is_named_with_whose_change_it_was(office, anna, examine):
    with office.app.db.read() as session:
        person_id = session.get_one(Account, anna).person_id
    changes.edit_person(office.app, office.actor, person_id, {"active": False})

    found = examine(anna)

    assert "closed when the person could no longer have one, by a change of office (command line) on" in found.sentence
    assert [(each.code, each.page.name) for each in found.findings if each.page] == [
        ("person-inactive", "person"),
        ("account-closed-by-rule", "person"),
    ]


def test_whoever_reaches_only_some_is_told_the_same_about_them_and_nothing_of_others(office, anna, noon):
    with office.app.db.write() as session:
        Ward(session, anna, office.app.keyring, noon).twin()
        berta = session.scalars(select(Account.id).where(Account.id != anna)).one()
    clerk = Actor(name=f"account:{berta}", label="Clerk", account_id=berta, types=frozenset({"teacher"}))

    with office.app.read_as(clerk) as session:
        found = diagnose(office.app, session, anna, now=noon)
        with pytest.raises(Unknown):
            diagnose(office.app, session, berta, now=noon)

    assert "email-shared" in {each.code for each in found.findings}
    assert "Berta" not in str(found.findings)


def test_an_action_that_no_plugin_registers_is_not_named(office, anna, examine, noon):
    with office.app.db.write() as session:
        Ward(session, anna, office.app.keyring, noon).full("account:{}", throttle.ACCOUNT)
        known = office.app.plugins.view(session).actions

    named = {each.action for each in examine(anna).findings} - {None}

    assert named <= set(known)
    assert {each.code: each.until for each in examine(anna).findings}["locked"] == noon + timedelta(minutes=4)


def test_a_stranger_who_is_locked_out_elsewhere_is_only_worth_knowing(office, anna, examine, enter, noon):
    assert enter().ok
    with office.app.db.write() as session:
        ward = Ward(session, anna, office.app.keyring, noon)
        ward.full("account:{}:198.51.100.1", throttle.PAIR)
        ward.full("account:{}", throttle.ACCOUNT)

    found = examine(anna)

    assert {each.code: each.state for each in found.findings if each.subject == "Lock-out"} == {
        "locked": "warning",
        "locked-here": "warning",
    }
    assert found.can_sign_in
    assert enter().ok


def test_a_plugin_that_cannot_be_loaded_is_told_of_once_and_without_its_error(office, anna, examine, noon):
    broken = ModuleType("broken")
    broken.register_acts = hookimpl(lambda: ())
    office.app.close()
    office.app = office.open(broken=broken)
    with office.app.db.write() as session:
        Ward(session, anna, office.app.keyring, noon).enabled("broken")

    (finding,) = [each for each in examine(anna).findings if each.code.startswith("plugin-")]

    assert (finding.code, finding.done_by, finding.page.id) == ("plugin-left-out", "operator", "broken")
    assert office.app.plugins.installed["broken"].fault not in finding.sentence + finding.detail


def test_looking_takes_as_many_statements_for_much_as_for_little(office, anna, examine, noon, statements):
    with statements(office.app.db) as few:
        examine(anna)
    with office.app.db.write() as session:
        ward = Ward(session, anna, office.app.keyring, noon)
        ward.provider()
        for n in range(30):
            ward.link(f"p{n}")
            ward.tried("ok")

    with statements(office.app.db) as many:
        examine(anna)

    # The registry's view is built anew by the first of them.
    assert len(many) <= len(few)
    assert len(many) < 25


def test_nothing_is_written_by_looking(office, anna, examine, statements):
    with statements(office.app.db) as sent:
        examine(anna)

    assert sent
    assert [each for each in sent if not each.lstrip().upper().startswith(("SELECT", "WITH", "PRAGMA"))] == []
