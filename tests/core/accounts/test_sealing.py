"""Sealed secrets open in their place, with their keys, and nowhere else."""

import base64

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from rolecall.accounts.sealing import Keyring, SealBroken, place
from rolecall.errors import ConfigurationError

_KEYS = [Fernet.generate_key().decode() for _ in range(2)]
#: Any text at all, lone surrogates included.
_any_text = st.text(alphabet=st.characters())
_places = st.builds(place, st.sampled_from(["account", "run", "setting"]), st.integers(), st.sampled_from(["sealed_password", "sealed"]))


@given(value=_any_text, where=_places)
def test_what_is_sealed_opens_in_its_place(value: str, where: str) -> None:
    keyring = Keyring(_KEYS)

    assert keyring.open(keyring.seal(value, where), where) == value


@given(value=_any_text, where=_places, elsewhere=_places)
def test_it_opens_nowhere_else(value: str, where: str, elsewhere: str) -> None:
    keyring = Keyring(_KEYS)
    sealed = keyring.seal(value, where)

    if where != elsewhere:
        with pytest.raises(SealBroken):
            keyring.open(sealed, elsewhere)


@given(value=st.text(alphabet="abcdefgh", min_size=8))
def test_the_value_is_not_in_the_sealed_bytes(value: str) -> None:
    sealed = Keyring(_KEYS).seal(value, "account:1:sealed_password")

    assert value.encode() not in sealed
    assert value.encode() not in base64.urlsafe_b64decode(sealed)


@given(data=st.data())
def test_an_altered_value_does_not_open(data: st.DataObject) -> None:
    keyring = Keyring(_KEYS)
    raw = bytearray(base64.urlsafe_b64decode(keyring.seal("secret", "run:1:sealed_params")))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))

    with pytest.raises(SealBroken):
        keyring.open(base64.urlsafe_b64encode(bytes(raw)), "run:1:sealed_params")


@given(sealed=st.binary(max_size=200))
def test_foreign_bytes_do_not_open(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        Keyring(_KEYS).open(sealed, "run:1:sealed_params")


def test_an_old_key_still_opens_and_rotating_makes_it_needless() -> None:
    old, new = _KEYS
    sealed = Keyring([old]).seal("secret", "account:1:sealed_password")

    rotated = Keyring([new, old]).rotate(sealed)

    assert Keyring([new, old]).open(sealed, "account:1:sealed_password") == "secret"
    assert Keyring([new]).open(rotated, "account:1:sealed_password") == "secret"
    with pytest.raises(SealBroken):
        Keyring([new]).open(sealed, "account:1:sealed_password")
    with pytest.raises(SealBroken):
        Keyring([new]).rotate(sealed)


@pytest.mark.parametrize("keys", [[], ["too-short"], [_KEYS[0], "Schlüssel"]])
def test_keys_that_are_none_are_refused_without_being_repeated(keys: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Keyring(keys)

    assert not any(key in str(caught.value) for key in keys)
