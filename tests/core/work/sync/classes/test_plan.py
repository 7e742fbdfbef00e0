"""What a plan for a class says, whatever was there: carried out, it leaves nothing to do and touches nobody who is not ours."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from rolecall.sdk.snapshots import ClassSnapshot, Member, PeriodSnapshot
from rolecall.testing.class_providers import class_provider
from rolecall.work.class_links import ARCHIVED, PRESENT
from rolecall.work.sync.classes import sent as sent_state
from rolecall.work.sync.classes.plan import after, moves, plan
from rolecall.work.sync.classes.roll import Roll
from rolecall.work.sync.classes.sent import SentClass

PERIOD = PeriodSnapshot(code="2026", name="2026", starts_on=date(2026, 9, 1), ends_on=date(2027, 6, 30))
MATHS = ClassSnapshot(id=1, key="key", code="M1", name="Maths", period=PERIOD)
PROVIDER = class_provider()({}, None)  # type: ignore[arg-type]

IDS = "abcdefgh"
members = st.frozensets(st.builds(Member, st.sampled_from(IDS), st.sampled_from(["student", "teacher", "assistant"])))
#: In our classes everybody has one role.
wanted_members = st.dictionaries(st.sampled_from(IDS), st.sampled_from(["student", "teacher"])).map(
    lambda roles: frozenset(Member(who, role) for who, role in roles.items())
)
sents = st.builds(
    SentClass,
    attributes=st.fixed_dictionaries({"name": st.sampled_from(["Maths", "Old"]), "code": st.just("M1")}),
    members=members,
    archived=st.booleans(),
    unclear=st.booleans(),
)


def rolls_of(wanted: frozenset[Member], linked: set[str], left: set[str]) -> Roll:
    ids = {each.external_id for each in wanted}
    return Roll(members=wanted, left=frozenset(left - ids), linked=frozenset(linked | left | ids), names={each: each for each in IDS})


@given(wanted=wanted_members, there=members, ours=members, linked=st.sets(st.sampled_from(IDS)), left=st.sets(st.sampled_from(IDS)))
def test_moves_bring_everybody_in_once_and_leave_strangers_alone(
    wanted: frozenset[Member], there: frozenset[Member], ours: frozenset[Member], linked: set[str], left: set[str]
) -> None:
    roll = rolls_of(wanted, linked, left)

    add, remove = moves(there, wanted, ours=ours, roll=roll)
    # A service that knows people and not roles takes out all of somebody.
    by_role = (there - remove) | add
    by_person = frozenset(each for each in there if each.external_id not in {gone.external_id for gone in remove}) | add

    ids = {each.external_id for each in wanted}
    for result in (by_role, by_person):
        assert frozenset(each for each in result if each.external_id in ids) == wanted
    assert all(each in ours for each in remove if each.external_id not in ids)
    assert not {each.external_id for each in remove} & (roll.left - ids)
    assert add <= wanted


@given(
    wanted=wanted_members,
    sent=sents,
    linked=st.sets(st.sampled_from(IDS)),
    left=st.sets(st.sampled_from(IDS)),
    goal=st.sampled_from([PRESENT, ARCHIVED]),
)
def test_a_change_that_was_carried_out_leaves_nothing_to_do(
    wanted: frozenset[Member], sent: SentClass, linked: set[str], left: set[str], goal: str
) -> None:
    roll = rolls_of(wanted, linked, left)
    change = plan(PROVIDER, MATHS, link_id=1, goal=goal, external_id="c1", sent=sent, roll=roll)
    if change is None:
        return

    now = after(change)

    assert plan(PROVIDER, MATHS, link_id=1, goal=goal, external_id="c1", sent=now, roll=roll) is None


@given(sent=sents)
def test_what_is_kept_of_a_class_is_read_back_as_it_was(sent: SentClass) -> None:
    assert sent_state.load(sent_state.dump(sent)) == sent


def test_a_class_that_is_let_go_is_not_planned() -> None:
    roll = rolls_of(frozenset({Member("a", "student")}), set(), set())

    assert plan(PROVIDER, MATHS, link_id=1, goal="released", external_id="c1", sent=SentClass(), roll=roll) is None
