"""What a conversion to a provider makes of an account, and how its first password there is handed out (R3, R23, R28)."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from rolecall.accounts.slips import PasswordState, Slip
from rolecall.errors import Permanent
from rolecall.store.engine import now
from rolecall.store.tables import Account, AuditEntry, Link, UsernameClaim
from rolecall.testing.providers import MemoryProvider, memory_provider
from rolecall.testing.school import School
from rolecall.work.runs.documents import at_providers, run_document
from rolecall.work.slips.handing import hand_out_slips
from rolecall.work.tick import tick

Open = Callable[..., School]


@pytest.fixture
def mail() -> type[MemoryProvider]:
    """A provider that gives mailboxes and signs people in, as Microsoft 365 and Google Workspace do."""
    return memory_provider(
        "mail", gives_mailbox=True, signs_in=True, sign_in_name=lambda _self, attributes: f"{attributes['username']}@mail.example"
    )


def account_of(school: School, account_id: int) -> Account:
    with school.app.db.read() as session:
        return session.get_one(Account, account_id)


def told(school: School) -> list[AuditEntry]:
    with school.app.db.read() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.kind == "account.converted").order_by(AuditEntry.seq)))


def printed(school: School, *ids: int) -> Sequence[Slip]:
    run = school.act("account.print", *ids)
    return hand_out_slips(school.app, school.actor, run.id, lambda made: list(made.slips), form="page")


def test_the_mailbox_becomes_the_e_mail_and_the_provider_signs_in(open_school: Open, mail: type[MemoryProvider]) -> None:
    school = open_school(mail)
    anna = school.student("Anna", username="anna", email="anna@home.example")

    school.act("external.convert", anna, provider="mail")
    before = account_of(school, anna)
    school.work()

    after = account_of(school, anna)
    assert (before.email, before.sso_provider) == ("anna@home.example", None)
    assert (after.email, after.email_key, after.email_verified, after.sso_provider) == (
        "anna@mail.example", "anna@mail.example", True, "mail",
    )  # fmt: skip
    assert school.pending(anna) == []
    (entry,) = told(school)
    assert (entry.account_id, entry.payload["before"]["email"], entry.payload["after"]["email"]) == (
        anna, "anna@home.example", "anna@mail.example",
    )  # fmt: skip


def test_nothing_is_taken_over_before_the_account_is_there(open_school: Open, mail: type[MemoryProvider]) -> None:
    school = open_school(mail)
    anna = school.student("Anna", username="anna", email="anna@home.example")
    mail.service.fail("create", Permanent("The name is not allowed."))

    school.act("external.convert", anna, provider="mail")
    school.work()
    refused = account_of(school, anna).email
    school.hurry("mail")
    school.work()

    assert refused == "anna@home.example"
    assert account_of(school, anna).email == "anna@mail.example"


def test_an_account_that_was_there_before_is_taken_over_too_and_has_a_password_of_its_own(
    open_school: Open, mail: type[MemoryProvider]
) -> None:
    school = open_school(mail)
    anna = school.student("Anna", username="anna")
    mail.service.add("anna")

    school.act("external.convert", anna, provider="mail")
    school.work()

    assert account_of(school, anna).email == "anna@mail.example"
    assert printed(school, anna)[0].elsewhere == []


def test_an_account_that_is_linked_already_is_converted_without_a_call(open_school: Open, mail: type[MemoryProvider]) -> None:
    school = open_school(mail)
    anna = school.student("Anna", username="anna", linked_to=mail, email=None)
    mail.service.journal.clear()

    school.act("external.convert", anna, provider="mail")
    school.work()

    # The new address itself is told to the provider, as any change of it.
    assert [call.verb for call in mail.service.journal] == ["update"]
    assert account_of(school, anna).email == "anna@mail.example"
    assert school.pending(anna) == []


def test_a_provider_without_mailboxes_creates_and_links_only(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", email="anna@home.example")

    school.act("external.convert", anna, provider="memory")
    school.work()

    account = account_of(school, anna)
    assert (account.email, account.sso_provider, told(school)) == ("anna@home.example", None, [])
    assert not school.link(anna, provider).converts


@pytest.mark.parametrize(("converts", "email"), [(True, "anna@mail.example"), (False, "anna@home.example")])
def test_it_happens_by_itself_where_the_integration_says_so(
    open_school: Open, mail: type[MemoryProvider], converts: bool, email: str
) -> None:
    school = open_school(mail)
    school.save("mail", converts=converts)
    anna = school.student("Anna", username="anna", email="anna@home.example")

    school.sync(anna)
    school.work()

    assert account_of(school, anna).email == email


def test_an_address_that_is_somebodys_user_name_stays_out_and_is_told(open_school: Open, mail: type[MemoryProvider]) -> None:
    school = open_school(mail)
    anna = school.student("Anna", username="anna", email="anna@home.example")
    berta = school.student("Berta")
    with school.app.db.write() as session:
        session.add(UsernameClaim(key="anna@mail.example", username="anna@mail.example", account_id=berta, claimed_at=now(session)))

    school.act("external.convert", anna, provider="mail")
    school.work()

    assert account_of(school, anna).email == "anna@home.example"
    assert (
        told(school)[0].payload["refused"]
        == "anna@mail.example is the user name of another account, so it cannot be the e-mail of this one."
    )


def test_the_owner_goes_on_signing_in_here(open_school: Open, mail: type[MemoryProvider]) -> None:
    school = open_school(mail)
    owner = school.account("Olga", type="administrator", username="olga", is_owner=True)

    school.act("external.convert", owner, provider="mail")
    school.work()

    account = account_of(school, owner)
    assert (account.email, account.sso_provider) == ("olga@mail.example", None)


def test_the_first_password_there_is_printed_with_the_name_there(open_school: Open, mail: type[MemoryProvider]) -> None:
    school = open_school(mail)
    anna, berta = school.student("Anna", username="anna"), school.student("Berta")
    school.act("external.convert", anna, provider="mail")
    school.work()

    slips = {slip.account_id: slip for slip in printed(school, anna, berta)}

    (there,) = slips[anna].elsewhere
    assert (there.provider, there.username) == ("Mail", "anna@mail.example")
    assert list(mail.service.passwords.values()) == [there.password]
    assert slips[anna].state is PasswordState.ELSEWHERE
    assert slips[berta].elsewhere == []


def test_a_reset_here_does_not_hand_out_what_counts_there(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)

    run = school.act("password.reset", anna)
    slips = hand_out_slips(school.app, school.actor, run.id, lambda made: list(made.slips), form="page")

    assert slips[0].elsewhere == []


def test_a_renamed_account_is_printed_with_its_new_name(open_school: Open, mail: type[MemoryProvider]) -> None:
    school = open_school(mail)
    anna = school.student("Anna", username="anna", linked_to=mail)

    school.change(anna, username="annika")
    school.work()

    assert [each.username for each in printed(school, anna)[0].elsewhere] == ["annika@mail.example"]


def test_first_passwords_there_are_wiped_after_their_time_or_when_let_go(school: School, provider: type[MemoryProvider]) -> None:
    old, new, gone = (school.student(name, linked_to=provider) for name in ("Anna", "Berta", "Carl"))
    with school.app.db.write() as session:
        past = now(session) - timedelta(days=31)
        session.execute(update(Link).where(Link.account_id == old).values(password_since=past))

    tick(school.app, force=True)
    school.act("external.disconnect", gone, providers=["memory"])

    kept = {slip.account_id: len(slip.elsewhere) for slip in printed(school, old, new, gone)}
    assert kept == {old: 0, new: 1, gone: 0}
    assert school.link(gone, provider).sign_in_name is None


def test_a_run_knows_whom_its_providers_do_not_have_yet(open_school: Open, mail: type[MemoryProvider]) -> None:
    school = open_school(mail)
    anna, berta = school.student("Anna", username="anna"), school.student("Berta", username="berta")
    run = school.act("external.convert", anna, berta, provider="mail")
    mail.service.fail("create", Permanent("Not allowed."), who="berta")

    def standing() -> dict[str, int]:
        with school.app.db.read() as session:
            return at_providers(session, [run.id])[run.id]

    waiting = standing()
    school.work()

    assert waiting == {"waiting": 2, "blocked": 0}
    assert standing() == {"waiting": 0, "blocked": 1}
    with school.app.db.read() as session:
        assert run_document(session, run)["at_providers"] == standing()
