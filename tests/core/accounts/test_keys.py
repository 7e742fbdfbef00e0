"""Keys are made once, for the owner of the data directory alone."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rolecall import config
from rolecall.accounts import keys
from rolecall.accounts.sealing import Keyring


def test_keys_are_made_and_found_by_the_configuration(tmp_path: Path) -> None:
    data = tmp_path / "instance"

    made = keys.generate(data)

    assert [file.name for file in made] == ["secret_key", "encryption_keys"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in made} == {0o600}
    loaded = config.load({}, data=str(data))
    assert len(loaded["secret_key"]) >= 43
    assert Keyring(loaded.encryption_keys)


def test_keys_that_exist_are_never_replaced(tmp_path: Path) -> None:
    first = keys.generate(tmp_path)
    before = [file.read_text() for file in first]

    again = keys.generate(tmp_path)

    assert again == []
    assert [file.read_text() for file in first] == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["encryption_keys", "secret_key"]


def test_many_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: keys.generate(tmp_path), range(16)))

    assert sorted(file.name for files in made for file in files) == ["encryption_keys", "secret_key"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["encryption_keys", "secret_key"]
