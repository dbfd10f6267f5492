"""A running process takes secrets and time stamp authorities from a changed file; keys follow their secrets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import keyring
from pipeline.keyring import KeyRing
from pipeline.settings import BadSetting, CurrentSettings, load
from records.errors import Permanent, Retry
from signing.keys import SigningKey

SEAL = {"id": "sea_1", "key_uri": "pkcs12:north.p12"}


def _write(home: Path, text: str) -> None:
    (home / "songda.toml").write_text(text, "utf-8")


def test_a_changed_file_brings_secrets_and_authorities_and_nothing_else(tmp_path: Path) -> None:
    _write(tmp_path, 'threads = 2\ntsa_urls = ["http://a"]\n[secrets]\nsea_1 = "old"')
    current = CurrentSettings(load(tmp_path, {}))
    before = current.now()
    assert current.now() is before
    _write(tmp_path, 'threads = 7\ntsa_urls = ["http://a", "http://b"]\n[secrets]\nsea_1 = "new"\nsea_2 = "more"')
    now = current.now()
    assert (now.threads, now.tsa_urls, now.secrets) == (2, ("http://a", "http://b"), {"sea_1": "new", "sea_2": "more"})


def test_a_file_that_cannot_be_read_changes_nothing_and_the_log_tells_no_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _write(tmp_path, '[secrets]\nsea_1 = "old"')
    current = CurrentSettings(load(tmp_path, {}))
    _write(tmp_path, "[secrets]\nsea_1 = 918273")
    assert current.now().secrets == {"sea_1": "old"}
    (tmp_path / "songda.toml").unlink()
    assert current.now().secrets == {"sea_1": "old"}
    assert len(caplog.records) == 1 and "918273" not in caplog.text
    _write(tmp_path, '[secrets]\nsea_1 = "mended"')
    assert current.now().secrets == {"sea_1": "mended"}


def test_settings_that_were_given_count_until_the_file_changes(tmp_path: Path) -> None:
    """Only a change is taken over: who made the settings may have made them otherwise than the file says."""
    _write(tmp_path, '[secrets]\nsea_1 = "file"')
    given = replace(load(tmp_path, {}), secrets={"sea_1": "given"})
    assert CurrentSettings(given).now().secrets == {"sea_1": "given"}


def test_the_secrets_of_a_remote_key_may_be_a_table(tmp_path: Path) -> None:
    _write(tmp_path, '[secrets]\nsea_1 = { client_secret = "a", PIN = "b" }')
    assert load(tmp_path, {}).secrets == {"sea_1": '{"client_secret": "a", "PIN": "b"}'}
    _write(tmp_path, "[secrets]\nsea_1 = { PIN = 918273 }")
    with pytest.raises(BadSetting, match="'secrets'") as raised:
        load(tmp_path, {})
    assert "918273" not in str(raised.value)


class _Key(SigningKey):
    def __init__(self, secret: str | None) -> None:
        self.secret, self.closed = secret, False

    def close(self) -> None:
        self.closed = True

    def _sign(self, data: bytes) -> bytes:
        return data


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The secrets with which a key was loaded; "wrong" and "away" fail."""
    secrets: list[str | None] = []

    def load_key(address: str, secret: str | None, *, token_sessions: int) -> SigningKey:
        assert (address, token_sessions) == ("pkcs12:north.p12", 4)
        secrets.append(secret)
        if secret in ("wrong", "away"):
            raise (Permanent if secret == "wrong" else Retry)(f"{secret} it is")
        return _Key(secret)

    monkeypatch.setattr(keyring, "load_key", load_key)
    return secrets


def _ring(home: Path, secret: str) -> tuple[KeyRing, Callable[[str], None]]:
    def change(secret: str) -> None:
        _write(home, f'[secrets]\nsea_1 = "{secret}"')

    change(secret)
    return KeyRing(CurrentSettings(load(home, {}))), change


def test_a_key_is_loaded_once_and_anew_when_its_secret_changes_or_it_was_forgotten(
    tmp_path: Path, loaded: list[str | None]
) -> None:
    ring, change = _ring(tmp_path, "right")
    first: Any = ring.key(SEAL)
    assert ring.key(SEAL) is first and loaded == ["right"]
    change("changed")
    second: Any = ring.key(SEAL)
    assert (second.secret, first.closed, second.closed) == ("changed", True, False)
    ring.forget("sea_1")
    assert second.closed
    third: Any = ring.key(SEAL)
    assert loaded == ["right", "changed", "changed"]
    ring.close()
    assert third.closed


@pytest.mark.parametrize(("secret", "error"), [("wrong", Permanent), ("away", Retry)])
def test_a_key_that_could_not_be_loaded_is_left_alone_for_a_moment_but_not_after_its_secret_changed(
    tmp_path: Path, loaded: list[str | None], monkeypatch: pytest.MonkeyPatch, secret: str, error: type[Exception]
) -> None:
    ring, change = _ring(tmp_path, secret)
    for _ in range(5):
        with pytest.raises(error, match="it is"):
            ring.key(SEAL)
    assert loaded == [secret]
    monkeypatch.setattr(keyring, "_REST", 0.0)
    with pytest.raises(error, match="it is"):
        ring.key(SEAL)
    assert loaded == [secret, secret]
    monkeypatch.setattr(keyring, "_REST", 60.0)
    change("right")
    assert ring.key(SEAL)
