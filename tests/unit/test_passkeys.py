"""Passkeys: which answers of devices are accepted (Web Authentication, 7.1 and 7.2), and for which addresses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery import passkeys
from delivery.passkeys import NotAccepted, RelyingParty, relying_party
from tests.soft_passkey import PRESENT, SoftPasskey

PARTY = RelyingParty("ses.test", "https://ses.test")
SUBJECT = "acc_1"
CHALLENGE = passkeys.new_challenge()


def creation(challenge: str = CHALLENGE) -> dict[str, Any]:
    made = passkeys.creation_options(PARTY, "Songda", SUBJECT, "NEA-FLB", "王芳", [], challenge)
    options: dict[str, Any] = json.loads(made)
    return options


def request(verified: bool = True) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(passkeys.request_options(PARTY, CHALLENGE, verified))
    return options


@pytest.fixture
def device() -> SoftPasskey:
    made = SoftPasskey(PARTY.origin)
    made.make(creation())
    return made


@pytest.fixture
def public_key(device: SoftPasskey) -> str:
    return passkeys.registered(PARTY, device.make(creation()), CHALLENGE).public_key


@pytest.mark.parametrize(
    ("public_url", "party"),
    [
        ("https://ses.test", ("ses.test", "https://ses.test")),
        ("https://SES.test/", ("ses.test", "https://ses.test")),
        ("https://ses.test:443/x", ("ses.test", "https://ses.test")),
        ("https://ses.test:8443", ("ses.test", "https://ses.test:8443")),
        ("https://执法.test", ("xn--dqu15u.test", "https://xn--dqu15u.test")),
        ("http://localhost:8000", ("localhost", "http://localhost:8000")),
        ("http://songda.localhost", ("songda.localhost", "http://songda.localhost")),
        ("http://ses.test", None),
        ("http://127.0.0.1:8000", None),
        ("https://127.0.0.1", None),
        ("https://[::1]:8000", None),
        ("https://ses.test:x", None),
        ("ftp://localhost", None),
        ("", None),
    ],
)
def test_passkeys_are_for_names_reached_by_https_or_this_machine(
    public_url: str, party: tuple[str, str] | None
) -> None:
    found = relying_party(public_url)
    assert (found and (found.id, found.origin)) == party


def test_a_passkey_is_asked_for_that_is_found_without_a_login_and_whose_user_is_proved() -> None:
    options = creation()
    chosen = options["authenticatorSelection"]
    assert (chosen["residentKey"], chosen["userVerification"]) == ("required", "required")
    assert options["attestation"] == "none"
    assert request(verified=True)["userVerification"] == "required"
    assert request(verified=False)["userVerification"] == "preferred"
    assert request()["allowCredentials"] == [], "who asks learns of no passkey, and so of no login"


def test_a_device_is_accepted_and_its_key_verifies_its_signatures(device: SoftPasskey, public_key: str) -> None:
    answer = device.use(request())
    assert passkeys.credential_of(answer) == device.id
    assert passkeys.asserted(PARTY, answer, CHALLENGE, public_key, SUBJECT, verified=True) == device.count == 1


@pytest.mark.parametrize(
    ("how", "changes"),
    [
        ({"origin": "https://ses.test.evil.example"}, {}),
        ({"origin": "http://ses.test"}, {}),
        ({"type": "webauthn.get"}, {}),
        ({"challenge": passkeys.new_challenge()}, {}),
        ({"crossOrigin": True}, {}),
        ({"flags": PRESENT}, {}),
        ({"flags": 0x04}, {}),
        ({"fmt": "android-safetynet"}, {}),
        ({"fmt": "packed"}, {}),
        ({}, {"rp_id": "evil.example"}),
        ({}, {"credential_id": b"x" * 1024}),
    ],
)
def test_7_1_a_passkey_made_elsewhere_or_otherwise_is_refused(how: dict[str, Any], changes: dict[str, Any]) -> None:
    device = SoftPasskey(PARTY.origin, **changes)
    with pytest.raises(NotAccepted):
        passkeys.registered(PARTY, device.make(creation(), **how), CHALLENGE)


@pytest.mark.parametrize(
    ("how", "changes"),
    [
        ({"origin": "https://evil.example"}, {}),
        ({"type": "webauthn.create"}, {}),
        ({"challenge": passkeys.new_challenge()}, {}),
        ({"crossOrigin": True}, {}),
        ({"flags": PRESENT}, {}),
        ({"flags": 0x04}, {}),
        ({}, {"rp_id": "evil.example"}),
        ({}, {"user_handle": b"acc_2"}),
        ({}, {"user_handle": b""}),
        ({}, {"key": SoftPasskey("").key}),
    ],
)
def test_7_2_an_answer_for_elsewhere_or_by_somebody_else_is_refused(
    device: SoftPasskey, public_key: str, how: dict[str, Any], changes: dict[str, Any]
) -> None:
    for name, value in changes.items():
        setattr(device, name, value)
    with pytest.raises(NotAccepted):
        passkeys.asserted(PARTY, device.use(request(), **how), CHALLENGE, public_key, SUBJECT, verified=True)


def test_presence_is_enough_where_the_password_was_right(device: SoftPasskey, public_key: str) -> None:
    answer = device.use(request(verified=False), flags=PRESENT)
    assert passkeys.asserted(PARTY, answer, CHALLENGE, public_key, SUBJECT, verified=False) == 1


def test_a_signature_over_anything_else_is_refused(device: SoftPasskey, public_key: str) -> None:
    answer = json.loads(device.use(request()))
    other = json.loads(device.use(request()))
    answer["response"]["signature"] = other["response"]["signature"]
    with pytest.raises(NotAccepted):
        passkeys.asserted(PARTY, json.dumps(answer), CHALLENGE, public_key, SUBJECT, verified=True)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=5,
)
_RESPONSE = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("clientDataJSON", "attestationObject", "authenticatorData", "signature"), _JSON)
)
_ANSWER = st.fixed_dictionaries(
    {"id": _JSON, "rawId": _JSON, "type": st.just("public-key") | _JSON, "response": _RESPONSE | _JSON}
)


@given(answer=_ANSWER.map(json.dumps) | _JSON.map(json.dumps) | st.text() | st.just("[" * 100_000))
def test_whatever_is_sent_is_refused_and_breaks_nothing(answer: str) -> None:
    for attempt in (
        lambda: passkeys.registered(PARTY, answer, CHALLENGE),
        lambda: passkeys.asserted(PARTY, answer, CHALLENGE, "pQEC", SUBJECT, verified=True),
    ):
        with pytest.raises(NotAccepted):
            attempt()


@given(data=st.data(), fault=st.binary(min_size=1, max_size=8))
def test_a_damaged_answer_is_refused_and_breaks_nothing(data: st.DataObject, fault: bytes) -> None:
    device = SoftPasskey(PARTY.origin)
    made = json.loads(device.make(creation()))
    field = data.draw(st.sampled_from(["attestationObject", "clientDataJSON"]))
    whole = passkeys.base64url_to_bytes(made["response"][field])
    at = data.draw(st.integers(0, len(whole) - len(fault)))
    made["response"][field] = passkeys.bytes_to_base64url(whole[:at] + fault + whole[at + len(fault) :])
    try:
        passkeys.registered(PARTY, json.dumps(made), CHALLENGE)
    except NotAccepted:
        return  # anything else that it raises fails the test
