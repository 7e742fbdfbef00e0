"""A school whose processes are killed."""

import pytest

pytest.register_assert_rewrite("outside.office")

from outside.fixtures import _nursery, nursery, office, open_office, site  # noqa: E402 - what it imports is to be rewritten

__all__ = ["_nursery", "nursery", "office", "open_office", "site"]
