"""Containers of GB/T 35275-2017 (GM/T 0010), China's signed data with SM2 and SM3: read and verified, never made.

They are RFC 5652's SignedData under object identifiers of their own. Those met in the field carry either one set of
identifiers or the other, signed attributes or none, and signatures as DER or r‖s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import cms, core, x509

from signing import sm2
from signing.certificates import TrustList
from signing.revocation import Evidence, RevocationCache
from signing.ses import ALGORITHMS
from signing.ses_soundness import load_certificate
from signing.ses_verification import NO_EVIDENCE, Judged, Surroundings, as_verdict, report_on, utc, weighed
from signing.sm2_trust import told_name
from signing.verdicts import Reason, Verdict

EDITION = "GB/T 35275-2017"
_SIGNED_DATA = frozenset({"1.2.156.10197.6.1.4.2.2", "1.2.840.113549.1.7.2"})
_DATA = frozenset({"1.2.156.10197.6.1.4.2.1", "1.2.840.113549.1.7.1"})
_KEY_ALONE = "1.2.156.10197.1.301"  # what some write as the signature's algorithm
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_LARGEST = 64 * 1024 * 1024


def _sequence(name: str, *fields: tuple[Any, ...]) -> Any:
    return type(name, (core.Sequence,), {"_fields": list(fields)})


_OUTER = _sequence(
    "ContentInfo", ("contentType", core.ObjectIdentifier), ("content", core.Any, {"explicit": 0, "optional": True})
)
_CONTENT = _sequence(
    "ContentInfo",
    ("contentType", core.ObjectIdentifier),
    ("content", core.OctetString, {"explicit": 0, "optional": True}),
)
_ALGORITHM = _sequence(
    "AlgorithmIdentifier", ("algorithm", core.ObjectIdentifier), ("parameters", core.Any, {"optional": True})
)
_ATTRIBUTE = _sequence("Attribute", ("type", core.ObjectIdentifier), ("values", core.SetOf, {"spec": core.Any}))


def _set_of(name: str, kind: Any) -> Any:
    return type(name, (core.SetOf,), {"_child_spec": kind})


_SIGNER_INFO = _sequence(
    "SignerInfo",
    ("version", core.Integer),
    ("issuerAndSerialNumber", cms.IssuerAndSerialNumber),
    ("digestAlgorithm", _ALGORITHM),
    ("authenticatedAttributes", _set_of("Attributes", _ATTRIBUTE), {"implicit": 0, "optional": True}),
    ("digestEncryptionAlgorithm", _ALGORITHM),
    ("encryptedDigest", core.OctetString),
    ("unauthenticatedAttributes", _set_of("Attributes", core.Any), {"implicit": 1, "optional": True}),
)
_SIGNED = _sequence(
    "SignedData",
    ("version", core.Integer),
    ("digestAlgorithms", core.Any),
    ("contentInfo", _CONTENT),
    ("certificates", _set_of("Certificates", core.Any), {"implicit": 0, "optional": True}),
    ("crls", _set_of("Crls", core.Any), {"implicit": 1, "optional": True}),
    ("signerInfos", _set_of("SignerInfos", _SIGNER_INFO)),
)


class ContainerError(ValueError):
    """The bytes are no container of GB/T 35275 with one SM2 signer."""


@dataclass(frozen=True)
class Container:
    """A signed container. `content` is what it carries, None when it is detached; certificates are DER.

    `attributes` are the signed attributes as the DER SET that is signed, None without any; `digest` is what they
    say of the content.
    """

    content: bytes | None
    certificates: tuple[bytes, ...]
    signer: bytes
    attributes: bytes | None
    digest: bytes | None
    signature: bytes
    algorithm: str


def read_container(der: bytes) -> Container:
    """Read a container. Raises ContainerError."""
    try:
        if len(der) > _LARGEST:
            raise ContainerError("larger than 64 MiB")
        outer = _OUTER.load(der, strict=True)
        if outer["contentType"].dotted not in _SIGNED_DATA:
            raise ContainerError(f"{outer['contentType'].dotted} is not signed data")
        return _container(outer["content"].parse(_SIGNED))
    except ContainerError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        told = str(error).split("\n", 1)[0]
        raise ContainerError(f"this cannot be read as a container of {EDITION}: {told}") from error


def verify_container(
    der: bytes,
    document: Sequence[bytes | memoryview],
    trust: TrustList,
    *,
    evidence: Evidence = NO_EVIDENCE,
    revocation: RevocationCache | None = None,
    now: datetime | None = None,
) -> Verdict:
    """The verdict about a container that signs the joined parts of `document`, or carries them or their SM3 digest.

    OFD signs in the last way: the container holds the digest. `now` (aware) is for tests.
    """
    try:
        container = read_container(der)
        signer = load_certificate(container.signer)
    except ValueError as error:
        reason = Reason.of("signature_unreadable", str(error).split("\n", 1)[0])
        return as_verdict(Judged("invalid", report_on("", (), EDITION), (reason,)))
    broken = _broken(container, signer, document)
    others = tuple(_readable(container.certificates))
    around = Surroundings(trust, utc(now), evidence, others, revocation)
    doubts = [] if broken else [reason for reason in [around.distrust(signer, around.now)] if reason]
    report = report_on("", (signer,), EDITION, intact=not broken, trusted=not broken and not doubts)
    return as_verdict(weighed(broken, doubts, report, Reason.of("valid", told_name(signer))))


def _container(signed: Any) -> Container:
    signers = signed["signerInfos"]
    if len(signers) != 1:
        raise ContainerError("it has not exactly one signer")
    signer = signers[0]
    if signer["digestAlgorithm"]["algorithm"].dotted != sm2.SM3:
        raise ContainerError("its digest is not SM3")
    inner = signed["contentInfo"]
    if inner["contentType"].dotted not in _DATA:
        raise ContainerError(f"it signs {inner['contentType'].dotted} instead of data")
    certificates = tuple(each.dump() for each in signed["certificates"])
    attributes = signer["authenticatedAttributes"]
    present = attributes.dump() != b""
    return Container(
        content=inner["content"].native,
        certificates=certificates,
        signer=_named(signer["issuerAndSerialNumber"], certificates),
        # signed as a SET OF; in the container they carry the tag [0] (RFC 5652 §5.4)
        attributes=b"\x31" + attributes.dump()[1:] if present else None,
        digest=_digest(attributes) if present else None,
        signature=signer["encryptedDigest"].native,
        algorithm=signer["digestEncryptionAlgorithm"]["algorithm"].dotted,
    )


def _named(name: Any, certificates: Sequence[bytes]) -> bytes:
    for der in certificates:
        certificate = x509.Certificate.load(der)
        same = certificate.issuer.dump() == name["issuer"].dump()
        if same and certificate.serial_number == name["serial_number"].native:
            return der
    raise ContainerError("the signer's certificate is not in it")


def _digest(attributes: Any) -> bytes:
    values = [each["values"] for each in attributes if each["type"].dotted == _MESSAGE_DIGEST]
    kinds = [each["values"] for each in attributes if each["type"].dotted == _CONTENT_TYPE]
    if len(values) != 1 or len(values[0]) != 1 or len(kinds) != 1 or len(kinds[0]) != 1:
        raise ContainerError("its signed attributes lack the digest or the type of the content")
    if kinds[0][0].parse(core.ObjectIdentifier).dotted not in _DATA:
        raise ContainerError("its signed attributes name another type of content")
    digest: bytes = values[0][0].parse(core.OctetString).native
    return digest


def _broken(container: Container, signer: x509.Certificate, document: Sequence[bytes | memoryview]) -> list[Reason]:
    joined = b"".join(document)
    content = joined if container.content is None else container.content
    reasons = []
    whole = content in (joined, sm2.sm3(joined))
    if not whole or (container.digest is not None and container.digest != sm2.sm3(content)):
        reasons.append(Reason.of("changed"))
    signed = content if container.attributes is None else container.attributes
    known = container.algorithm in ALGORITHMS | {_KEY_ALONE}
    if not known or not sm2.verify(signer.public_key.dump(), container.signature, signed):
        reasons.append(Reason.of("signature_wrong"))
    return reasons


def _readable(certificates: Sequence[bytes]) -> list[x509.Certificate]:
    found = []
    for der in certificates:
        try:
            found.append(load_certificate(der))
        except ValueError:
            continue  # it proves nothing
    return found
