"""The fields of an academic period, and what was sent in them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from werkzeug.datastructures import MultiDict

from rolecall.errors import Invalid
from rolecall.sdk.fields import FormField
from rolecall_webapp import forms

FIELDS = (
    FormField(name="code", label="Code", kind="text", required=True, help="Short and unique, such as 2026; filters and files use it."),
    FormField(name="name", label="Name", kind="text", required=True),
    FormField(name="starts_on", label="First day", kind="date", required=True),
    FormField(name="ends_on", label="Last day", kind="date", required=True, help="A period never ends by its dates alone."),
)


def values(sent: MultiDict[str, str]) -> Mapping[str, Any]:
    """Read a period's code, name and days.

    :raises Invalid: naming the day that is missing or cannot be read.
    """
    found = forms.collect(sent, FIELDS, keep_empty=True)
    days, wrong = {}, {}
    for name in ("starts_on", "ends_on"):
        try:
            days[name] = date.fromisoformat(found[name])
        except ValueError:
            wrong[name] = ["Write the day as year-month-day, such as 2026-09-01."]
    if wrong:
        raise Invalid("A day is missing or cannot be read.", fields=wrong)
    return {"code": found["code"], "name": found["name"], **days}
