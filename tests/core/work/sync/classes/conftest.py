"""A school with a provider in memory that has classes, and keeps them in step."""

from collections.abc import Callable

import pytest

from rolecall.testing.class_providers import MemoryClassProvider, class_provider
from rolecall.testing.school import School


@pytest.fixture
def provider() -> type[MemoryClassProvider]:
    return class_provider()


@pytest.fixture
def school(open_school: Callable[..., School], provider: type[MemoryClassProvider]) -> School:
    school = open_school(provider)
    school.save(provider, classes=True)
    return school
