"""SMS gateways over real HTTP: signed, each answer understood, and nothing of the message in an error."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from delivery import sms_http
from delivery.sms import TEMPLATES, SmsGateway
from delivery.sms_aliyun import authorization
from delivery.sms_gateways import gateway_of
from delivery.standard_webhooks import secret_key, signed_headers
from pipeline.settings import Settings
from records import logs
from records.errors import Ambiguous, Permanent, Retry
from tests.servers import free_port
from tests.sms_operators import CODES, SIGN, Operator, operator

PHONE = "13800138000"
DAYS = {"system": SIGN, "day_zh": "二〇二六年十一月二十六日", "day_en": "26 November 2026"}
CODE = {"system": SIGN, "code": "135790", "minutes": "10"}


@pytest.fixture(params=["aliyun", "http"])
def house(request: pytest.FixtureRequest) -> Iterator[Operator]:
    with operator(request.param) as state:
        yield state


@pytest.fixture
def aliyun() -> Iterator[Operator]:
    with operator("aliyun") as state:
        yield state


@pytest.fixture
def http() -> Iterator[Operator]:
    with operator("http") as state:
        yield state


def gateway(house: Operator, **other: Any) -> SmsGateway:
    return gateway_of(Settings(home=Path("/nowhere"), **(house.settings() | other)))


def send(house: Operator, template: str = "confirm-in-time", params: Mapping[str, str] = DAYS) -> str:
    return gateway(house).send("ntc_1", PHONE, template, params)


def test_alibaba_cloud_gets_its_template_code_the_parameters_and_our_out_id(aliyun: Operator) -> None:
    assert send(aliyun) == "taken by Alibaba Cloud: 9006^0"
    (asked,) = aliyun.requests
    assert (asked["action"], asked["version"]) == ("SendSms", "2017-05-25")
    assert (asked["PhoneNumbers"], asked["SignName"], asked["OutId"]) == (PHONE, SIGN, "ntc_1")
    assert asked["TemplateCode"] == CODES["confirm-in-time"]
    assert json.loads(asked["TemplateParam"]) == {"day_zh": DAYS["day_zh"], "day_en": DAYS["day_en"]}


def test_every_template_has_a_code_of_its_own_there(aliyun: Operator) -> None:
    values = DAYS | CODE | {"number": "20261122-ABCDEFG", "login": "NEA-FLB", "days": "7"}
    for template in TEMPLATES:
        send(aliyun, template, values)
    assert [each["TemplateCode"] for each in aliyun.requests] == list(CODES.values())


def test_a_gateway_of_ones_own_gets_the_whole_text_signed(http: Operator) -> None:
    assert send(http) == "taken by the gateway: HTTP 202"
    (asked,) = http.requests
    assert (asked["out_id"], asked["webhook-id"], asked["phone"], asked["sign"]) == ("ntc_1", "ntc_1", PHONE, SIGN)
    assert (asked["target"], asked["template"]) == ("/sms", "confirm-in-time")
    assert asked["text"].startswith(f"【{SIGN}】贵单位账号中") and "system" not in asked["params"]


def test_standard_webhooks_the_example_of_the_specification_has_this_signature() -> None:
    key = secret_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_acs3_the_fixed_example_of_alibaba_cloud_has_this_signature() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": empty,
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    query = "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai"
    made = authorization("YourAccessKeyId", "YourAccessKeySecret", "POST", "/", query, headers, empty)
    assert made.endswith("Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0")


def test_acs3_the_operators_own_sdk_signs_the_same() -> None:
    """Made by `Utils.get_authorization` of alibabacloud-tea-openapi 0.4.6 for a message with Chinese and blanks."""
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    headers = {
        "host": "dysmsapi.aliyuncs.com",
        "x-acs-action": "SendSms",
        "x-acs-content-sha256": empty,
        "x-acs-date": "2026-11-22T02:00:00Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2017-05-25",
    }
    query = str(
        httpx2.QueryParams(
            {
                "OutId": "ntc_1",
                "PhoneNumbers": PHONE,
                "SignName": SIGN,
                "TemplateCode": "SMS_1",
                "TemplateParam": '{"day_en":"26 November 2026","day_zh":"二〇二六年十一月二十六日"}',
            }
        )
    ).replace("+", "%20")
    made = authorization("YourAccessKeyId", "YourAccessKeySecret", "POST", "/", query, headers, empty)
    assert made.endswith("Signature=3e2e814b2fc36f37ecf9ca44aeb3c10969ce499e68cbcbc3e8e01cbf2b75580a")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (200, "isv.BUSINESS_LIMIT_CONTROL", Retry),
        (200, "isv.DAY_LIMIT_CONTROL", Retry),
        (200, "isv.AMOUNT_NOT_ENOUGH", Retry),
        (200, "isp.RAM_PERMISSION_DENY", Retry),
        (400, "Throttling.User", Retry),
        (404, "InvalidAccessKeyId.NotFound", Retry),
        (400, "InvalidTimeStamp.Expired", Retry),
        (503, "ServiceUnavailable", Retry),
        (200, "isv.MOBILE_NUMBER_ILLEGAL", Permanent),
        (200, "isv.SMS_TEMPLATE_ILLEGAL", Permanent),
        (200, "isv.SMS_SIGNATURE_ILLEGAL", Permanent),
        (200, "isv.SOMETHING_NEW", Permanent),
        (500, "InternalError", Ambiguous),
        (200, "SomethingElse", Ambiguous),
    ],
)
def test_each_answer_of_alibaba_cloud_is_understood_and_its_words_are_not_kept(
    aliyun: Operator, status: int, code: str, kind: type[Exception]
) -> None:
    aliyun.answer = status, {"Code": code, "Message": f"{PHONE} is wrong", "RequestId": "r"}
    with pytest.raises(kind) as raised:
        send(aliyun)
    assert code in str(raised.value) and PHONE not in str(raised.value)


def test_a_number_that_had_its_share_is_not_tried_again_at_once(aliyun: Operator) -> None:
    aliyun.answer = 200, {"Code": "isv.BUSINESS_LIMIT_CONTROL"}
    with pytest.raises(Retry) as raised:
        send(aliyun)
    assert raised.value.after_seconds and raised.value.after_seconds >= 60


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"OK"', b"x" * 70_000])
def test_an_answer_that_nobody_can_read_is_ambiguous(aliyun: Operator, body: bytes) -> None:
    aliyun.answer = 200, body
    with pytest.raises(Ambiguous):
        send(aliyun)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, Retry) for status in (401, 403, 408, 429, 500, 503)),
        *((status, Permanent) for status in (301, 400, 404, 422)),
    ],
)
def test_each_answer_of_a_gateway_of_ones_own_is_understood(http: Operator, status: int, kind: type[Exception]) -> None:
    http.answer = status, {"error": PHONE}
    with pytest.raises(kind, match=f"HTTP {status}") as raised:
        send(http)
    assert PHONE not in str(raised.value)


def test_a_wrong_secret_is_seen_by_the_gateway_and_tried_again(house: Operator) -> None:
    other = "whsec_" + "QUJD" * 8 if house.kind == "http" else "another"
    with pytest.raises(Retry):
        gateway(house, sms_secret=other).send("ntc_1", PHONE, "confirm-in-time", DAYS)
    assert house.sent == {}


def test_a_gateway_that_is_not_there_has_got_nothing(house: Operator) -> None:
    house.port = free_port()
    with pytest.raises(Retry, match="cannot be reached"):
        send(house)


def test_a_connection_that_breaks_after_the_request_is_ambiguous(house: Operator) -> None:
    house.answer = None
    with pytest.raises(Ambiguous):
        send(house)
    assert len(house.requests) == 1


def test_an_answer_that_does_not_come_in_time_is_ambiguous(house: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    house.slow = 1.0
    with httpx2.Client(timeout=0.2) as impatient:
        monkeypatch.setattr(sms_http, "_client", lambda: impatient)
        with pytest.raises(Ambiguous, match="ReadTimeout"):
            send(house)


def test_what_is_no_message_of_ours_does_not_leave_the_house(house: Operator) -> None:
    for phone, template, params in ((PHONE, "password", DAYS), ("1380013800x", "served", DAYS), (PHONE, "served", {})):
        with pytest.raises(Permanent):
            gateway(house).send("ntc_1", phone, template, params)
    assert house.requests == []


def test_no_number_and_no_code_stands_in_the_log_however_much_it_tells(
    house: Operator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SONGDA_LOG", "DEBUG")
    before = {name: logging.getLogger(name).level for name in ("httpx2", "httpcore2")}
    try:
        logs.configure()
        with caplog.at_level(logging.DEBUG):
            send(house, "register-code", CODE)
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
    assert len(house.requests) == 1
    assert PHONE not in caplog.text and CODE["code"] not in caplog.text
