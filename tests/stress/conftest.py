"""A school whose processes have much to do."""

from outside.fixtures import _nursery, nursery, office, open_office, site

__all__ = ["_nursery", "nursery", "office", "open_office", "site"]
