"""Filters under a name: once in its place, one's own or everybody's, and removed by who may (R14)."""

import pytest

from rolecall.accounts import saved_views
from rolecall.errors import Invalid, Unknown
from rolecall.testing.factories import make_account


@pytest.fixture
def two(db):
    with db.write() as session:
        return make_account(session).id, make_account(session).id


def names(session, account_id):
    return [view.name for view in saved_views.of(session, account_id)]


def test_everybody_sees_the_shared_ones_first_and_then_their_own(db, two):
    anna, bob = two
    with db.write() as session:
        saved_views.save(session, name="Mine", query="type=student", account_id=anna)
        saved_views.save(session, name="Leavers", query="active=no", account_id=None)
        saved_views.save(session, name="Beginners", query="type=student", account_id=None)

        assert names(session, anna) == ["Beginners", "Leavers", "Mine"]
        assert names(session, bob) == ["Beginners", "Leavers"]


def test_a_name_stands_once_in_its_place_however_it_is_written(db, two):
    anna, _ = two
    with db.write() as session:
        first = saved_views.save(session, name="Mine", query="a=1", account_id=anna)
        shared = saved_views.save(session, name="mine", query="b=1", account_id=None)
        again = saved_views.save(session, name="  MINE ", query="c=1", account_id=anna)

        assert again.id == first.id != shared.id
        assert (again.name, again.query, shared.query) == ("MINE", "c=1", "b=1")


@pytest.mark.parametrize(("name", "query"), [("", "a=1"), (" \n ", "a=1"), ("x" * 101, "a=1"), ("a\0b", "a=1"), ("x", "q" * 2001)])
def test_what_has_no_name_or_is_too_long_is_refused(db, name, query):
    with db.write() as session, pytest.raises(Invalid):
        saved_views.save(session, name=name, query=query, account_id=None)


def test_there_are_no_more_than_a_menu_holds_but_one_that_is_there_may_change(db, two):
    anna, bob = two
    with db.write() as session:
        for number in range(saved_views.MOST):
            saved_views.save(session, name=f"View {number}", query="a=1", account_id=anna)
        with pytest.raises(Invalid, match="There are 50 views already"):
            saved_views.save(session, name="One more", query="a=1", account_id=anna)

        assert saved_views.save(session, name="View 7", query="b=1", account_id=anna).query == "b=1"
        assert saved_views.save(session, name="One more", query="a=1", account_id=bob).name == "One more"


def test_ones_own_is_removed_by_oneself_and_a_shared_one_by_who_may(db, two):
    anna, bob = two
    with db.write() as session:
        own = saved_views.save(session, name="Mine", query="a=1", account_id=anna).id
        shared = saved_views.save(session, name="Ours", query="a=1", account_id=None).id

        for view_id, account_id, may in ((own, bob, True), (shared, anna, False), (shared + 1, anna, True)):
            with pytest.raises(Unknown):
                saved_views.remove(session, view_id, account_id=account_id, shared=may)
        assert saved_views.remove(session, own, account_id=anna, shared=False).name == "Mine"
        assert saved_views.remove(session, shared, account_id=bob, shared=True).name == "Ours"

        assert names(session, anna) == []
