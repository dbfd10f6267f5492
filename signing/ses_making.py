"""Makes electronic seals of GB/T 38540-2020, and signs with them. What may not sign does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import core, x509

from records.errors import Permanent
from signing import sm2
from signing.ses import (
    CERTIFICATES,
    GMT_0031_2014,
    INFO_2020,
    SEAL_2020,
    SIGNATURE_2020,
    TO_SIGN_2020,
    Picture,
    Seal,
    SesError,
    read_seal,
)
from signing.ses_soundness import load_certificate, may_use
from signing.sm2_trust import told_name

ORGANISATION, PERSON = 1, 2
_VERSION, _VENDOR, _BY_CERTIFICATE = 4, "SONGDA", 1


@dataclass(frozen=True)
class SealOrder:
    """What a seal is to be. `kind` is ORGANISATION or PERSON; `signers` are certificates (DER); times are aware."""

    identifier: str
    name: str
    picture: Picture
    signers: Sequence[bytes]
    valid_from: datetime
    valid_to: datetime
    kind: int = ORGANISATION


def make_seal(order: SealOrder, maker: sm2.Sm2Key, certificate: bytes, *, now: datetime | None = None) -> bytes:
    """The SESeal (DER) that `maker`, whose certificate is given as DER, makes to that order.

    Raises Permanent when the maker's key and certificate do not belong together or are not in force, when nobody may
    use the seal, or when its period is none.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    _refuse_unfit(maker, certificate, now)
    if not order.signers:
        raise Permanent(f"electronic seal {order.name}: a seal that nobody may use is not made")
    if order.valid_from >= order.valid_to:
        raise Permanent(f"electronic seal {order.name}: its period ends before it begins")
    picture = order.picture
    info = INFO_2020(
        {
            "header": {"ID": "ES", "version": _VERSION, "Vid": _VENDOR},
            "esID": order.identifier,
            "property": {
                "type": order.kind,
                "name": order.name,
                "certListType": _BY_CERTIFICATE,
                "certList": CERTIFICATES([core.OctetString(each) for each in order.signers]),
                "createDate": _time(now),
                "validStart": _time(order.valid_from),
                "validEnd": _time(order.valid_to),
            },
            "picture": {
                "type": picture.kind,
                "data": picture.data,
                "width": picture.width_mm,
                "height": picture.height_mm,
            },
        }
    )
    return _dumped(
        SEAL_2020(
            {
                "eSealInfo": info,
                "cert": certificate,
                "signAlgID": sm2.SM2_WITH_SM3,
                "signedValue": maker.sign(_dumped(info)),
            }
        )
    )


def sign_with_seal(
    seal: bytes, digest: bytes, signer: sm2.Sm2Key, certificate: bytes, *, place: str, now: datetime | None = None
) -> bytes:
    """A SES_Signature (DER) over `digest`, the SM3 of what is signed; `place` says in ASCII what that is.

    Raises Permanent when the seal cannot be read or was changed, is outside its period or does not name the
    certificate, and when key and certificate do not belong together or are not in force.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    check_use(seal, signer, certificate, now)
    if len(digest) != 32:
        raise Permanent("an electronic seal signs an SM3 digest of 32 bytes")
    to_sign = TO_SIGN_2020(
        {
            "version": _VERSION,
            "eseal": SEAL_2020.load(seal, strict=True),
            "timeInfo": _time(now),
            "dataHash": digest,
            "propertyInfo": place,
        }
    )
    return _dumped(
        SIGNATURE_2020(
            {
                "toSign": to_sign,
                "cert": certificate,
                "signatureAlgID": sm2.SM2_WITH_SM3,
                "signature": signer.sign(_dumped(to_sign)),
            }
        )
    )


def check_use(seal: bytes, signer: sm2.Sm2Key, certificate: bytes, now: datetime) -> Seal:
    """What the seal (DER) says of itself, if `signer` with this certificate may sign with it at `now` (aware).

    Raises Permanent as `sign_with_seal` does.
    """
    _refuse_unfit(signer, certificate, now)
    try:
        read = read_seal(seal)
        maker = load_certificate(read.signed.certificate)
    except (SesError, ValueError) as error:
        raise Permanent(f"the electronic seal cannot be read: {error}") from error
    if read.edition == GMT_0031_2014:
        raise Permanent(f"electronic seal {read.name}: it is of {read.edition}; such seals are read, not used")
    if not sm2.verify(maker.public_key.dump(), read.signed.signature, read.signed.content):
        raise Permanent(f"electronic seal {read.name}: its maker's signature does not fit; it was changed")
    if not read.valid_from <= now <= read.valid_to:
        raise Permanent(
            f"electronic seal {read.name}: valid from {read.valid_from:%Y-%m-%d} to {read.valid_to:%Y-%m-%d}"
        )
    if not may_use(read, certificate):
        raise Permanent(f"electronic seal {read.name}: does not name the certificate; a renewed one needs a new seal")
    return read


def _refuse_unfit(key: sm2.Sm2Key, der: bytes, now: datetime) -> None:
    try:
        certificate = load_certificate(der)
    except ValueError as error:
        raise Permanent(f"the certificate of the SM2 key cannot be read: {error}") from error
    if certificate.public_key.dump() != key.public_key:
        raise Permanent(f"certificate {told_name(certificate)}: the SM2 key is not its key")
    if not certificate.not_valid_before <= now <= certificate.not_valid_after:
        raise Permanent(f"certificate {told_name(certificate)}: not in force at this time")


def _time(moment: datetime) -> x509.Time:
    return x509.Time("general_time", core.GeneralizedTime(moment.astimezone(UTC).replace(microsecond=0)))


def _dumped(value: Any) -> bytes:
    der: bytes = value.dump()
    return der
