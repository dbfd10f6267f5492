"""Alibaba Cloud SMS (阿里云短信服务): `SendSms` of the API version 2017-05-25, signed with ACS3-HMAC-SHA256.

Source: Alibaba Cloud, "Request syntax and signature method V3" and "SendSms"; checked against its own SDK
(docs/decisions/0020). The API takes the number and the parameters in the query: neither the address of a request nor
the text of an answer, which may repeat the number, stands in an error or a log.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

from delivery.sms import checked_phone, sms_text
from delivery.sms_http import post
from records.errors import Ambiguous, Permanent, Retry
from signing.answers import Answer

ENDPOINT: Final = "https://dysmsapi.aliyuncs.com"
_METHOD: Final = "ACS3-HMAC-SHA256"

#: Seconds until a number, or the account, that has had its share is tried again.
_LIMIT_PAUSE: Final = 120.0
_LIMITS: Final = frozenset({"isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL", "isv.MONTH_LIMIT_CONTROL"})
#: What is wrong with the account, or with the service, and not with this message: somebody mends it.
_NOT_THE_MESSAGE: Final = frozenset(
    {
        "isp.RAM_PERMISSION_DENY",
        "isp.SYSTEM_ERROR",
        "isv.ACCOUNT_ABNORMAL",
        "isv.ACCOUNT_NOT_EXISTS",
        "isv.AMOUNT_NOT_ENOUGH",
        "isv.DENY_IP_RANGE",
        "isv.OUT_OF_SERVICE",
        "isv.PRODUCT_UN_SUBSCRIPT",
        "isv.PRODUCT_UNSUBSCRIBE",
    }
)
_CODE: Final = re.compile(r"[A-Za-z0-9._-]{1,80}")


def authorization(
    key_id: str, secret: str, method: str, path: str, query: str, headers: Mapping[str, str], digest: str
) -> str:
    """The `Authorization` header of a request; `query` is sorted and encoded, `headers` are all that are signed.

    `digest` is the SHA-256 of the body in hexadecimal.
    """
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    canonical = "\n".join((method, path, query, lines, names, digest))
    to_sign = f"{_METHOD}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(secret.encode(), to_sign.encode(), "sha256").hex()
    return f"{_METHOD} Credential={key_id},SignedHeaders={names},Signature={signature}"


class AliyunGateway:
    """Sends by the codes under which the operator approved our texts: `codes` has one for each of our templates."""

    repeats = False  # the API knows no idempotency key: sent again is received again

    def __init__(self, url: str, key_id: str, secret: str, sign: str, codes: Mapping[str, str]) -> None:
        self._url, self._key_id, self._secret = url, key_id, secret
        self._sign, self._codes = sign, codes

    def send(self, out_id: str, phone: str, template: str, params: Mapping[str, str]) -> str:
        """See `SmsGateway.send`. The operator puts the signature before the text, so it is no parameter."""
        sms_text(template, params)  # what could not be a message of ours is none of the operator's either
        filled = {name: value for name, value in params.items() if name != "system"}
        asked = {
            "PhoneNumbers": checked_phone(phone).removeprefix("+"),
            "SignName": self._sign,
            "TemplateCode": self._codes[template],
            "TemplateParam": json.dumps(filled, ensure_ascii=False, sort_keys=True),
            "OutId": out_id,
        }
        return _outcome(self._ask(asked))

    def _ask(self, asked: Mapping[str, str]) -> Answer:
        query = "&".join(f"{quote(name, safe='~')}={quote(asked[name], safe='~')}" for name in sorted(asked))
        digest = hashlib.sha256(b"").hexdigest()
        headers = {
            "host": urlsplit(self._url).netloc,
            "x-acs-action": "SendSms",
            "x-acs-version": "2017-05-25",
            "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": secrets.token_hex(16),
            "x-acs-content-sha256": digest,
        }
        signed = authorization(self._key_id, self._secret, "POST", "/", query, headers, digest)
        return post(f"{self._url}/?{query}", b"", headers | {"authorization": signed, "accept": "application/json"})


def _outcome(answer: Answer) -> str:
    """What an answer means: the operator's id of the message, or Retry, Permanent, Ambiguous."""
    try:
        value: Any = json.loads(answer.body)
        code = str(value["Code"])
    except (ValueError, KeyError, TypeError):
        code, value = "", {}
    told = f"Alibaba Cloud answered HTTP {answer.status} {code if _CODE.fullmatch(code) else ''}".rstrip()
    if code == "OK" and answer.status == 200:
        sent = str(value.get("BizId", ""))
        return f"taken by Alibaba Cloud: {sent if re.fullmatch(r'[0-9^]{1,60}', sent) else 'without an id'}"
    if code in _LIMITS:
        raise Retry(told, after_seconds=_LIMIT_PAUSE)
    if code in _NOT_THE_MESSAGE or code.startswith("Throttling") or answer.status in (429, 503):
        raise Retry(told)
    if code.startswith(("isv.", "isp.")):
        raise Permanent(told)
    if 400 <= answer.status < 500:  # the request was not let in: the key, its rights, the clock of this host
        raise Retry(told)
    raise Ambiguous(told)
