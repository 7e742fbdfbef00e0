"""Student statuses and eligibility, which looks at their type and never at their label."""

import pytest
from sqlalchemy import select

from rolecall.accounts import eligibility, statuses
from rolecall.errors import Invalid, Refused, Unknown
from rolecall.sdk.words import LISTS, STATUS_TYPES
from rolecall.store.tables import Person
from rolecall.testing.factories import make_person


def test_a_label_is_unique_in_any_case(db):
    with db.write() as session:
        statuses.create(session, label="On leave", type="other")

        with pytest.raises(Invalid) as refused:
            statuses.create(session, label=" ON  LEAVE ", type="other")

    assert list(refused.value.fields) == ["label"]


@pytest.mark.parametrize(
    ("facts", "field"), [({"label": ""}, "label"), ({"type": "regstered"}, "type"), ({"provider_action": "explode"}, "provider_action")]
)
def test_a_wrong_field_is_named(db, facts, field):
    with db.write() as session, pytest.raises(Invalid) as refused:
        statuses.create(session, **({"label": "X", "type": "other"} | facts))

    assert list(refused.value.fields) == [field]


def test_a_status_is_edited_and_deleted_while_nobody_has_it(db):
    with db.write() as session:
        status = statuses.create(session, label="On leave", type="other")
        statuses.edit(session, status.id, label="Away", provider_action="suspend")
        anna = make_person(session, status=status)

        assert (status.label, status.label_key, status.type, status.provider_action) == ("Away", "away", "other", "suspend")
        with pytest.raises(Refused, match="One student has the status Away"):
            statuses.remove(session, status.id)
        anna.status_id = None
        session.flush()
        statuses.remove(session, status.id)
        with pytest.raises(Unknown):
            statuses.get(session, status.id)


def test_a_new_student_gets_the_first_registered_status_when_none_is_called_so(db):
    with db.write() as session:
        assert statuses.first_status(session) is None
        enrolled = statuses.create(session, label="Enrolled", type="registered")
        assert statuses.first_status(session) == enrolled.id
        registered = statuses.create(session, label="registered", type="registered")
        assert statuses.first_status(session) == registered.id


def test_the_clause_and_the_sentence_say_the_same_of_everybody(db):
    with db.write() as session:
        kinds = [None, *(statuses.create(session, label=f"Label {kind}", type=kind) for kind in STATUS_TYPES)]
        for people_list in LISTS:
            for active in (True, False):
                for status in kinds if people_list == "students" else [None]:
                    make_person(session, list=people_list, active=active, status=status)
        eligible = set(session.scalars(select(Person.id).where(eligibility.eligible_clause())))

        for person_id in session.scalars(select(Person.id)):
            assert (eligibility.refusal_of(session, person_id) is None) == (person_id in eligible)
        assert len(eligible) == 7
        assert eligibility.refusal_of(session, 999) is not None


def test_a_refusal_names_the_rule(db):
    with db.write() as session:
        graduated = statuses.create(session, label="Απόφοιτος", type="graduated")
        student = make_person(session, status=graduated)

        sentence = eligibility.refusal_of(session, student.id)

    assert "Απόφοιτος" in sentence
    assert "rule: accounts are for registered students" in sentence
