"""Which gateway sends SMS: chosen and checked by the settings, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from delivery.sms import TEMPLATES, RecordingGateway, SmsGateway
from delivery.sms_aliyun import ENDPOINT, AliyunGateway
from delivery.sms_http import HttpGateway
from delivery.standard_webhooks import secret_key

GATEWAYS: Final = ("recording", "aliyun", "http")
RECORDING: Final = GATEWAYS[0]
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class Misconfigured(ValueError):
    """A setting that keeps the gateway from sending: `setting` names it, the message shows no secret."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


class SmsSettings(Protocol):
    """The settings that a gateway is made of."""

    @property
    def home(self) -> Path: ...  # noqa: D102 - see the settings
    @property
    def sms_gateway(self) -> str: ...  # noqa: D102
    @property
    def sms_signature(self) -> str: ...  # noqa: D102
    @property
    def sms_url(self) -> str: ...  # noqa: D102
    @property
    def sms_key_id(self) -> str: ...  # noqa: D102
    @property
    def sms_secret(self) -> str: ...  # noqa: D102
    @property
    def sms_templates(self) -> Mapping[str, str]: ...  # noqa: D102


def gateway_of(settings: SmsSettings) -> SmsGateway:
    """The gateway that the settings name. Raises Misconfigured."""
    if settings.sms_gateway not in GATEWAYS:
        raise Misconfigured("sms_gateway", f"{settings.sms_gateway!r} is none of {', '.join(GATEWAYS)}")
    if settings.sms_gateway == RECORDING:
        return RecordingGateway(settings.home / "sms.jsonl")
    if not settings.sms_signature:
        raise Misconfigured("sms_signature", "the gateway needs the sender's name as it was approved")
    if not settings.sms_secret:
        raise Misconfigured("sms_secret", f"the gateway {settings.sms_gateway} needs it")
    if settings.sms_gateway == "http":
        try:
            key = secret_key(settings.sms_secret)
        except ValueError as error:
            raise Misconfigured("sms_secret", str(error)) from None
        return HttpGateway(_url(settings.sms_url, bare=False), key, settings.sms_signature)
    if not settings.sms_key_id:
        raise Misconfigured("sms_key_id", "the gateway aliyun needs an AccessKey ID")
    codes = _codes(settings.sms_templates)
    url = _url(settings.sms_url or ENDPOINT, bare=True).rstrip("/")
    return AliyunGateway(url, settings.sms_key_id, settings.sms_secret, settings.sms_signature, codes)


def _url(url: str, *, bare: bool) -> str:
    """The address, if what is sent there travels encrypted or stays on this host; `bare`: without a path."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        raise Misconfigured("sms_url", "this is no address") from None
    if not host or parts.username is not None or parts.fragment:
        raise Misconfigured("sms_url", "an address https://host/… without a name and password is needed")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        raise Misconfigured("sms_url", "it has to begin with https: (http only on this host itself)")
    if bare and (parts.path.strip("/") or parts.query):
        raise Misconfigured("sms_url", "the address of the gateway aliyun has no path")
    return url


def _codes(codes: Mapping[str, str]) -> Mapping[str, str]:
    if unknown := sorted(set(codes) - set(TEMPLATES)):
        raise Misconfigured("sms_templates", f"there is no template {unknown[0]!r}")
    if lacking := [name for name in TEMPLATES if not codes.get(name)]:
        raise Misconfigured("sms_templates", f"the operator's code is missing of: {', '.join(lacking)}")
    return codes
