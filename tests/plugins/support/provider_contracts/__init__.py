"""Checks the requests that plugins send against the published contracts of the services, kept in ``tests/plugins/support/schemas``.

A request that the contract does not know, with a parameter that it does not have or a body that its schema refuses, is an AssertionError.
"""

from provider_contracts.checking import checked
from provider_contracts.google import GoogleContract
from provider_contracts.openapi import OpenApiContract

__all__ = ["GoogleContract", "OpenApiContract", "checked"]
