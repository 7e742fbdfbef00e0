"""Changes that travel together: the order, who is taken over, and one outcome for each whatever happens (R64, R66)."""

from collections.abc import Callable

import pytest

from rolecall import AccountSnapshot, Change, PersonSnapshot, Remote, Verb
from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, Transient
from rolecall.sdk.batching import Courier, Phase, Step, moves

MAIN = frozenset({"Main"})


class Library(Courier):
    """A library in a dictionary, which answers every call of a phase at once; ``wrong`` is what a call raises or answers."""

    def __init__(self, users=None, wrong=None):
        super().__init__()
        self.users = users or {}
        self.wrong = wrong or {}
        self.calls = []

    def phases(self):
        return (
            Phase(self.update, lambda step: bool(step.fields)),
            Phase(self.open_or_close, lambda step: step.enable is not None),
            Phase(self.delete, lambda step: step.verb is Verb.DELETE),
            Phase(self.move, lambda step: "groups" in step.sets),
        )

    def look_up(self, steps):
        self.call("look_up", steps)
        names = {step.planned.account.id: step.planned.account.username for step in steps}
        return {number: self.wrong.get(name) or self.users[name] for number, name in names.items() if name in {*self.users, *self.wrong}}

    def create(self, steps):
        if steps:
            self.call("create", steps)
        for step in steps:
            self.made(step, f"new-{step.planned.account.username}")

    def remote_of(self, row):
        return Remote(external_id=row["id"], key=row.get("key"), attributes={"name": row.get("name")}, suspended=row.get("closed", False))

    def taken(self, row):
        return Conflict(f"{row['id']} is somebody else.")

    def screen(self, step, attributes):
        return Permanent("No name.") if attributes.get("name") == "" else None

    def update(self, steps):
        self.done(steps, self.call("update", steps))

    def open_or_close(self, steps):
        self.done(steps, self.call("open_or_close", steps))

    def delete(self, steps):
        self.deleted(steps, self.call("delete", steps))

    def move(self, steps):
        self.call("move", steps)
        self.blame(steps, {"1": Permanent("No such group.")} if "1" in self.wrong else {})

    def call(self, name, steps):
        self.calls.append((name, [step.user or step.planned.account.username for step in steps]))
        wrong = self.wrong.get(name)
        if isinstance(wrong, Exception):
            raise wrong
        return [(wrong or {}).get(step.user) for step in steps]


@pytest.fixture
def change() -> Callable[..., Change]:
    """Makes changes of people whose name says everything."""
    numbers = iter(range(1, 100))

    def make(verb: Verb, name: str = "anna", external_id: str | None = None, **facts) -> Change:
        number = next(numbers)
        person = PersonSnapshot(id=number, list="students", code=name, first_name=name, last_name="K", language="en")
        account = AccountSnapshot(id=number, key=f"key-{name}", type="student", username=name, person=person)
        wanted = facts.pop("wanted", {"name": name, "groups": MAIN})
        return Change(link_id=number, verb=verb, account=account, external_id=external_id, wanted=wanted, **facts)

    return make


def results(library, *plan):
    return {result.change.account.username: result for result in library.carry(plan)}


def test_what_many_need_travels_together_and_in_order(change) -> None:
    library = Library({"berta": {"id": "2", "key": "key-berta", "name": "Old name", "closed": True}})

    found = results(library, change(Verb.CREATE), change(Verb.CREATE, "berta"), change(Verb.DELETE, "carla", "3"))

    assert library.calls == [
        ("look_up", ["anna", "berta"]),
        ("create", ["anna"]),
        ("update", ["2"]),
        ("open_or_close", ["2"]),
        ("delete", ["3"]),
        ("move", ["new-anna", "2"]),
    ]
    assert {name: (each.external_id, each.error, each.adopted) for name, each in found.items()} == {
        "anna": ("new-anna", None, False),
        "berta": ("2", None, True),
        "carla": ("3", None, False),
    }


@pytest.mark.parametrize(
    ("verb", "phase"), [(Verb.UPDATE, "update"), (Verb.SUSPEND, "open_or_close"), (Verb.RESUME, "open_or_close"), (Verb.DELETE, "delete")]
)
def test_a_verb_for_one_user_is_the_same_phase_and_raises_what_went_wrong(verb, phase) -> None:
    library = Library(wrong={phase: {"1": Permanent("Refused.")}})

    with pytest.raises(Permanent, match="Refused"):
        library.one(verb, "1", {"name": "Anna"} if verb is Verb.UPDATE else {})

    assert library.calls == [(phase, ["1"])]


@pytest.mark.parametrize(
    ("user", "error"),
    [
        ({"id": "1", "key": "key-other"}, Conflict),
        (Transient("Not now."), Transient),
    ],
)
def test_who_is_somebody_elses_or_cannot_be_looked_up_is_left_alone(change, user, error) -> None:
    library = Library({"anna": user})

    (result,) = library.carry([change(Verb.CREATE)])

    assert isinstance(result.error, error)
    assert library.calls == [("look_up", ["anna"])]


def test_one_user_is_taken_over_once_in_a_plan(change) -> None:
    library = Library({"anna": {"id": "1"}, "berta": {"id": "1"}})

    found = results(library, change(Verb.CREATE), change(Verb.CREATE, "berta"))

    assert found["anna"].adopted
    assert isinstance(found["berta"].error, Conflict)


def test_what_a_provider_leaves_alone_is_not_taken_over(change) -> None:
    class Strict(Library):
        def not_adopted(self, remote, row):
            return Permanent("Closed by hand.") if remote.suspended else None

    library = Strict({"anna": {"id": "1", "closed": True}})

    (result,) = library.carry([change(Verb.CREATE)])

    assert (str(result.error), result.adopted) == ("Closed by hand.", False)


@pytest.mark.parametrize(
    ("verb", "users", "calls", "note"),
    [
        (Verb.SUSPEND, {"anna": {"id": "1", "key": "key-anna"}}, [("open_or_close", ["1"])], ""),
        (Verb.DELETE, {"anna": {"id": "1", "key": "key-anna"}}, [("delete", ["1"])], ""),
        (Verb.SUSPEND, {"anna": {"id": "1"}}, [], "There was nothing to close."),
        (Verb.DELETE, {"anna": {"id": "1", "key": "key-other"}}, [], "There was nothing to close."),
        (Verb.DELETE, {}, [], "There was nothing to close."),
    ],
)
def test_of_those_whose_id_is_unknown_only_our_own_are_closed(change, verb, users, calls, note) -> None:
    library = Library(users)

    (result,) = library.carry([change(verb)])

    assert library.calls == [("look_up", ["anna"]), *calls]
    assert (result.error, result.note) == (None, note)


def test_what_would_be_refused_is_not_sent(change) -> None:
    library = Library()

    found = results(
        library,
        change(Verb.CREATE, wanted={"name": ""}),
        change(Verb.UPDATE, "berta", "2", after={"name": ""}),
        change(Verb.SUSPEND, "c", "3"),
    )

    assert library.calls == [("open_or_close", ["3"])]
    assert {name for name, each in found.items() if isinstance(each.error, Permanent)} == {"anna", "berta"}


def test_an_error_that_leaves_a_phase_ends_the_plan_and_only_what_was_under_way_is_in_doubt(change) -> None:
    library = Library(wrong={"update": Ambiguous("No answer.")})

    found = results(
        library,
        change(Verb.UPDATE, "anna", "1", after={"name": "Anna", "groups": MAIN}),
        change(Verb.UPDATE, "berta", "2", after={"groups": MAIN}),
        change(Verb.DELETE, "carla", "3"),
    )

    assert library.calls == [("update", ["1"])]
    assert isinstance(found["anna"].error, Ambiguous)
    assert isinstance(found["berta"].error, Transient)
    assert isinstance(found["carla"].error, Transient)


def test_what_was_finished_before_the_error_is_done(change) -> None:
    class Half(Library):
        def update(self, steps):
            self.done(steps[:1], [None])
            raise Misconfigured("The key was taken away.")

    found = results(Half(), *(change(Verb.UPDATE, name, name, after={"name": name}) for name in ("anna", "berta")))

    assert found["anna"].error is None
    assert isinstance(found["berta"].error, Misconfigured)


def test_a_deletion_of_who_is_gone_is_done(change) -> None:
    gone, kept = NotFound("Gone."), Permanent("An administrator.")

    found = results(Library(wrong={"delete": {"1": gone, "2": kept}}), change(Verb.DELETE, "anna", "1"), change(Verb.DELETE, "berta", "2"))

    assert (found["anna"].error, found["anna"].note) == (None, "It was already gone.")
    assert found["berta"].error is kept


def test_who_was_found_a_moment_ago_is_not_gone_for_good(change) -> None:
    library = Library({"anna": {"id": "1"}}, wrong={"update": {"1": NotFound("Gone."), "2": NotFound("Gone.")}})

    found = results(library, change(Verb.CREATE), change(Verb.UPDATE, "berta", "2", after={"name": "B"}))

    assert isinstance(found["anna"].error, Transient)
    assert isinstance(found["berta"].error, NotFound)


def test_an_error_that_is_known_by_the_remote_id_goes_to_its_change(change) -> None:
    library = Library(wrong={"1": True})

    found = results(library, *(change(Verb.UPDATE, number, number, after={"groups": MAIN}) for number in ("1", "2")))

    assert isinstance(found["1"].error, Permanent)
    assert found["2"].error is None


def test_who_is_brought_back_is_given_all_but_what_is_set_once(change) -> None:
    class Bin(Library):
        def create(self, steps):
            for step in steps:
                self.restored(step, "old-1")
                restored.append(dict(step.fields))

    restored = []
    library = Bin()

    (result,) = library.carry([change(Verb.CREATE, wanted={"name": "Anna", "card": "7", "groups": MAIN}, once=frozenset({"card"}))])

    assert restored == [{"name": "Anna"}]
    assert [name for name, _ in library.calls] == ["look_up", "update", "open_or_close", "move"]
    assert (result.external_id, result.adopted) == ("old-1", True)


def test_who_was_just_made_needs_no_call_for_an_empty_set(change) -> None:
    library = Library()

    (result,) = library.carry([change(Verb.CREATE, wanted={"name": "Anna", "groups": frozenset()})])

    assert result.external_id == "new-anna"
    assert [name for name, _ in library.calls] == ["look_up", "create"]


def test_groups_of_former_roles_are_left_and_others_are_not_ours() -> None:
    steps = [
        Step(verb=Verb.UPDATE, user="1", sets={"groups": frozenset({"a", "c"})}),
        Step(verb=Verb.UPDATE, user="2", sets={"groups": frozenset()}),
        Step(verb=Verb.UPDATE, user="3", sets={"groups": frozenset({"b"})}),
    ]

    add, remove = moves(steps, {"1": {"a": "10", "b": "20"}, "2": {"a": "10"}})

    assert add == [("1", "c"), ("3", "b")]
    assert remove == [("1", "20"), ("2", "10")]
