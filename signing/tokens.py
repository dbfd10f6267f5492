"""Sessions with PKCS#11 tokens: a few for each token, opened once, shared by all keys and threads of the process.

A login counts for the whole process, so one session of a token logs in and the others follow. When a token was pulled
or restarted its module is started anew, which ends every session and shows what is plugged in now: many modules look
at their slots only then.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Condition, Lock
from typing import Any, NamedTuple, TypeVar

import pkcs11
from pkcs11 import exceptions as token_errors

from records.errors import Permanent, Retry
from signing.pkcs11_modules import PATIENCE, Module, told
from signing.refused_secrets import REFUSED

_Result = TypeVar("_Result")


class KeyName(NamedTuple):
    """What a private key is found by; None leaves it open."""

    label: str | None
    identifier: bytes | None
    kind: pkcs11.KeyType | None = None

    def template(self) -> dict[Any, Any]:
        """As a template of C_FindObjects."""
        given = {
            pkcs11.Attribute.LABEL: self.label,
            pkcs11.Attribute.ID: self.identifier,
            pkcs11.Attribute.KEY_TYPE: self.kind,
        }
        found: dict[Any, Any] = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}
        return found | {name: value for name, value in given.items() if value is not None}


class _Session:
    """A session, with the keys that were found in it."""

    def __init__(self, session: Any, start: int) -> None:
        self.session, self.start = session, start
        self._keys: dict[KeyName, Any] = {}

    def key(self, name: KeyName, token: str) -> Any:
        """The only private key of that name. Raises Permanent unless there is exactly one."""
        if name not in self._keys:
            found = list(self.session.get_objects(name.template()))
            if len(found) != 1:
                kind = name.kind.name if name.kind is not None else ""
                raise Permanent(
                    f"token {token!r} holds {len(found)} private {kind} keys of that name; exactly one is needed, "
                    "of the kind that the certificate names"
                )
            self._keys[name] = found[0]
        return self._keys[name]


class Token:
    """One token, with up to `most` sessions at the same time. Safe to use from several threads."""

    def __init__(self, module: Module, label: str, most: int) -> None:
        self.label = label
        self._module, self._most = module, most
        self._place = f"{Path(module.path).resolve()}\0{label}"
        self._pin: str | None = None
        self._start = -1
        self._opened = 0
        self._idle: list[_Session] = []
        self._free = Condition()

    def sign(self, pin: str | None, name: KeyName, data: bytes, mechanism: pkcs11.Mechanism) -> bytes:
        """Sign with the only private key of that name, logged in with `pin` if nobody is. Raises Retry or Permanent."""

        def work(session: _Session) -> bytes:
            try:
                return bytes(session.key(name, self.label).sign(data, mechanism=mechanism))
            except token_errors.MechanismInvalid as error:
                raise Permanent(f"token {self.label!r} does not know the mechanism {mechanism.name}") from error

        return self._do(pin, work, "did not sign")

    def certificates(self, pin: str | None) -> list[tuple[tuple[str, bytes], bytes]]:
        """((label, id), DER) of every certificate on the token. A `pin` other than the present one is tried out."""
        with self._module.call() as start, self._free:
            other = self._start == start and self._opened > 0 and self._pin != pin
        if other:
            self._refuse_again(pin)
            if not self._module.start_anew(start):
                raise Retry(f"token {self.label!r} was opened with another PIN just now; try again")

        def work(session: _Session) -> list[tuple[tuple[str, bytes], bytes]]:
            label, identifier, value = pkcs11.Attribute.LABEL, pkcs11.Attribute.ID, pkcs11.Attribute.VALUE
            found = session.session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE})
            return [((each[label], bytes(each[identifier])), bytes(each[value])) for each in list(found)]

        return self._do(pin, work, "cannot be read")

    def _do(self, pin: str | None, work: Callable[[_Session], _Result], failed: str) -> _Result:
        """`work` in a free session; after an error of the token once more in a module that was started anew."""
        last = False
        while True:
            with self._module.call() as start:
                try:
                    session = self._take(pin, start)
                    try:
                        with self._module.turn():
                            return work(session)
                    finally:
                        self._give_back(session)
                except _Away as error:
                    problem: Exception = error
                except pkcs11.PKCS11Error as error:
                    problem = Retry(f"token {self.label!r} {failed}: {told(error)}; plug it in anew, or restart it")
            if last or not self._module.start_anew(start):
                raise problem
            last = True

    def _take(self, pin: str | None, start: int) -> _Session:
        with self._free:
            while True:
                if self._start != start:
                    self._start, self._opened, self._idle = start, 0, []
                if self._idle:
                    return self._idle.pop()
                if self._opened < self._most:
                    try:
                        session = _Session(self._open(pin), start)
                    except token_errors.SessionCount:
                        if not self._opened:
                            raise
                        self._most = self._opened  # the token has no room for more
                        continue
                    self._opened += 1
                    return session
                if not self._free.wait(PATIENCE):
                    raise Retry(f"token {self.label!r} does not come back from what it is doing")

    def _give_back(self, session: _Session) -> None:
        with self._free:
            if session.start == self._start:
                self._idle.append(session)
            self._free.notify()

    def _open(self, pin: str | None) -> Any:
        """Another session; the first one logs in."""
        if self._opened:
            return self._found().open()
        self._refuse_again(pin)
        try:
            session = self._found().open(user_pin=pin)
        except (token_errors.PinIncorrect, token_errors.PinInvalid, token_errors.PinLenRange) as error:
            REFUSED.add(self._place, pin)
            raise Permanent(self._wrong()) from error
        except (token_errors.PinLocked, token_errors.PinExpired, token_errors.UserPinNotInitialized) as error:
            raise Permanent(
                f"the PIN of token {self.label!r} is locked, expired or not set: unlock it with the SO PIN"
            ) from error
        self._pin = pin
        return session

    def _refuse_again(self, pin: str | None) -> None:
        if REFUSED.holds(self._place, pin):
            raise Permanent(self._wrong())

    def _wrong(self) -> str:
        return (
            f"the PIN of token {self.label!r} is wrong; it is not tried again, lest the token lock itself: "
            "correct it in the secrets of songda.toml"
        )

    def _found(self) -> Any:
        """The token in whichever slot it is. Raises Permanent, or _Away."""
        library, path = self._module.library(), self._module.path
        try:
            return library.get_token(token_label=self.label)
        except token_errors.NoSuchToken as error:
            present = ", ".join(sorted(token.label for token in library.get_tokens())) or "none"
            raise _Away(f"no token {self.label!r} in any slot of {path} (present: {present}): plug it in") from error
        except token_errors.MultipleTokensReturned as error:
            raise Permanent(f"several tokens are labelled {self.label!r}: give them different labels") from error
        except pkcs11.PKCS11Error as error:
            raise _Away(f"token {self.label!r} cannot be opened: {told(error)}") from error


class _Away(Retry):
    """The token is not to be found, which starting its module anew may change."""


_MODULES: dict[str, Module] = {}
_TOKENS: dict[tuple[str, str], Token] = {}
_LOCK = Lock()


def token_of(module: str, label: str, sessions: int) -> Token:
    """The one `Token` of this process for that token of that module; `sessions` counts for the first who asks."""
    with _LOCK:
        loaded = _MODULES.setdefault(module, Module(module))
        return _TOKENS.setdefault((module, label), Token(loaded, label, sessions))
