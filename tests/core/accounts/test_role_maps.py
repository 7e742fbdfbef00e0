"""How it is written what becomes of roles (R59a)."""

import pytest

from rolecall.accounts import role_maps
from rolecall.errors import Invalid
from rolecall.testing.factories import make_role


@pytest.fixture
def roles(db):
    """Ids of roles by type and name: two types share Guest, and one name has an equals sign."""
    with db.write() as session:
        made = [make_role(session, name) for name in ("Year 1", "Year 2", "Guest", "A=B", "Old")]
        made.append(make_role(session, "Guest", user_type="teacher"))
        session.flush()
        made[4].active = False
        return {(role.user_type, role.name): role.id for role in made}


def read(db, *lines):
    with db.read() as session:
        return role_maps.read(session, lines)


def test_a_role_becomes_another_or_none(db, roles):
    year_1, year_2 = roles["student", "Year 1"], roles["student", "Year 2"]

    assert read(db, " year  1 = Year 2", "Year 2=-") == {year_1: year_2, year_2: None}


def test_a_name_that_types_share_is_written_with_its_type(db, roles):
    assert read(db, "teacher/Guest=-") == {roles["teacher", "Guest"]: None}
    with pytest.raises(Invalid, match="student/Guest or teacher/Guest"):
        read(db, "Guest=-")


def test_a_name_may_have_an_equals_sign(db, roles):
    assert read(db, "A=B=Year 1", "Year 2=A=B") == {
        roles["student", "A=B"]: roles["student", "Year 1"],
        roles["student", "Year 2"]: roles["student", "A=B"],
    }


def test_an_inactive_role_may_be_left_and_not_be_given(db, roles):
    assert read(db, "Old=Year 1") == {roles["student", "Old"]: roles["student", "Year 1"]}
    with pytest.raises(Invalid, match="Old is not active"):
        read(db, "Year 1=Old")


def test_every_line_that_cannot_be_meant_is_named(db, roles):
    with pytest.raises(Invalid) as refused:
        read(db, "Year 1", "Yaer 1=Year 2", "Year 1=teacher/Guest", "Year 2=-", "year 2=-")

    sentences = refused.value.fields["map"]
    assert [part in sentence for part, sentence in zip(
        ("no equals sign", "Did you mean Year 1?", "role of students and Guest one of teachers", "said twice"), sentences, strict=True
    )] == [True] * 4  # fmt: skip


def test_what_is_written_is_read_again(db, roles):
    meant = {roles["student", "Guest"]: roles["student", "A=B"], roles["teacher", "Guest"]: None}

    with db.read() as session:
        lines = role_maps.write(session, meant)

    assert lines == ["student/Guest=A=B", "teacher/Guest=-"]
    assert read(db, *lines) == meant
