"""Sessions with a real PKCS#11 token (SoftHSM2): shared by threads, opened again when it was away, PINs shown once."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pkcs11 import exceptions as token_errors

from records.errors import Permanent, Retry
from signing import pkcs11_modules
from signing.keys import load_key
from signing.tokens import Token, token_of
from tests.soft_token import MODULE, PIN, SoftToken, in_this_process, needs_softhsm, self_signed

pytestmark = needs_softhsm


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftToken]:
    made = SoftToken.make(tmp_path_factory.mktemp("softhsm") / "pool", "pool")
    for name, identifier, key in (
        ("first", "01", ec.generate_private_key(ec.SECP256R1())),
        ("second", "02", rsa.generate_private_key(65537, 3072)),
    ):
        made.put(name, identifier, key, self_signed(key))
    with in_this_process(made):
        yield made


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules may be started anew as often as a test needs it."""
    monkeypatch.setattr(pkcs11_modules, "_BETWEEN_STARTS", 0.0)


def _token(made: SoftToken) -> Token:
    return token_of(str(MODULE), made.label, 4)


def test_sessions_and_keys_are_found_once_and_kept(token: SoftToken, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [load_key(token.uri(name), PIN) for name in ("first", "second")]

    def never(*_: object) -> None:
        raise AssertionError("opened again")

    monkeypatch.setattr(Token, "_open", never)
    monkeypatch.setattr("signing.tokens.KeyName.template", never)
    for key in keys * 3:
        assert key.sign(b"data")


def test_threads_sign_at_the_same_time_each_in_a_session_of_its_own(token: SoftToken) -> None:
    """python-pkcs11 by itself starts the module for one thread, and two of them crash SoftHSM2."""
    keys = [load_key(token.uri(name), PIN) for name in ("first", "second")]
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(40):
                for key in keys:
                    key.sign(b"data")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert 1 < _token(token)._opened <= 4


def test_a_token_that_was_pulled_is_waited_for_and_found_again(token: SoftToken) -> None:
    key = load_key(token.uri("first"), PIN)
    token.unplug()
    try:
        _start_anew(token)
        with pytest.raises(Retry, match=r"no token 'pool' in any slot .*plug it in"):
            key.sign(b"data")
        with pytest.raises(Retry, match="plug it in"):
            load_key(token.uri("second"), PIN)
    finally:
        token.plug()
    assert key.sign(b"data")


def _start_anew(token: SoftToken) -> None:
    """SoftHSM2 holds a token that it opened in memory; a real one would say that its session is gone."""
    module = _token(token)._module
    assert module.start_anew(module.start)


def test_a_dead_session_costs_one_start_of_the_module(token: SoftToken) -> None:
    key = load_key(token.uri("first"), PIN)
    pool = _token(token)
    before = pool._module.start
    for each in pool._idle:
        each.session.close()
    assert key.sign(b"data")
    assert pool._module.start == before + 1
    assert key.sign(b"data")
    assert pool._module.start == before + 1


def test_a_module_that_was_started_anew_is_used_by_every_thread(token: SoftToken) -> None:
    key = load_key(token.uri("first"), PIN)
    failed: list[BaseException] = []
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            try:
                key.sign(b"data")
            except BaseException as error:
                failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        _start_anew(token)
    ended.set()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_token_with_room_for_few_sessions_is_used_with_those(
    token: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = Token(_token(token)._module, token.label, 4)
    opened: list[object] = []
    usual = few._open

    def open_two(pin: str | None) -> object:
        if len(opened) == 2:
            raise token_errors.SessionCount
        opened.append(usual(pin))
        return opened[-1]

    _start_anew(token)
    monkeypatch.setattr(few, "_open", open_two)
    assert _most_at_once(few, 6) == 2


def test_a_module_without_locks_is_called_by_one_thread_at_a_time(token: SoftToken) -> None:
    _start_anew(token)
    alone = Token(_token(token)._module, token.label, 4)
    alone.certificates(PIN)
    library = alone._module.library()
    library.locks = False
    try:
        assert _most_at_once(alone, 4) == 1
    finally:
        library.locks = True
    assert _most_at_once(alone, 4) > 1


def _most_at_once(pool: Token, threads: int) -> int:
    """How many of so many threads were at work in a session at the same time."""
    inside, most, lock = [0], [0], threading.Lock()

    def work(_session: object) -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.05)
        with lock:
            inside[0] -= 1

    running = [threading.Thread(target=pool._do, args=(PIN, work, "did nothing")) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return most[0]


def test_a_call_that_does_not_come_back_is_not_waited_for_for_ever(
    token: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = _token(token)._module
    monkeypatch.setattr(pkcs11_modules, "PATIENCE", 0.2)
    with module.call() as start, pytest.raises(Retry, match=r"do not come back: look after the token"):
        module.start_anew(start)
    assert module.start_anew(start), "the module is not left blocked"


def test_a_module_that_does_not_start_again_is_tried_again(token: SoftToken, monkeypatch: pytest.MonkeyPatch) -> None:
    key = load_key(token.uri("first"), PIN)
    module = _token(token)._module

    def fail(_: object) -> None:
        raise pkcs11.PKCS11Error("no driver")

    with monkeypatch.context() as patch:
        patch.setattr(pkcs11_modules._Library, "initialize", fail)
        with pytest.raises(Retry, match="does not start: PKCS11Error no driver"):
            module.start_anew(module.start)
        with pytest.raises(Retry, match="does not start: PKCS11Error no driver"):
            key.sign(b"data")
    assert key.sign(b"data")


def test_two_starts_of_a_module_are_a_while_apart(token: SoftToken, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many documents wait for a token that is away, its module isn't kept busy with being started."""
    monkeypatch.setattr(pkcs11_modules, "_BETWEEN_STARTS", 60.0)
    missing = token.uri("first").replace("token=pool", "token=gone")
    with pytest.raises(Retry, match="plug it in"):
        load_key(missing, PIN)
    before = _token(token)._module.start
    for _ in range(5):
        with pytest.raises(Retry, match="plug it in"):
            load_key(missing, PIN)
    assert _token(token)._module.start == before


def test_a_changed_pin_is_taken_while_the_token_is_open_and_a_wrong_one_spoils_nothing(token: SoftToken) -> None:
    key = load_key(token.uri("first"), PIN)
    with pytest.raises(Permanent, match=r"PIN of token 'pool' is wrong; .*correct it in the secrets"):
        load_key(token.uri("first"), "4321")
    assert key.sign(b"data")
    change = ["pkcs11-tool", "--module", str(MODULE), "--token-label", token.label, "--login", "--change-pin"]
    for old, new in ((PIN, "98765"), ("98765", PIN)):
        told = ["--pin", old, "--new-pin", new]
        subprocess.run([*change, *told], check=True, capture_output=True, env=token.environment)
        _start_anew(token)
        assert load_key(token.uri("first"), new).sign(b"data")


_COUNTED = """
import sys, threading
from pkcs11 import _pkcs11
from records.errors import Permanent
from signing import keys, pkcs11_modules, refused_secrets

shown = []

class Token:
    def __init__(self, token): self._token = token
    def open(self, user_pin=None):
        if user_pin is not None: shown.append(user_pin)
        return self._token.open(user_pin=user_pin)

class Library(pkcs11_modules._Library):
    def get_token(self, **names): return Token(super().get_token(**names))

pkcs11_modules._Library = Library
pkcs11_modules._BETWEEN_STARTS = 0.0
told = []

def load(address, pin):
    try:
        keys.load_key(address, pin)
    except Permanent as error:
        told.append(str(error))

first, second, right = sys.argv[1:]
threads = [threading.Thread(target=load, args=(each, "9999")) for each in (first, second) * 4]
for thread in threads: thread.start()
for thread in threads: thread.join()
load(first, "99")
load(first, "9999")
print(len(shown), len(told), len(set(told)), "9999" in repr(vars(refused_secrets.REFUSED)))
load(first, right)
load(second, right)
load(first, "9999")
print(len(shown), len(told))
"""


@pytest.mark.rule("ESL-13a")
def test_a_refused_pin_reaches_the_token_once_in_the_life_of_a_process(token: SoftToken, tmp_path: Path) -> None:
    """Many documents, threads and keys with one wrong PIN: a real token locks itself after three tries."""
    command = [sys.executable, "-c", _COUNTED, token.uri("first"), token.uri("second"), PIN]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=token.environment)
    refused, right = ran.stdout.splitlines()
    assert refused == "2 10 1 False"  # 9999 once and 99 once; every caller was told the same
    assert right == "3 11"
