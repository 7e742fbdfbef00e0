"""A plugin that nobody here knows, whose actions are in every dialog all the same."""

from collections.abc import Mapping
from decimal import Decimal
from types import ModuleType
from typing import Any

from marshmallow import Schema, fields

from rolecall import Column, Credits, Filter, Grade, Price, action, hookimpl
from rolecall.store.tables import Account
from rolecall.testing.channels import MemoryChannel, memory_channel


class Wave(Schema):
    """How to wave."""

    greeting = fields.String(required=True, metadata={"label": "Greeting"})
    often = fields.Boolean(load_default=False, metadata={"label": "Often"})


@action("stranger.wave", label="Wave at them", params=Wave, bulk=True, group="stranger", help="Nobody knows why.")
def wave(context: Any, accounts: Any, params: Mapping[str, Any]) -> None:
    """Wave."""
    for account_id in accounts.ids:
        if params["greeting"] == "no":
            context.refuse(account_id, "They do not want it.", code="unwanted")
        context.record(account_id, "greeting", None, params["greeting"])


@action("stranger.vanish", label="Let them vanish", bulk=True, grade=Grade.RETYPE, confirm="Nobody finds them again.")
def vanish(context: Any, accounts: Any, params: Mapping[str, Any]) -> None:
    """Do nothing, dangerously."""


def stranger() -> ModuleType:
    """A plugin that nobody here was written for."""
    module = ModuleType("rolecall_stranger")
    module.LABEL = "A stranger"
    module.register_actions = hookimpl(lambda: [wave, vanish], specname="register_actions")
    module.register_filters = hookimpl(
        lambda: [
            Filter(
                id="stranger_height",
                label="Height",
                choices=lambda _: [("tall", "Tall"), ("small", "Small")],
                clause=lambda value, _: Account.username.like("t%") if value == "tall" else None,
            )
        ],
        specname="register_filters",
    )
    module.register_columns = hookimpl(
        lambda: [Column(id="stranger_shoe", label="Shoe", values=lambda _session, ids: dict.fromkeys(ids, "size 43"), shown=True)],
        specname="register_columns",
    )
    return module


def smoke() -> type[MemoryChannel]:
    """A channel to phones that costs money, of which there is little."""
    channel = memory_channel("smoke", address="phone")
    channel.unusable = classmethod(lambda _cls, _, address, *, region: None if address.startswith("+") else "No phone.")
    channel.price = classmethod(lambda _cls, *_: Price(parts=2, each=Decimal("0.25")))
    channel.credits = lambda _self: Credits(amount=Decimal("0.25"), currency="EUR")
    return channel
