"""PKCS#11 modules of this process: started for several threads, and started anew when a token was pulled.

python-pkcs11 starts a module by C_Initialize(NULL), which promises that one thread at a time calls it (PKCS#11 v2.40
§5.4); SoftHSM2 then goes without locks, and two threads crash it. So modules are started here, with CKF_OS_LOCKING_OK.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Condition, Lock
from time import monotonic
from typing import Any

import pkcs11
from pkcs11 import _pkcs11

from records.errors import Permanent, Retry

#: Seconds between two starts of a module: however many documents wait for a token, it isn't kept busy with that.
_BETWEEN_STARTS = 1.0
#: Seconds until a call into a module that does not come back is no longer waited for.
PATIENCE = 30.0

_OS_LOCKING_OK = 2
_OK, _CANT_LOCK, _NOT_INITIALIZED, _ALREADY_INITIALIZED = 0, 0x0A, 0x190, 0x191


class _Arguments(ctypes.Structure):
    """CK_C_INITIALIZE_ARGS."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("create", "destroy", "lock", "unlock")),
        ("flags", ctypes.c_ulong),
        ("reserved", ctypes.c_void_p),
    )


class _Functions(ctypes.Structure):
    """The beginning of CK_FUNCTION_LIST."""

    _fields_ = (
        ("version", ctypes.c_ubyte * 2),
        ("initialize", ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)),
        ("finalize", ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)),
    )


class _Library(_pkcs11.lib):
    """python-pkcs11's module, started and ended by us. `locks`: whether it takes calls of several threads."""

    locks = True

    def _functions(self) -> Any:
        functions = ctypes.POINTER(_Functions)()
        if ctypes.CDLL(self.so).C_GetFunctionList(ctypes.byref(functions)) != _OK:
            raise pkcs11.PKCS11Error("C_GetFunctionList fails")
        return functions.contents

    def initialize(self) -> None:
        """Start the module; for one thread if it knows no other way."""
        initialize = self._functions().initialize
        arguments = _Arguments(flags=_OS_LOCKING_OK)  # held by its name until the call is over
        told = initialize(ctypes.addressof(arguments))
        if told == _CANT_LOCK:
            self.locks, told = False, initialize(None)
        if told not in (_OK, _ALREADY_INITIALIZED):
            raise pkcs11.PKCS11Error(f"C_Initialize gives {told:#x}")

    def finalize(self) -> None:
        """End the module: every session is gone, and so is the login."""
        if (told := self._functions().finalize(None)) not in (_OK, _NOT_INITIALIZED):
            raise pkcs11.PKCS11Error(f"C_Finalize gives {told:#x}")


class Module:
    """One PKCS#11 module of this process. Calls into it and starting it anew exclude each other.

    `start` counts its starts: what was opened under another number is gone.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.start = 0
        self._library: Any = None
        self._inside = 0
        self._starting = False
        self._started_at = -_BETWEEN_STARTS
        self._changed = Condition()
        self._one = Lock()

    def library(self) -> Any:
        """python-pkcs11's object of the module, started; for use inside of `call`. Raises Permanent or Retry."""
        with self._changed:
            if self._library is None:
                if not Path(self.path).exists():
                    raise Permanent(
                        f"PKCS#11 module {self.path} is not there: install the token's driver or correct module-path"
                    )
                try:
                    self._library = _Library(self.path)
                except (pkcs11.PKCS11Error, OSError) as error:
                    raise Retry(f"PKCS#11 module {self.path} does not start: {told(error)}") from error
            return self._library

    @contextmanager
    def call(self) -> Iterator[int]:
        """Keep the module as it is while the block runs; gives the number of its start."""
        with self._changed:
            self._changed.wait_for(lambda: not self._starting)
            self._inside += 1
        try:
            yield self.start
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def turn(self) -> Any:
        """A context for one operation: alone, if the module takes calls of one thread only."""
        return nullcontext() if self._library is None or self._library.locks else self._one

    def start_anew(self, seen: int) -> bool:
        """Start the module anew unless that was done since `seen`; False when it was only just done before."""
        with self._changed:
            self._changed.wait_for(lambda: not self._starting)
            if self.start != seen:
                return True
            if monotonic() < self._started_at + _BETWEEN_STARTS:
                return False
            self._starting = True
            try:
                if not self._changed.wait_for(lambda: not self._inside, PATIENCE):
                    raise Retry(f"calls into {self.path} do not come back: look after the token and its driver")
                self._restart()
            finally:
                self._starting = False
                self._started_at = monotonic()
                self._changed.notify_all()
            return True

    def _restart(self) -> None:
        self.start += 1
        if self._library is None:
            return
        try:
            self._library.finalize()
            self._library.initialize()
        except (pkcs11.PKCS11Error, OSError) as error:
            raise Retry(f"PKCS#11 module {self.path} does not start: {told(error)}") from error


def told(error: Exception) -> str:
    """An error of a module in words."""
    return f"{type(error).__name__} {error}".strip()
