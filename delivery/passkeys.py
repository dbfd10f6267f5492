"""Passkeys: what a browser is asked for, and whether its answer is right (Web Authentication, W3C).

No database here: challenges and keys come from the caller. Identifiers, keys and challenges are base64url, not padded.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    generate_challenge,
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

SECONDS: Final = 5 * 60
"""For how long a challenge can be answered."""

_LONGEST_ID: Final = 1023
"""Bytes of an identifier that a device may give a passkey (Web Authentication, 4)."""


class NotAccepted(Exception):
    """The answer is not accepted. The reason is for the log: whoever sent it learns nothing from it."""


@dataclass(frozen=True)
class RelyingParty:
    """What passkeys are made for: the host `id`, reached under `origin` (`https://host`, with any unusual port)."""

    id: str
    origin: str


@dataclass(frozen=True)
class Registered:
    """A passkey that a device has made."""

    credential_id: str
    public_key: str
    sign_count: int


def relying_party(public_url: str) -> RelyingParty | None:
    """The relying party of a system's address; None where browsers make no passkeys.

    They want a name, not an IP address, and https, except for this machine itself (`localhost`).
    """
    try:
        address = urlsplit(public_url)
        host, port = (address.hostname or "").encode("idna").decode("ascii"), address.port
    except ValueError:
        return None
    is_local = host == "localhost" or host.endswith(".localhost")
    if not host or _is_ip_address(host) or (address.scheme, is_local) not in _SECURE:
        return None
    usual = port in (None, {"https": 443, "http": 80}[address.scheme])
    return RelyingParty(host, f"{address.scheme}://{host}" + ("" if usual else f":{port}"))


_SECURE: Final = {("https", False), ("https", True), ("http", True)}


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def new_challenge() -> str:
    """512 random bits."""
    return bytes_to_base64url(generate_challenge())


# --- making one ------------------------------------------------------------------------------------------------------


def creation_options(
    party: RelyingParty, system: str, subject_id: str, login: str, person: str, known: Iterable[str], challenge: str
) -> str:
    """What the browser is to make, as JSON: a passkey that is found without a login and asks its user for proof.

    `known` are the identifiers of the passkeys that the subject has: a device that holds one makes no second one.
    """
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=system,
        user_id=subject_id.encode(),
        user_name=login,
        user_display_name=f"{login} · {person}" if person else login,
        challenge=base64url_to_bytes(challenge),
        timeout=SECONDS * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(base64url_to_bytes(each)) for each in known],
    )
    return options_to_json(options)


def registered(party: RelyingParty, answer: str, challenge: str) -> Registered:
    """The passkey of a browser's answer. Raises NotAccepted.

    Who made the device is not asked: an attestation is `none`, or the device's own signature (`packed`).
    """
    with _refusing():
        credential = parse_registration_credential_json(answer)
        _same_frame(credential.response.client_data_json)
        if parse_attestation_object(credential.response.attestation_object).fmt not in _ATTESTATIONS:
            raise NotAccepted("another kind of attestation")
        made = verify_registration_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
        if len(made.credential_id) > _LONGEST_ID:
            raise NotAccepted("the identifier is too long")
        decoded_public_key_to_cryptography(decode_credential_public_key(made.credential_public_key))
    public_key = bytes_to_base64url(made.credential_public_key)
    return Registered(bytes_to_base64url(made.credential_id), public_key, made.sign_count)


_ATTESTATIONS: Final = (AttestationFormat.NONE, AttestationFormat.PACKED)


# --- using one -------------------------------------------------------------------------------------------------------


def request_options(party: RelyingParty, challenge: str, verified: bool) -> str:
    """What the browser is to sign, as JSON; `verified`: the device has to ask its user for proof.

    No passkey is named: whoever asks learns neither whether a login exists nor what it has.
    """
    wanted = UserVerificationRequirement.REQUIRED if verified else UserVerificationRequirement.PREFERRED
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=base64url_to_bytes(challenge),
        timeout=SECONDS * 1000,
        user_verification=wanted,
    )
    return options_to_json(options)


def credential_of(answer: str) -> str:
    """The identifier of the passkey that an answer says to come from. Raises NotAccepted."""
    with _refusing():
        return bytes_to_base64url(parse_authentication_credential_json(answer).raw_id)


def asserted(party: RelyingParty, answer: str, challenge: str, public_key: str, subject_id: str, verified: bool) -> int:
    """The count that the device tells, if the answer is right. Raises NotAccepted.

    Whether the count went on is for the caller to see, after the signature: otherwise anybody could have a passkey
    doubted. `verified`: the device must have asked its user for proof.
    """
    with _refusing():
        credential = parse_authentication_credential_json(answer)
        _same_frame(credential.response.client_data_json)
        if credential.response.user_handle != subject_id.encode():
            raise NotAccepted("the user handle is another's, or missing")
        found = verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=base64url_to_bytes(public_key),
            credential_current_sign_count=0,
            require_user_verification=verified,
        )
    return found.new_sign_count


def _same_frame(client_data: bytes) -> None:
    """Our pages stand in no frame of another site. Raises NotAccepted."""
    told = json.loads(client_data)
    if not isinstance(told, dict) or told.get("crossOrigin") not in (None, False):
        raise NotAccepted("asked for in a frame of another site")


@contextmanager
def _refusing() -> Iterator[None]:
    """Whatever an answer has wrong is one refusal: the library passes on errors of its decoders as they are."""
    try:
        yield
    except (WebAuthnException, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise NotAccepted(f"{type(error).__name__}: {error}"[:200]) from error
