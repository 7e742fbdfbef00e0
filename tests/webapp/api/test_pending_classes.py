"""Classes in what is pending and in plans, over the API (R60a, R61, R63)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import update

from rolecall.config import load
from rolecall.store.tables import ClassLink
from rolecall.testing.class_providers import MemoryClassProvider, class_provider
from rolecall.testing.providers import plugin_of
from rolecall.testing.school import School
from rolecall.work.application import Application


@pytest.fixture
def provider() -> type[MemoryClassProvider]:
    return class_provider("service")


@pytest.fixture
def core(database_url: str, tmp_path: Path, provider: type[MemoryClassProvider]) -> Iterator[Application]:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config, plugins={"service": plugin_of(provider)}) as application:
        yield application


@pytest.fixture
def classes(core, owner, provider):
    """Three classes and an account that wait."""
    school = School(core)
    school.enable(provider, classes=True)
    anna = school.student("Anna", linked_to=provider, username="anna")
    found = [school.school_class(anna, code=f"M{number}", name="Maths") for number in range(3)]
    school.sync(anna)
    return found


def test_pending_tells_accounts_and_classes_apart(classes, owner):
    every = owner.get("/pending").json
    only = owner.get("/pending?type=class&provider=service&state=queued").json

    assert [each["type"] for each in every["items"]] == ["account", "class", "class", "class"]
    assert every["total"] == 4
    assert [each["class"]["id"] for each in only["items"]] == classes
    first = only["items"][0]
    assert (first["account"], first["class"]["code"], first["goal"], first["state"]) == (None, "M0", "present", "queued")
    assert owner.get("/pending?type=account").json["total"] == 1


def test_pending_is_paged_over_both(classes, owner):
    seen, cursor = [], ""
    while True:
        page = owner.get(f"/pending?limit=3{cursor and '&cursor=' + cursor}").json
        seen += [(each["type"], each["id"]) for each in page["items"]]
        cursor = page["next"]
        if not cursor:
            break

    assert len(seen) == len(set(seen)) == 4


@pytest.mark.parametrize(
    ("body", "expected"), [({}, 1), ({"providers": ["service"]}, 1), ({"accounts": [10**6]}, 0), ({"classes": [10**6]}, 0)]
)
def test_classes_are_tried_again_with_the_rest_and_not_with_named_accounts(classes, owner, core, body, expected):
    with core.db.write() as session:
        session.execute(update(ClassLink).where(ClassLink.class_id == classes[0]).values(blocked=True))

    assert owner.post("/pending/retry", body).json == {"links": expected}


def test_one_class_is_tried_again(classes, owner, core):
    with core.db.write() as session:
        session.execute(update(ClassLink).values(blocked=True))

    assert owner.post("/pending/retry", {"classes": [classes[1]]}).json == {"links": 1}
    assert owner.get("/pending?type=class&state=blocked").json["total"] == 2


def test_a_plan_holds_classes_after_accounts_on_every_page(classes, owner):
    first = owner.post("/plugins/service/plan?limit=2", {}).json
    second = owner.post(f"/plugins/service/plan?limit=2&cursor={first['next']}", {}).json

    lines = first["items"] + second["items"]
    assert first["total"] == len(lines) == 4
    assert [each["class"] and each["class"]["id"] for each in lines] == [None, *classes]
    maths = lines[1]
    assert (maths["account"], maths["verb"], maths["members"]) == (None, "create", {"added": 1, "removed": 0})
    assert maths["fields"]["members"]["after"] == ["anna (student)"]
    assert second["next"] is None
