"""What every provider must do, asked through its real HTTP code against its own fake. Inherit, name the plugin, run pytest."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, ProviderError, Transient
from rolecall.sdk.provider import Attributes, Change, Provider, Remote, Secret, Verb
from rolecall.sdk.snapshots import AccountSnapshot
from rolecall.store.folding import email_key
from rolecall.testing.bench import NAME, Bench, ProviderBench
from rolecall.testing.exchange import Exchange
from rolecall.testing.fixtures import database_for, open_school
from rolecall.testing.school import School
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.plan import difference
from rolecall.work.sync.preview import preview

#: Names as schools have them.
NAMES = (NAME, ("Ελένη", "Παπαδοπούλου"), ("Євген", "Шевченко"), ("محمد", "الأحمد"), ("Zoë-Lou", "O'Neill d’Été"))
#: More calls than one account ever needs.
_MOST_CALLS = 40


class ProviderContract(ProviderBench):
    """The questions to every provider::

        class TestLibrary(ProviderContract):
            plugin = "library"

    The fake is the plugin's own, named in the entry-point group ``rolecall.fakes``: called with its address it returns a WSGI application
    with ``settings``, what the plugin's settings must be to reach it. Override :meth:`make_fake` for another, and ``settings`` for more.
    """

    # attributes

    def test_attributes_are_pure_and_can_be_kept(self, bench: Bench) -> None:
        account = self.account()

        first, second = bench.provider.attributes(account), bench.provider.attributes(account)

        assert first == second
        assert sent_state.load(sent_state.dump(sent_state.Sent(attributes=sent_state.check(first)))).attributes == first
        assert bench.wire.journal == [], "attributes() made a call"

    def test_where_there_is_a_mailbox_its_address_is_the_name_that_signs_in(self, bench: Bench, kind: type[Provider]) -> None:
        name = bench.provider.sign_in_name(bench.provider.attributes(self.account()))

        assert name is None or (name.isprintable() and 0 < len(name) <= 320)
        assert not kind.gives_mailbox or (name is not None and email_key(name))

    @pytest.mark.parametrize(("first_name", "last_name"), NAMES)
    def test_names_in_every_script_are_taken_or_refused_in_words(self, bench: Bench, first_name: str, last_name: str) -> None:
        change = self._creation(bench, self.account(first_name=first_name, last_name=last_name))

        error = bench.carry(change)[1].error

        assert error is None or isinstance(error, Permanent)

    # the verbs

    def test_the_connection_is_checked_line_by_line(self, bench: Bench) -> None:
        lines = list(bench.provider.check())

        assert lines, "check() tries nothing"
        assert [line for line in lines if line.required and not line.ok] == []
        assert all(line.label.strip() for line in lines)

    def test_what_is_not_there_is_not_found(self, bench: Bench) -> None:
        assert bench.provider.find(self.account()) is None

    def test_what_was_created_is_found_as_it_was_wanted(self, bench: Bench) -> None:
        account = self.account()

        external_id = self._create(bench, account)
        found = self._find(bench, account)

        assert (found.external_id, found.suspended) == (external_id, False)
        assert found.key == account.key, "the remote account must carry our key, so that it is known again"
        assert difference(found.attributes, bench.provider.attributes(account)) == ({}, {}), "find() must answer with what was created"

    def test_creating_again_takes_over_what_is_there(self, bench: Bench) -> None:
        account = self.account()
        external_id = self._create(bench, account)

        again = bench.carry(self._creation(bench, account))[1]

        assert again.error is None
        assert (again.external_id, again.adopted) == (external_id, True)

    def test_a_name_that_is_somebody_elses_is_a_conflict(self, bench: Bench) -> None:
        account = self.account()
        self._create(bench, account)

        other = bench.carry(self._creation(bench, replace(account, id=2, key=str(uuid4()))))[2]

        assert isinstance(other.error, Conflict), f"{other.error!r}"

    def test_an_update_changes_what_differs(self, bench: Bench) -> None:
        account = self.account()
        external_id = self._create(bench, account)
        changed = replace(account, person=replace(account.person, first_name="Berta"))

        result = bench.carry(self._update(bench, account, changed, external_id))[1]

        assert result.error is None
        assert difference(self._find(bench, changed).attributes, bench.provider.attributes(changed)) == ({}, {})

    def test_what_is_suspended_can_come_back(self, bench: Bench, kind: type[Provider]) -> None:
        self._needs(kind, "suspend", "resume")
        account = self.account()
        external_id = self._create(bench, account)

        for _ in range(2):
            assert bench.carry(self._change(bench, Verb.SUSPEND, account, external_id))[1].error is None
            assert self._find(bench, account).suspended
        for _ in range(2):
            assert bench.carry(self._change(bench, Verb.RESUME, account, external_id))[1].error is None
            assert not self._find(bench, account).suspended

    def test_what_is_suspended_and_made_again_is_open(self, bench: Bench, kind: type[Provider]) -> None:
        self._needs(kind, "suspend", "resume")
        account = self.account()
        external_id = self._create(bench, account)
        bench.carry(self._change(bench, Verb.SUSPEND, account, external_id))

        assert bench.carry(self._creation(bench, account))[1].error is None
        assert not self._find(bench, account).suspended

    def test_what_was_deleted_is_gone_and_deleting_it_again_is_no_error(self, bench: Bench, kind: type[Provider]) -> None:
        self._needs(kind, "delete")
        account = self.account()
        external_id = self._create(bench, account)

        for _ in range(2):
            assert bench.carry(self._change(bench, Verb.DELETE, account, external_id))[1].error is None
            assert bench.provider.find(account) is None

    def test_changing_what_is_gone_says_so(self, bench: Bench, kind: type[Provider]) -> None:
        self._needs(kind, "delete")
        account = self.account()
        external_id = self._create(bench, account)
        bench.carry(self._change(bench, Verb.DELETE, account, external_id))
        changed = replace(account, person=replace(account.person, first_name="Berta"))

        assert isinstance(bench.carry(self._update(bench, account, changed, external_id))[1].error, NotFound)

    def test_all_accounts_can_be_walked(self, bench: Bench, kind: type[Provider]) -> None:
        self._needs(kind, "accounts")
        made = {self._create(bench, self.account(number)) for number in range(1, 6)}

        walked = [remote.external_id for remote in bench.provider.accounts()]

        assert made <= set(walked)
        assert len(walked) == len(set(walked))

    def test_each_change_of_a_large_plan_has_its_own_result(self, bench: Bench) -> None:
        size = max(3, bench.provider.limits.batch)
        accounts = [self.account(number) for number in range(1, size + 1)]

        results = bench.carry(*(self._creation(bench, account) for account in accounts))

        assert [result.error for result in results.values()] == [None] * size
        assert len({result.external_id for result in results.values()}) == size

    def test_one_bad_account_of_a_plan_does_not_stop_the_others(self, bench: Bench) -> None:
        taken = self.account(1)
        self._create(bench, taken)
        accounts = [replace(taken, id=2, key=str(uuid4())), *(self.account(number) for number in range(3, 6))]

        results = bench.carry(*(self._creation(bench, account) for account in accounts))

        assert isinstance(results[2].error, Conflict)
        assert [results[number].error for number in (3, 4, 5)] == [None] * 3

    # faults

    @pytest.mark.parametrize("when", ["before", "after", "mid"])
    def test_an_answer_that_is_lost_at_any_call_makes_nothing_twice(self, bench: Bench, when: Any) -> None:
        for call in range(_MOST_CALLS):
            account = self.account(call + 1)
            bench.wire.drop(when=when, match=_the(call))
            lost = bench.carry(self._creation(bench, account))[call + 1]
            was_hit = bench.wire.waiting == 0
            bench.wire.mend()
            assert lost.error is None or isinstance(lost.error, Transient | Ambiguous), f"{lost.error!r}"

            again = bench.carry(self._creation(bench, account))[call + 1]

            assert again.error is None, f"{again.error!r}"
            assert self._number_of(bench, account) == 1, f"the account was made twice when call {call + 1} was lost"
            if not was_hit:
                return

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_server_that_asks_to_wait_is_believed(self, bench: Bench, status: int) -> None:
        bench.wire.fail(status=status, headers={"Retry-After": "7"}, next=None)

        error = self._error(bench)

        assert isinstance(error, Transient)
        assert error.retry_after == timedelta(seconds=7)

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_refused_key_is_a_matter_of_settings(self, bench: Bench, status: int) -> None:
        bench.wire.fail(status=status, next=None)

        assert isinstance(self._error(bench), Misconfigured)

    def test_a_broken_server_is_tried_again(self, bench: Bench) -> None:
        bench.wire.fail(status=500, next=None)

        assert isinstance(self._error(bench), Transient | Ambiguous)

    @pytest.mark.parametrize(
        "body", [b"<html>Log in</html>", b"[]", b"{}", b"null", b"7", b'{"id": NaN}', b'"text"', b"\xff\xfe", b"[" * 5000]
    )
    def test_an_answer_that_is_none_is_no_success_and_no_crash(self, bench: Bench, body: bytes) -> None:
        bench.wire.garbage(body=body, content_type="application/json", next=None)
        account = self.account()

        error = bench.carry(self._creation(bench, account))[1].error
        bench.wire.mend()

        assert isinstance(error, ProviderError), f"{error!r}"
        assert self._number_of(bench, account) == 0

    def test_no_secret_is_in_an_address_or_in_an_error(self, bench: Bench, kind: type[Provider]) -> None:
        fields = kind.settings_schema().fields if kind.settings_schema else {}
        secrets = [str(bench.settings[name]) for name, each in fields.items() if each.metadata.get("secret") and bench.settings.get(name)]
        password = Secret("Kqm4tv-9xbhwd-c3rpjk")
        self._create(bench, self.account(1), password)
        errors: list[Exception] = []
        for status in (401, 403, 429, 500, 503):
            bench.wire.fail(status=status, body=" ".join(secrets).encode(), next=None)
            errors.append(self._error(bench, 2))
            bench.wire.mend()

        for secret in (*secrets, password.reveal()):
            assert not any(secret in request.target for request in bench.wire.journal), "a secret is in an address"
            assert not any(secret in str(error) for error in errors), "a secret is in an error"

    # together with the sync

    def test_a_school_is_brought_in_step_although_answers_are_lost(
        self, bench: Bench, kind: type[Provider], request: pytest.FixtureRequest, tmp_path: Path
    ) -> None:
        with open_school(database_for(request, tmp_path), tmp_path, allow=bench.wire.host) as school:
            school.configure(self.plugin, bench.settings)
            ids = school.students(6)
            school.sync(*ids)
            for number in (1, 4, 9):
                bench.wire.drop(when="after", match=_the(number))
            self._work(school, ids)
            school.change(*ids[:3], person={"first_name": "Berta"})
            school.change(ids[3], active=False)
            bench.wire.fail(status=503)
            self._work(school, ids)
            bench.wire.mend()  # a provider with few calls has some faults left, which are not meant for the questions that follow

            for each in ids:
                account = school.snapshot(each)
                found = self._find(bench, account)
                assert found.external_id == school.link(each, self.plugin).external_id
                assert self._number_of(bench, account) == 1
                assert found.suspended == (not account.active and kind.can("suspend"))
                if account.active:
                    assert difference(found.attributes, bench.provider.attributes(account)) == ({}, {})

    def test_accounts_that_were_there_before_are_recognised_and_adopting_them_changes_nothing(
        self, bench: Bench, kind: type[Provider], request: pytest.FixtureRequest, tmp_path: Path
    ) -> None:
        self._needs(kind, "accounts")
        with open_school(database_for(request, tmp_path), tmp_path, allow=bench.wire.host) as school:
            school.configure(self.plugin, bench.settings)
            ids = school.students(4)
            school.sync(*ids)
            self._work(school, ids)

            in_step = school.compare(self.plugin)
            school.forget_links(self.plugin)
            unlinked = school.compare(self.plugin)
            adopted = school.adopt_all(self.plugin)
            linked = school.compare(self.plugin)

            ours = dict.fromkeys(ids, ("matched", None))
            assert {each.account_id: (each.verdict, each.drift) for each in in_step if each.account_id} == ours
            assert {each.account_id: each.verdict for each in unlinked if each.account_id} == dict.fromkeys(ids, "adoptable")
            assert adopted == len(ids)
            assert {each.account_id: (each.verdict, each.drift) for each in linked if each.account_id} == ours
            assert list(preview(school.app, school.actor, self.plugin)) == []
            assert school.work() == 0

    def test_accounts_are_named_by_attributes_that_are_sent(self, bench: Bench, kind: type[Provider]) -> None:
        assert set(kind.matched_by) <= bench.provider.attributes(self.account()).keys()

    def _work(self, school: School, ids: list[int]) -> None:
        for _ in range(10):
            school.work()
            if not any(school.pending(each) for each in ids):
                return
            school.hurry(self.plugin)
        states = {each: (school.sync_state(each, self.plugin), school.link(each, self.plugin).error) for each in ids}
        raise AssertionError(f"the school is not in step: {states}")

    def _change(self, bench: Bench, verb: Verb, account: AccountSnapshot, external_id: str | None, **values: Any) -> Change:
        wanted: Attributes = {} if verb in (Verb.SUSPEND, Verb.DELETE) else bench.provider.attributes(account)
        return Change(link_id=account.id, verb=verb, account=account, external_id=external_id, wanted=wanted, **values)

    def _creation(self, bench: Bench, account: AccountSnapshot, password: Secret | None = None) -> Change:
        wanted = bench.provider.attributes(account)
        return self._change(bench, Verb.CREATE, account, None, after=wanted, password=password or Secret("Kqm4tv-9xbhwd-c3rpjk"))

    def _update(self, bench: Bench, known: AccountSnapshot, wanted: AccountSnapshot, external_id: str) -> Change:
        before, after = difference(bench.provider.attributes(known), bench.provider.attributes(wanted))
        return self._change(bench, Verb.UPDATE, wanted, external_id, before=before, after=after)

    def _create(self, bench: Bench, account: AccountSnapshot, password: Secret | None = None) -> str:
        result = bench.carry(self._creation(bench, account, password))[account.id]
        assert result.error is None, f"{result.error!r}"
        assert result.external_id
        return result.external_id

    def _find(self, bench: Bench, account: AccountSnapshot) -> Remote:
        found = bench.provider.find(account)
        assert found is not None, "the account is not found"
        return found

    def _error(self, bench: Bench, number: int = 1) -> Exception:
        error = bench.carry(self._creation(bench, self.account(number)))[number].error
        assert error is not None
        return error

    def _number_of(self, bench: Bench, account: AccountSnapshot) -> int:
        if type(bench.provider).can("accounts"):
            return sum(remote.key == account.key for remote in bench.provider.accounts())
        return int(bench.provider.find(account) is not None)

    def _needs(self, kind: type[Provider], *verbs: str) -> None:
        for verb in verbs:
            if not kind.can(verb):
                pytest.skip(f"the provider cannot {verb}")


def _the(number: int) -> Callable[[Exchange], bool]:
    """Match the request with this number from now on, counted from 0."""
    seen = iter(range(10_000))
    return lambda request: next(seen) == number
