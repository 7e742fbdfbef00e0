"""What is asked about classes at a provider, in tests of what comes of changes."""

from collections.abc import Callable
from datetime import UTC, datetime

from rolecall.store.tables import ClassLink
from rolecall.testing.class_providers import MemoryClass, MemoryClassProvider
from rolecall.testing.school import School

Open = Callable[..., School]
Kind = type[MemoryClassProvider]
PAST = datetime(2026, 1, 1, tzinfo=UTC)


def there(school: School, provider: Kind, class_id: int) -> MemoryClass:
    found = provider.service.class_of(school.class_key(class_id))
    assert found is not None, "the class is not there"
    return found


def link(school: School, provider: Kind, class_id: int) -> ClassLink:
    found = school.class_link(class_id, provider)
    assert found is not None
    return found


def usernames(school: School, provider: Kind, class_id: int) -> dict[str, str]:
    """Who is in the class there, by user name."""
    names = {each.external_id: str(each.attributes["username"]) for each in provider.service.accounts.values()}
    return {names[who]: role for who, role in there(school, provider, class_id).roles().items()}


def pending(school: School, provider: Kind, class_id: int) -> bool:
    found = link(school, provider, class_id)
    return found.synced < found.wanted
