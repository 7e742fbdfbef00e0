"""A school whose processes are killed."""

from outside.fixtures import _nursery, nursery, office, open_office, site

__all__ = ["_nursery", "nursery", "office", "open_office", "site"]
