"""What settings are taken, and what Canvas can hold of names."""

import pytest
from marshmallow import ValidationError

from rolecall import AccountChange
from rolecall_canvas import names, validate_accounts
from rolecall_canvas.settings import CanvasSettings, key_of, looks_ours, sis_id

GIVEN = {"base_url": "https://school.instructure.com", "token": "1~fake0123456789abcdefghij"}
KEY = "5f0c2a7e-8a4a-4e58-9f3e-2b1d6c7a9e10"


def test_address_and_token_suffice() -> None:
    loaded = CanvasSettings().load(GIVEN)

    assert (loaded["account"], loaded["sis_import_from"], loaded["class_publish"], loaded["class_leaving"]) == ("self", 0, True, "conclude")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("token", "1~fake0123456789abcdefghij", "with a space 0123456789"),
        ("account", "sis_account_id:main", "1/../2"),
        ("account", "1", ""),
        ("class_account", "", "two"),
        ("class_account", "7", "7\n"),
        ("class_term", "sis_term_id:2026", "next"),
        ("sis_prefix", "rc-", "a b"),
        ("authentication_provider", "saml", "SAML!"),
        ("sis_import_from", 20, -1),
        ("sis_import_wait", 0, 601),
        ("class_leaving", "deactivate", "keep"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(name, good, bad) -> None:
    assert CanvasSettings().load(GIVEN | {name: good})[name] == good

    with pytest.raises(ValidationError):
        CanvasSettings().load(GIVEN | {name: bad})


@pytest.mark.parametrize("prefix", ["", "rc-"])
def test_a_sis_id_carries_our_key_and_gives_it_back(prefix) -> None:
    settings = {"sis_prefix": prefix}

    assert key_of(sis_id(KEY, settings), settings) == KEY
    assert looks_ours(sis_id(KEY, settings), settings)
    assert key_of("P-17", settings) == "P-17"
    assert [key_of(nothing, settings) for nothing in (None, "", 7)] == [None] * 3
    assert not any(looks_ours(other, settings) for other in ("P-17", None, f"x{KEY}", f"{prefix}{KEY}x"))


def test_only_what_a_change_brings_in_is_refused(account) -> None:
    good, long_login = account("anna"), account("x" * 101)
    long_name = account("berta", last_name="x" * 255)
    changes = [
        AccountChange(before=None, after=good),
        AccountChange(before=None, after=long_login),
        AccountChange(before=good, after=long_name),
        AccountChange(before=long_login, after=long_login),
        AccountChange(before=long_name, after=long_name),
        AccountChange(before=None, after=account("y" * 101, deleted=True)),
    ]

    refused = {refusal.account_id: refusal.message for refusal in validate_accounts(changes)}

    assert set(refused) == {long_login.id, long_name.id}
    assert "at most 100" in refused[long_login.id]
    assert "at most 255" in refused[long_name.id]


def test_a_name_or_login_of_nothing_is_a_fault() -> None:
    assert names.fault({"name": "Anna", "unique_id": "anna", "email": None}) is None
    assert "needs a login" in str(names.fault({"unique_id": None}))
    assert "needs a name" in str(names.fault({"name": ""}))
