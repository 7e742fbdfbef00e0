"""Asks the conformance kit one question twice: of a provider as it is, and of a copy in which a fault is planted."""

from collections.abc import Mapping
from functools import partial
from inspect import signature
from typing import Any

import pytest

from rolecall import Provider
from rolecall.errors import NotFound
from rolecall.testing import ClassContract
from rolecall.testing.bench import Bench, ProviderBench

#: How a question about accounts fails; one about classes also by an error that should have come, or that should not.
ACCOUNTS = (AssertionError,)
CLASSES = (AssertionError, pytest.fail.Exception, NotFound)


def assert_the_kit_finds(
    broken: type[Provider], test: str, kit: ProviderBench, *, settings: Mapping[str, Any] | None = None, **given: Any
) -> None:
    """Let the question pass for the provider that ``broken`` was made of, and fail for ``broken``; ``given`` fills its parameters."""
    asked = getattr(kit, test)
    failures = CLASSES if isinstance(kit, ClassContract) else ACCOUNTS
    for kind, fails in ((broken.__base__, False), (broken, True)):
        bench = Bench(kind, kit.make_fake, kit.settings if settings is None else settings)
        with bench.wire:
            facts = {"kind": kind, **given}
            wanted = [name for name in signature(asked).parameters if name != "bench"]
            if "people" in wanted:
                facts["people"] = list(kit._people(bench, 4))
            ask = partial(asked, bench, **{name: facts[name] for name in wanted})
            if fails:
                with pytest.raises(failures):
                    ask()
            else:
                ask()
