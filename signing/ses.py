"""Electronic seals and the signatures made with them: the ASN.1 of China's standards, read into plain values.

GM/T 0031-2014, GB/T 38540-2020 and GM/T 0031-2025 are told apart by their shape. Reading proves nothing;
`ses_verification` does. What was signed is kept as the bytes that stood in the file, never encoded anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from asn1crypto import core, parser, x509

from signing.sm2 import SM2_WITH_SM3

GMT_0031_2014 = "GM/T 0031-2014"
GBT_38540_2020 = "GB/T 38540-2020"
GMT_0031_2025 = "GM/T 0031-2025"

_LARGEST = 16 * 1024 * 1024  # bytes of a seal; pictures of real ones have some ten thousand
_BEIJING = timezone(timedelta(hours=8))
_TEXT_TIME = re.compile(rb"(\d{14})Z")
# SM2 digital signature (GM/T 0006 table A.1) is what some makers write in place of SM2-with-SM3: they do the same
ALGORITHMS = frozenset({SM2_WITH_SM3, "1.2.156.10197.1.301.1"})


class SesError(ValueError):
    """The bytes are no electronic seal, or no signature made with one."""


def _sequence(name: str, *fields: tuple[Any, ...]) -> Any:
    """An ASN.1 SEQUENCE with these fields; asn1crypto wants a class for each."""
    return type(name, (core.Sequence,), {"_fields": list(fields)})


def _sequence_of(name: str, kind: Any) -> Any:
    return type(name, (core.SequenceOf,), {"_child_spec": kind})


_OPTIONAL = {"optional": True}
_TAGGED = {"explicit": 0, "optional": True}
_PERIOD = (("createDate", x509.Time), ("validStart", x509.Time), ("validEnd", x509.Time))

HEADER = _sequence("SES_Header", ("ID", core.IA5String), ("version", core.Integer), ("Vid", core.IA5String))
PICTURE = _sequence(
    "SES_ESPictrueInfo",  # so spelt in the standard
    ("type", core.IA5String),
    ("data", core.OctetString),
    ("width", core.Integer),
    ("height", core.Integer),
)
CERTIFICATES = _sequence_of("CertInfoList", core.OctetString)
_DIGEST = _sequence("CertDigestObj", ("type", core.PrintableString), ("value", core.OctetString))
DIGESTS = _sequence_of("CertDigestList", _DIGEST)
_NAMED = (("type", core.Integer), ("name", core.UTF8String))
_PROPERTY_2014 = _sequence("SES_ESPropertyInfo", *_NAMED, ("certList", CERTIFICATES), *_PERIOD)
_PROPERTY_2020 = _sequence(
    "SES_ESPropertyInfo", *_NAMED, ("certListType", core.Integer), ("certList", core.Any), *_PERIOD
)


def _info(property_info: Any) -> Any:
    """SES_SealInfo. What its extensions mean is between the makers: they are signed, and not read here."""
    return _sequence(
        "SES_SealInfo",
        ("header", HEADER),
        ("esID", core.IA5String),
        ("property", property_info),
        ("picture", PICTURE),
        ("extDatas", core.Any, _OPTIONAL),
    )


INFO_2014, INFO_2020 = _info(_PROPERTY_2014), _info(_PROPERTY_2020)
SIGN_INFO_2014 = _sequence(
    "SES_SignInfo",
    ("cert", core.OctetString),
    ("signatureAlgorithm", core.ObjectIdentifier),
    ("signData", core.OctetBitString),
)
SEAL_2014 = _sequence("SESeal", ("esealInfo", INFO_2014), ("signInfo", SIGN_INFO_2014))
SEAL_2020 = _sequence(
    "SESeal",
    ("eSealInfo", INFO_2020),
    ("cert", core.OctetString),
    ("signAlgID", core.ObjectIdentifier),
    ("signedValue", core.OctetBitString),
    ("timeStamp", core.OctetBitString, _TAGGED),  # GM/T 0031-2025
)
TO_SIGN_2014 = _sequence(
    "TBS_Sign",
    ("version", core.Integer),
    ("eseal", SEAL_2014),
    ("timeInfo", core.OctetBitString),
    ("dataHash", core.OctetBitString),
    ("propertyInfo", core.IA5String),
    ("cert", core.OctetString),
    ("signatureAlgorithm", core.ObjectIdentifier),
)
SIGNATURE_2014 = _sequence("SES_Signature", ("toSign", TO_SIGN_2014), ("signature", core.OctetBitString))
TO_SIGN_2020 = _sequence(
    "TBS_Sign",
    ("version", core.Integer),
    ("eseal", SEAL_2020),
    ("timeInfo", x509.Time),
    ("dataHash", core.OctetBitString),
    ("propertyInfo", core.IA5String),
    ("extDatas", core.Any, _TAGGED),
)
SIGNATURE_2020 = _sequence(
    "SES_Signature",
    ("toSign", TO_SIGN_2020),
    ("cert", core.OctetString),
    ("signatureAlgID", core.ObjectIdentifier),
    ("signature", core.OctetBitString),
    ("timeStamp", core.OctetBitString, _TAGGED),
)


@dataclass(frozen=True)
class Picture:
    """What the seal looks like: the kind of file (``PNG``, ``ofd`` …), the file, its size on paper in millimetres."""

    kind: str
    data: bytes
    width_mm: int
    height_mm: int


@dataclass(frozen=True)
class Signed:
    """Bytes as they stood in the file, the signature over them, and the signer's certificate (DER)."""

    content: bytes
    signature: bytes
    certificate: bytes
    algorithm: str


@dataclass(frozen=True)
class Seal:
    """An electronic seal. `kind` is 1 for an organisation's, 2 for a person's; other numbers go about.

    Who may use it stands in `certificates` (DER), or in `digests` (name of the digest, value). Times are aware, in UTC.
    """

    edition: str
    identifier: str
    vendor: str
    kind: int
    name: str
    certificates: tuple[bytes, ...]
    digests: tuple[tuple[str, bytes], ...]
    created: datetime
    valid_from: datetime
    valid_to: datetime
    picture: Picture
    signed: Signed
    timestamp: bytes | None


@dataclass(frozen=True)
class SealSignature:
    """A signature made with a seal over the digest of a document.

    `claimed_at` (UTC) is the signer's word; None where it cannot be read. `place` says what was signed, in the
    maker's own words. `timestamp` is a token over the signature value.
    """

    edition: str
    seal: Seal
    claimed_at: datetime | None
    digest: bytes
    place: str
    signed: Signed
    timestamp: bytes | None


def is_seal_signature(data: bytes) -> bool:
    """Whether `data` begins as a SES_Signature does (version, then a seal), and not as a CMS object does (a type).

    Padding may stand behind it.
    """
    try:
        outer = _elements(data, strict=False)
        inner = _elements(outer[0])
        return outer[0][0] == 0x30 and inner[0][0] == 0x02 and inner[1][0] == 0x30
    except (ValueError, IndexError):
        return False


def read_seal(der: bytes) -> Seal:
    """Read a seal (the content of an ``.esl`` file). Raises SesError."""
    try:
        return _seal(_load(SEAL_2014 if len(_elements(der)) == 2 else SEAL_2020, der))
    except (ValueError, TypeError, KeyError) as error:
        raise _told("an electronic seal", error) from error


def read_seal_signature(der: bytes) -> SealSignature:
    """Read a SES_Signature. Raises SesError."""
    try:
        if len(_elements(der)) == 2:
            return _signature_2014(_load(SIGNATURE_2014, der))
        return _signature_2020(_load(SIGNATURE_2020, der))
    except (ValueError, TypeError, KeyError) as error:
        raise _told("a signature with an electronic seal", error) from error


def _told(what: str, error: Exception) -> SesError:
    return SesError(f"this cannot be read as {what}: {str(error).splitlines()[0] if str(error) else error!r}")


def _load(kind: Any, der: bytes) -> Any:
    if len(der) > _LARGEST:
        raise SesError("larger than 16 MiB")
    value = kind.load(der, strict=True)
    refuse_extra(value)
    return value


def refuse_extra(sequence: core.Sequence) -> None:
    """Raise SesError if something stands in an unsigned `sequence` that has no place there.

    asn1crypto passes over such elements; here their bytes are missed.
    """
    if b"".join(sequence[name].dump() for name, *_ in sequence._fields) != sequence.contents:
        raise SesError(f"{type(sequence).__name__} holds an element that has no place there")


def _elements(der: bytes, *, strict: bool = True) -> list[bytes]:
    """The elements inside one constructed DER element, as bytes. Raises ValueError."""
    contents = parser.parse(der, strict=strict)[4]
    found, at = [], 0
    while at < len(contents):
        length = parser.peek(contents[at:])
        found.append(contents[at : at + length])
        at += length
    return found


def _seal(value: Any) -> Seal:
    old = "signInfo" in (name for name, *_ in value._fields)
    info = value["esealInfo" if old else "eSealInfo"]
    header, about = info["header"], info["property"]
    if header["ID"].native != "ES":
        raise SesError(f"its header says {header['ID'].native!r} instead of 'ES'")
    by_digest = not old and about["certListType"].native == 2
    certificates = about["certList"] if old else about["certList"].parse(DIGESTS if by_digest else CERTIFICATES)
    stamp = None if old else value["timeStamp"].native
    return Seal(
        edition=_edition(old, header["version"].native, stamp),
        identifier=info["esID"].native,
        vendor=header["Vid"].native,
        kind=about["type"].native,
        name=about["name"].native,
        certificates=() if by_digest else tuple(certificates.native),
        digests=tuple((each["type"].native, each["value"].native) for each in certificates) if by_digest else (),
        created=_moment(about["createDate"]),
        valid_from=_moment(about["validStart"]),
        valid_to=_moment(about["validEnd"]),
        picture=_picture(info["picture"]),
        signed=_signed_2014(value) if old else _signed_2020(value),
        timestamp=stamp,
    )


def _edition(old: bool, version: int, stamp: bytes | None) -> str:
    if old:
        return GMT_0031_2014
    return GMT_0031_2025 if version >= 5 or stamp is not None else GBT_38540_2020


def _picture(info: Any) -> Picture:
    return Picture(info["type"].native, info["data"].native, info["width"].native, info["height"].native)


def _signed_2014(seal: Any) -> Signed:
    """The maker signs a SEQUENCE of the seal's data, the certificate and the algorithm."""
    by = seal["signInfo"]
    refuse_extra(by)
    parts = (seal["esealInfo"].dump(), by["cert"].dump(), by["signatureAlgorithm"].dump())
    content: bytes = parser.emit(0, 1, 16, b"".join(parts))
    return Signed(content, by["signData"].native, by["cert"].native, by["signatureAlgorithm"].dotted)


def _signed_2020(seal: Any) -> Signed:
    return Signed(seal["eSealInfo"].dump(), seal["signedValue"].native, seal["cert"].native, seal["signAlgID"].dotted)


def _signature_2014(value: Any) -> SealSignature:
    to_sign = value["toSign"]
    algorithm = to_sign["signatureAlgorithm"].dotted
    told = _TEXT_TIME.fullmatch(to_sign["timeInfo"].native)
    return SealSignature(
        edition=GMT_0031_2014,
        seal=_seal(to_sign["eseal"]),
        claimed_at=datetime.strptime(told[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC) if told else None,
        digest=to_sign["dataHash"].native,
        place=to_sign["propertyInfo"].native,
        signed=Signed(to_sign.dump(), value["signature"].native, to_sign["cert"].native, algorithm),
        timestamp=None,
    )


def _signature_2020(value: Any) -> SealSignature:
    to_sign = value["toSign"]
    seal = _seal(to_sign["eseal"])
    algorithm = value["signatureAlgID"].dotted
    return SealSignature(
        edition=seal.edition,
        seal=seal,
        claimed_at=_moment(to_sign["timeInfo"]),
        digest=to_sign["dataHash"].native,
        place=to_sign["propertyInfo"].native,
        signed=Signed(to_sign.dump(), value["signature"].native, value["cert"].native, algorithm),
        timestamp=value["timeStamp"].native,
    )


def _moment(time: Any) -> datetime:
    """A time in UTC; one that names no zone is Beijing's (X.680 46.3: local time)."""
    moment: datetime = time.native
    return (moment if moment.tzinfo else moment.replace(tzinfo=_BEIJING)).astimezone(UTC)
