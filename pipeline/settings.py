"""Settings: one frozen object, from `songda.toml` in the home folder and then the environment.

Each field `x` is read from `SONGDA_X`, else from the file's key `x`, else it has the default below.
"""

from __future__ import annotations

import json
import logging
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from threading import Lock
from typing import Any

from delivery.sms_gateways import Misconfigured, gateway_of

_log = logging.getLogger(__name__)


class BadSetting(ValueError):
    """A setting that cannot be read; the message names it."""


@dataclass(frozen=True)
class Settings:
    """Everything that differs between two installations. Times are seconds."""

    home: Path
    database_url: str = ""  # default: SQLite in the home folder
    redis_url: str = ""  # empty: in-process brokers
    store_url: str = ""  # default: a folder in the home folder
    public_url: str = "http://127.0.0.1:8000"  # what links in mails and QR codes begin with
    tsa_urls: tuple[str, ...] = ()  # in order of preference
    trust_list: str = ""  # trusted roots; default: trust.json in the home folder
    token_sessions: int = 4  # with each PKCS#11 token, for each process
    revocation_seconds: float = 300.0  # for how long an OCSP answer or a CRL is used again
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 25
    smtp_user: str = ""
    smtp_password: str = field(default="", repr=False)
    smtp_starttls: bool = False
    mail_url: str = ""  # where the mails of a TEST system can be read; the pages then link to it
    mail_from: str = "songda@localhost.localdomain"
    sms_gateway: str = "recording"  # which sends nothing; or "aliyun", "http"
    sms_signature: str = "民航监管执法"  # the sender's name in an SMS (签名), as approved by the operator
    sms_url: str = ""  # of the gateway; default of aliyun: the operator's own
    sms_key_id: str = ""  # of aliyun: the AccessKey ID
    sms_secret: str = field(default="", repr=False)  # of aliyun: the AccessKey secret; of http: whsec_…
    sms_templates: Mapping[str, str] = field(default_factory=dict)  # of aliyun: our template to the operator's code
    workers: int = 2
    threads: int = 4  # per worker
    lease_seconds: float = 60.0
    max_attempts: int = 12
    renewal_days: int = 400  # before a sealed file's proof ends it is renewed
    host: str = "127.0.0.1"
    port: int = 8000
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  # of each seal id's key

    @property
    def is_distributed(self) -> bool:
        """Whether messages go through Redis or Valkey."""
        return bool(self.redis_url)


#: What a value has to be at least, for a system that works.
_LEAST: Mapping[str, float] = {
    **dict.fromkeys(("workers", "threads", "lease_seconds", "max_attempts", "renewal_days", "token_sessions"), 1),
    **dict.fromkeys(("port", "revocation_seconds"), 0),
}
#: And at most: a seal put on so long after a revocation may still carry the earlier answer.
_MOST: Mapping[str, float] = {"revocation_seconds": 300}
_TRUTH = {"1": True, "true": True, "0": False, "false": False}


def _convert(name: str, kind: str, value: Any) -> Any:
    """A value of the file or (always a text) of the environment as the field wants it. Raises BadSetting."""
    try:
        converted = _converters()[kind.partition("[")[0]](value)
    except (ValueError, KeyError, TypeError) as error:
        shown = "the value" if "secret" in name or "password" in name else repr(value)
        raise BadSetting(f"setting {name!r}: {shown} is not a {kind}") from error
    if name in _LEAST and not converted >= _LEAST[name]:
        raise BadSetting(f"setting {name!r}: {value!r} is less than {_LEAST[name]}")
    if name in _MOST and not converted <= _MOST[name]:
        raise BadSetting(f"setting {name!r}: {value!r} is more than {_MOST[name]}")
    return converted


def _converters() -> Mapping[str, Callable[[Any], Any]]:
    return {
        "bool": lambda value: value if isinstance(value, bool) else _TRUTH[_text(value).lower()],
        "int": lambda value: int(value if type(value) is int else _text(value)),
        "float": lambda value: float(value if type(value) in (int, float) else _text(value)),
        "str": _text,
        "tuple": lambda value: tuple(value.split() if isinstance(value, str) else map(_text, value)),
        "Mapping": lambda value: {key: _secret(each) for key, each in dict(value).items()},
    }


def _secret(value: Any) -> str:
    """A secret is a text; a table of several (those of a remote key) becomes its JSON."""
    return json.dumps({key: _text(each) for key, each in value.items()}) if isinstance(value, dict) else _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is expected")
    return value


def load(home: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the installation in `home` (default: SONGDA_HOME, else `var/songda` here).

    Raises BadSetting for a file that is no TOML, an unknown key of it, or a value that does not fit.
    """
    home = (home or Path(environment.get("SONGDA_HOME") or "var/songda")).resolve()
    file = home / "songda.toml"
    try:
        written: dict[str, Any] = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
    except ValueError as error:  # not TOML, or not UTF-8; TOML's own message shows no value
        raise BadSetting(f"{file}: {error}") from error
    known = {entry.name: str(entry.type) for entry in fields(Settings) if entry.name != "home"}
    if unknown := sorted(set(written) - set(known)):
        raise BadSetting(f"{file}: unknown setting {unknown[0]!r}")
    given = written | {
        name: environment[f"SONGDA_{name.upper()}"] for name in known if f"SONGDA_{name.upper()}" in environment
    }
    values = {name: _convert(name, known[name], value) for name, value in given.items()}
    values.setdefault("database_url", f"sqlite:///{home}/songda.db")
    values.setdefault("store_url", f"file://{home}/store")
    values.setdefault("trust_list", f"{home}/trust.json")
    settings = Settings(home=home, **values)
    try:
        gateway_of(settings)
    except Misconfigured as error:
        raise BadSetting(f"setting {error.setting!r}: {error}") from error
    return settings


class CurrentSettings:
    """The settings of a running process: secrets and time stamp authorities as they stand in `songda.toml` now.

    All others are those of the start. A file that cannot be read changes nothing, and the log tells why.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = settings.home / "songda.toml"
        self._seen = self._stamp()
        self._lock = Lock()

    def now(self) -> Settings:
        """The settings; costs one look at the file."""
        with self._lock:
            stamp = self._stamp()
            if stamp not in (self._seen, None):
                self._seen = stamp
                self._read()
            return self._settings

    def _stamp(self) -> tuple[int, ...] | None:
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> None:
        try:
            fresh = load(self._settings.home)
        except (BadSetting, OSError) as error:
            _log.warning("the changed settings are not taken: %s", error)
            return
        self._settings = replace(self._settings, secrets=fresh.secrets, tsa_urls=fresh.tsa_urls)
