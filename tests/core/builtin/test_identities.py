"""The office links and unlinks an identity by hand, in every face that actions have (R66)."""

from types import ModuleType

import pytest

from rolecall import LoginMethod, hookimpl
from rolecall.accounts import identities
from rolecall.accounts.documents import account_documents
from rolecall.errors import Invalid
from rolecall.sdk.login import ExternalIdentity
from rolecall.store.tables import Account, LinkedIdentity
from rolecall.testing.fixtures import open_school
from rolecall.testing.school import School


class BadgeLogin(LoginMethod):
    id = "badge"
    label = "The badge service"

    @classmethod
    def issuer_of(cls, settings):
        return "https://badge.example"

    def begin(self, callback_url, state, *, fresh=False):
        raise AssertionError("nobody signs in here")

    def complete(self, args, callback_url, remembered):
        raise AssertionError("nobody signs in here")


class HomelessLogin(BadgeLogin):
    id = "homeless"

    @classmethod
    def issuer_of(cls, settings):
        return settings["there is none"]


@hookimpl
def register_login_methods():
    return [BadgeLogin]


def plugin(kind: type[LoginMethod]) -> ModuleType:
    made = ModuleType(kind.id)
    made.register_login_methods = hookimpl(lambda: [kind])
    return made


@pytest.fixture
def school(database_url, tmp_path):
    with open_school(database_url, tmp_path, plugins={kind.id: plugin(kind) for kind in (BadgeLogin, HomelessLogin)}) as school:
        school.enable("badge")
        school.enable("homeless")
        yield school


def test_an_identity_is_linked_and_unlinked_by_hand(school: School) -> None:
    anna = school.student("Anna")

    school.act("external.link_identity", anna, method="badge", subject="card-7", agreed=True)
    with school.app.db.read() as session:
        row = session.query(LinkedIdentity).one()
        assert (row.account_id, row.method, row.issuer, row.subject, row.how) == (
            anna,
            "badge",
            "https://badge.example",
            "card-7",
            "office",
        )
        assert session.get_one(Account, anna).sso_provider == "badge"

        (document,) = account_documents(session, [anna])
        assert [(each["method"], each["subject"], each["how"]) for each in document["identities"]] == [("badge", "card-7", "office")]

    school.act("external.unlink_identity", anna, identity="The badge service: card-7", agreed=True)
    with school.app.db.read() as session:
        assert session.query(LinkedIdentity).count() == 0
        assert session.get_one(Account, anna).sso_provider is None


def test_disconnecting_takes_the_identities_too(school: School) -> None:
    anna = school.student("Anna")
    school.act("external.link_identity", anna, method="badge", subject="card-7", agreed=True)

    school.act("external.disconnect", anna, providers=["badge"], agreed=True)

    with school.app.db.read() as session:
        assert session.query(LinkedIdentity).count() == 0
        assert session.get_one(Account, anna).sso_provider is None


@pytest.mark.parametrize("providers", [["badge"], []])
def test_signing_in_there_does_not_link_what_was_disconnected_until_somebody_does_so_on_purpose(school: School, providers: list) -> None:
    anna = school.student("Anna", email="anna@school.example")
    with school.app.db.write() as session:
        session.get_one(Account, anna).email_verified = True
    school.act("external.link_identity", anna, method="badge", subject="card-7", agreed=True)
    school.act("external.disconnect", anna, providers=providers, agreed=True)
    found = ExternalIdentity(issuer="https://badge.example", subject="card-8", email="anna@school.example", email_verified=True)

    def whose():
        with school.app.db.read() as session:
            return identities.recognise(session, "badge", found, speaks_for=True)

    assert whose() is None
    school.act("external.link_identity", anna, method="badge", subject="card-8", agreed=True)
    assert whose() == identities.Recognised(account_id=anna)


def test_a_service_that_is_not_set_up_links_nobody(school: School) -> None:
    with pytest.raises(Invalid, match="not set up"):
        school.act("external.link_identity", school.student("Anna"), method="homeless", subject="card-7", agreed=True)


def test_what_an_account_is_not_linked_to_is_not_offered(school: School) -> None:
    anna, ben = school.student("Anna"), school.student("Ben")
    school.act("external.link_identity", anna, method="badge", subject="card-7", agreed=True)
    with school.app.db.read() as session:
        number = session.query(LinkedIdentity).one().id

    with pytest.raises(Invalid):
        school.act("external.unlink_identity", ben, identity=str(number), agreed=True)
