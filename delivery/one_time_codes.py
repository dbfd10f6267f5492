"""Codes of authenticator apps: time-based one-time passwords of six digits, 30 seconds each (RFC 6238)."""

from __future__ import annotations

import hmac
import io
from datetime import datetime
from typing import Final

import pyotp
import segno

SECONDS: Final = 30
_ISSUER: Final = "Songda"


def new_secret() -> str:
    """160 random bits in base32, the length that RFC 4226 recommends."""
    return pyotp.random_base32()


def step_of(secret: str, code: str, at: datetime) -> int | None:
    """The time step whose code this is: the present one, or one before or after it, for clocks that differ; else None.

    `at` is the database's time (aware): how a clock of a TEST system is set makes no difference to an app.
    """
    typed = "".join(code.split())
    if not (typed.isascii() and typed.isdigit() and len(typed) == 6):
        return None
    codes, present = pyotp.TOTP(secret), int(at.timestamp()) // SECONDS
    for step in (present, present - 1, present + 1):
        if hmac.compare_digest(codes.generate_otp(step), typed):
            return step
    return None


def issuer(test: bool) -> str:
    """What apps and devices call this system."""
    return f"{_ISSUER} TEST" if test else _ISSUER


def uri(secret: str, login: str, test: bool) -> str:
    """The address that an app reads from a QR code (Key URI format)."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer(test))


def picture(address: str) -> bytes:
    """The QR code of an address, as an SVG file."""
    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", scale=5, border=4)
    return out.getvalue()
