"""A sync can be seen before it is done; and what is done is what was seen."""

from collections.abc import Callable

import pytest
from marshmallow import Schema, fields

from rolecall.errors import Invalid, Refused, Unknown
from rolecall.store.tables import Account
from rolecall.testing.factories import give_role, make_period, make_role
from rolecall.testing.providers import MemoryProvider, memory_provider
from rolecall.testing.school import School
from rolecall.work.sync.preview import Line, preview

Open = Callable[..., School]


def show(school: School, provider: type[MemoryProvider], **values: object) -> dict[int, Line]:
    return {line.account_id: line for line in preview(school.app, school.actor, provider.id, values=values)}


def test_every_field_is_shown_before_and_after(school: School, provider: type[MemoryProvider]) -> None:
    anna, same = school.student("Anna", linked_to=provider), school.student("Same", linked_to=provider)
    old = school.snapshot(anna).person.last_name
    provider.service.journal.clear()
    with school.app.db.write() as session:
        give_role(session, session.get_one(Account, anna), make_role(session), make_period(session))
    school.change(anna, person={"last_name": "New"})

    shown = show(school, provider)

    assert same not in shown
    assert (shown[anna].verb, shown[anna].queued) == ("update", True)
    assert shown[anna].fields == {"name": (f"Anna {old}", "Anna New"), "groups": ([], ["2026/Main student"])}
    assert provider.service.journal == []


def test_accounts_that_a_sync_would_create_are_shown(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")

    shown = show(school, provider)

    assert (shown[anna].verb, shown[anna].queued) == ("create", False)
    assert shown[anna].fields["username"] == (None, school.snapshot(anna).username)


def test_closed_accounts_people_kept_out_and_released_ones_are_not_shown(school: School, provider: type[MemoryProvider]) -> None:
    school.student("Closed", active=False)
    school.student("Out", no_sync=True)
    released = school.student("Free", linked_to=provider)
    school.act("external.disconnect", released)

    assert show(school, provider) == {}


def test_settings_that_are_not_saved_show_what_saving_would_do(school: School, provider: type[MemoryProvider]) -> None:
    anna, teacher = school.student("Anna"), school.teacher("Tess")

    shown = show(school, provider, user_types=["teacher"])

    assert teacher in shown
    assert anna not in shown
    assert anna in show(school, provider)


def test_what_a_closed_account_would_get_depends_on_the_settings(school: School, provider: type[MemoryProvider]) -> None:
    school.save(provider, on_deactivation="leave")
    anna = school.student("Anna", linked_to=provider)
    school.change(anna, active=False)

    assert anna not in show(school, provider)
    assert show(school, provider, on_deactivation="suspend")[anna].verb == "suspend"


def test_an_account_that_cannot_be_planned_is_shown_with_the_reason(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")
    provider.service.unmappable.add(school.snapshot(anna).username)

    assert "KeyError" in (show(school, provider)[anna].error or "")


def test_what_was_shown_is_what_is_done(school: School, provider: type[MemoryProvider]) -> None:
    new, changed, closed = school.student("New"), school.student("Ch", linked_to=provider), school.student("Cl", linked_to=provider)
    school.change(changed, person={"last_name": "New"})
    school.change(closed, active=False)
    school.sync(new)
    provider.service.journal.clear()

    shown = show(school, provider)
    school.work()

    assert sorted(line.verb for line in shown.values()) == ["create", "suspend", "update"]
    assert sorted(call.verb for call in provider.service.journal if call.verb != "find") == ["create", "suspend", "update"]
    assert show(school, provider) == {}


def test_unknown_providers_and_wrong_settings_are_refused(school: School, provider: type[MemoryProvider]) -> None:
    with pytest.raises(Unknown):
        list(preview(school.app, school.actor, "nobody"))
    with pytest.raises(Invalid):
        list(preview(school.app, school.actor, provider.id, values={"on_deletion": "explode"}))


def test_a_provider_that_cannot_be_built_is_refused_with_its_fault(open_school: Open) -> None:
    class Settings(Schema):
        token = fields.String(required=True, metadata={"label": "Token"})

    provider = memory_provider(settings_schema=Settings)
    school = open_school(provider, settings={provider.id: Settings})

    with pytest.raises(Refused, match="Token"):
        list(preview(school.app, school.actor, provider.id))
