"""CMS signed data (RFC 5652) for PAdES: built from ready-made parts, and checked without pyHanko.

Building goes through DER fragments because that is thirty times faster than encoding the whole object tree for each
document; checking parses with asn1crypto and verifies with `cryptography`, over the bytes as they stand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asn1crypto import cms, core, parser, tsp, x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import Certificate, load_der_x509_certificate

from signing import sm2

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


class CmsError(ValueError):
    """A CMS object is not what it has to be. `code` is stable, the message says what is wrong."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _tlv(tag: int, *contents: bytes) -> bytes:
    """One DER element; `tag` is the identifier octet (every tag used here fits in one)."""
    encoded: bytes = parser.emit(tag >> 6, tag >> 5 & 1, tag & 31, b"".join(contents))
    return encoded


def _oid(dotted: str) -> bytes:
    encoded: bytes = core.ObjectIdentifier(dotted).dump()
    return encoded


_SEQUENCE, _SET, _OCTETS, _CONTEXT_0, _CONTEXT_1 = 0x30, 0x31, 0x04, 0xA0, 0xA1
_SIGNED_DATA = _oid("1.2.840.113549.1.7.2")
_SHA256 = _tlv(_SEQUENCE, _oid("2.16.840.1.101.3.4.2.1"))
_VERSION_1 = core.Integer(1).dump()
_CONTENT_TYPE_DATA = _tlv(_SEQUENCE, _oid("1.2.840.113549.1.9.3"), _tlv(_SET, _oid("1.2.840.113549.1.7.1")))
_MESSAGE_DIGEST = _oid("1.2.840.113549.1.9.4")
_SIGNING_CERTIFICATE_V2 = _oid("1.2.840.113549.1.9.16.2.47")
_SIGNATURE_TIME_STAMP = _oid("1.2.840.113549.1.9.16.2.14")
_ALGORITHMS = {
    "sha256_ecdsa": _tlv(_SEQUENCE, _oid("1.2.840.10045.4.3.2")),
    "sha256_rsa": _tlv(_SEQUENCE, _oid("1.2.840.113549.1.1.11"), core.Null().dump()),
}


def signed_attributes(document_digest: bytes, certificate: x509.Certificate) -> bytes:
    """The signed attributes of PAdES (EN 319 142-1 §6.3) as a DER SET: what the key signs.

    content-type, message-digest and signing-certificate-v2; the claimed time stands in the PDF dictionary, not here.
    """
    digest = _tlv(_SEQUENCE, _MESSAGE_DIGEST, _tlv(_SET, _tlv(_OCTETS, document_digest)))
    hashed = _tlv(_OCTETS, hashlib.sha256(certificate.dump()).digest())
    identified = _tlv(_SEQUENCE, _tlv(_SEQUENCE, _tlv(_SEQUENCE, hashed)))  # SHA-256 is the default algorithm
    names_certificate = _tlv(_SEQUENCE, _SIGNING_CERTIFICATE_V2, _tlv(_SET, identified))
    return _tlv(_SET, *sorted((_CONTENT_TYPE_DATA, digest, names_certificate)))


def signed_data(
    attributes: bytes,
    signature: bytes,
    algorithm: str,
    certificates: Sequence[x509.Certificate],
    timestamp_token: bytes | None = None,
) -> bytes:
    """A detached CMS signature as DER. The signer's certificate is the first of `certificates`.

    `attributes` is what `signed_attributes` gave and `signature` is over; `algorithm` is ``sha256_ecdsa`` or
    ``sha256_rsa``; `timestamp_token` is a DER ContentInfo over the digest of `signature` (RFC 3161 appendix A).
    """
    signer = certificates[0]["tbs_certificate"]
    content = attributes[1 + _length_octets(attributes) :]
    unsigned = b""
    if timestamp_token is not None:
        unsigned = _tlv(_CONTEXT_1, _tlv(_SEQUENCE, _SIGNATURE_TIME_STAMP, _tlv(_SET, timestamp_token)))
    information = _tlv(
        _SEQUENCE,
        _VERSION_1,
        _tlv(_SEQUENCE, signer["issuer"].dump(), signer["serial_number"].dump()),
        _SHA256,
        _tlv(_CONTEXT_0, content),
        _ALGORITHMS[algorithm],
        _tlv(_OCTETS, signature),
        unsigned,
    )
    body = _tlv(
        _SEQUENCE,
        _VERSION_1,
        _tlv(_SET, _SHA256),
        _tlv(_SEQUENCE, _oid("1.2.840.113549.1.7.1")),
        _tlv(_CONTEXT_0, *sorted(certificate.dump() for certificate in certificates)),
        _tlv(_SET, information),
    )
    return _tlv(_SEQUENCE, _SIGNED_DATA, _tlv(_CONTEXT_0, body))


def _length_octets(element: bytes) -> int:
    return 1 if element[1] < 0x80 else 1 + (element[1] & 0x7F)


@dataclass(frozen=True)
class CheckedCms:
    """A CMS signature that is cryptographically sound: digest, signature and certificate binding were verified.

    Whether the certificate is trusted is another question. `signature` is the raw signature value,
    `timestamp_token` the DER of the RFC 3161 token beside it, if there is one.
    """

    certificate: x509.Certificate
    certificates: tuple[x509.Certificate, ...]
    signature: bytes
    timestamp_token: bytes | None


def check_detached(der: bytes, document: Sequence[bytes | memoryview]) -> CheckedCms:
    """Check a detached CMS signature over the joined parts of `document`. Raises CmsError with what is wrong."""
    info = check_form(der)
    if info["encap_content_info"]["content_type"].native != "data" or info["encap_content_info"]["content"].native:
        raise CmsError("cms_not_detached", "the CMS object is not a detached signature over data")
    return _check(info, document, "data")


@dataclass(frozen=True)
class CheckedToken:
    """An RFC 3161 token whose signature and imprint were verified. `time` is aware, in UTC."""

    info: tsp.TSTInfo
    certificate: x509.Certificate
    certificates: tuple[x509.Certificate, ...]

    @property
    def time(self) -> Any:
        """When the authority says that it saw the digest (a datetime in UTC)."""
        return self.info["gen_time"].native


def check_token(der: bytes, stamped: bytes) -> CheckedToken:
    """Check that the RFC 3161 token `der` is sound and is about the bytes `stamped`. Raises CmsError."""
    info = check_form(der)
    encapsulated = info["encap_content_info"]
    if encapsulated["content_type"].native != "tst_info":
        raise CmsError("token_content", "the time stamp token does not carry time stamp information")
    checked = _check(info, [bytes(encapsulated["content"])], "tst_info")
    token = tsp.TSTInfo.load(bytes(encapsulated["content"]))
    imprint = token["message_imprint"]
    name = imprint["hash_algorithm"]["algorithm"].native
    if name not in _HASHES or hashlib.new(name, stamped).digest() != imprint["hashed_message"].native:
        raise CmsError("token_imprint", "the time stamp was made for other data")
    return CheckedToken(token, checked.certificate, checked.certificates)


def unpadded(contents: bytes) -> bytes:
    """The DER object at the start of the room for a signature. Raises CmsError unless only zeros stand behind it."""
    try:
        _, _, _, header, body, trailer = parser.parse(contents)
    except ValueError as error:
        raise CmsError("cms_syntax", f"the CMS object cannot be read: {error}") from error
    length = len(header) + len(body) + len(trailer)
    if contents[length:].strip(b"\x00"):
        raise CmsError("cms_padding", "something stands behind the CMS object in the room for the signature")
    return contents[:length]


def check_form(der: bytes) -> cms.SignedData:
    """Check what no signature protects in a CMS object: RFC 5652 leaves little freedom, and none is granted here.

    So a byte changed outside the signed attributes is found too. Raises CmsError.
    """
    try:
        content = cms.ContentInfo.load(der, strict=True)
        if content["content_type"].native != "signed_data":
            raise CmsError("cms_type", "the CMS object is not signed data")
        _refuse_extra(content)
        data: cms.SignedData = content["content"]
        _check_form(data)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, CmsError):
            raise
        raise CmsError("cms_syntax", f"the CMS object cannot be read: {error}") from error
    return data


def _refuse_extra(sequence: core.Sequence) -> None:
    """asn1crypto passes over elements that it does not expect; here their bytes are missed."""
    known = b"".join(sequence[name].dump() for name, *_ in sequence._fields)
    if known != sequence.contents:
        raise CmsError("cms_syntax", f"{type(sequence).__name__} holds an element that has no place there")


def _check_form(data: cms.SignedData) -> None:
    signers, certificates = data["signer_infos"], data["certificates"]
    if len(signers) != 1:
        raise CmsError("cms_signers", "the CMS object has not exactly one signer")
    signer = signers[0]
    for sequence in (data, data["encap_content_info"], signer):
        _refuse_extra(sequence)
    plain = data["encap_content_info"]["content_type"].native == "data"
    by_name = signer["sid"].name == "issuer_and_serial_number"
    if signer["version"].native != ("v1" if by_name else "v3"):
        raise CmsError("cms_version", "the signer's version is not that of RFC 5652 §5.3")
    if data["version"].native != ("v1" if plain and by_name else "v3"):
        raise CmsError("cms_version", "the version is not that of RFC 5652 §5.1")
    declared = [each.dump() for each in data["digest_algorithms"]]
    if declared != [signer["digest_algorithm"].dump()]:
        raise CmsError("digest_algorithm", "the declared digest is not the signer's")
    for algorithm in (signer["digest_algorithm"], signer["signature_algorithm"]):
        if algorithm["algorithm"].native != "rsassa_pss" and algorithm["parameters"].dump() not in (b"", b"\x05\x00"):
            raise CmsError("cms_syntax", "an algorithm carries parameters that it does not have")
    kinds = [attribute["type"].native for attribute in signer["unsigned_attrs"] or ()]
    if kinds not in ([], ["signature_time_stamp_token"]):
        raise CmsError("unsigned_attribute", "an unsigned attribute other than one time stamp stands in the CMS object")
    if any(choice.name != "certificate" for choice in certificates):
        raise CmsError("cms_syntax", "the CMS object holds something else than certificates among them")
    _signer_certificate(signer, [choice.chosen for choice in certificates])


def stray_certificates(
    embedded: Sequence[x509.Certificate], known: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """Certificates of a CMS object that nothing vouches for: neither known, nor truly issued by one that is at hand.

    No signature covers them, so this is how a changed one is found.
    """
    ders = {certificate.dump() for certificate in known}
    issuers = [load_der_x509_certificate(certificate.dump()) for certificate in (*known, *embedded)]
    return [
        each
        for each in embedded
        if each.dump() not in ders
        and not (_issued_by_any(each, issuers) or _issued_with_sm2(each, [*known, *embedded]))
    ]


def _issued_with_sm2(certificate: x509.Certificate, issuers: Sequence[x509.Certificate]) -> bool:
    """As `_issued_by_any` for SM2, which `cryptography` does not verify."""
    if certificate["signature_algorithm"]["algorithm"].dotted != sm2.SM2_WITH_SM3:
        return False
    signature, signed = certificate["signature_value"].native, certificate["tbs_certificate"].dump()
    above = [each.public_key.dump() for each in issuers if each.subject.dump() == certificate.issuer.dump()]
    return any(sm2.verify(key, signature, signed) for key in above)


def _issued_by_any(certificate: x509.Certificate, issuers: Sequence[Certificate]) -> bool:
    for issuer in issuers:
        try:
            load_der_x509_certificate(certificate.dump()).verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            continue
        return True
    return False


def _check(data: cms.SignedData, content: Sequence[bytes | memoryview], content_type: str) -> CheckedCms:
    try:
        return _check_signer(data, content, content_type)
    except (ValueError, TypeError, KeyError, UnsupportedAlgorithm) as error:
        if isinstance(error, CmsError):
            raise
        raise CmsError("cms_syntax", f"the CMS object cannot be read: {error}") from error


def _check_signer(data: cms.SignedData, content: Sequence[bytes | memoryview], content_type: str) -> CheckedCms:
    signer = data["signer_infos"][0]
    # as they stand in the file: what asn1crypto was once asked about it may encode anew.
    # the attributes were signed as a SET OF; in the message they carry the tag [0] (RFC 5652 §5.4)
    signed = b"\x31" + signer["signed_attrs"].dump()[1:]
    tokens = [
        token.dump()
        for attribute in signer["unsigned_attrs"] or ()
        if attribute["type"].native == "signature_time_stamp_token"
        for token in attribute["values"]
    ]
    certificates = tuple(choice.chosen for choice in data["certificates"] if choice.name == "certificate")
    certificate = _signer_certificate(signer, certificates)
    attributes = _attributes(signer["signed_attrs"])
    digest_name = signer["digest_algorithm"]["algorithm"].native
    if digest_name not in _HASHES:
        raise CmsError("digest_algorithm", f"{digest_name} is not an accepted digest")
    if _only(attributes, "content_type").native != content_type:
        raise CmsError("content_type", "the content-type attribute names another content")
    running = hashlib.new(digest_name)
    for part in content:
        running.update(part)
    if _only(attributes, "message_digest").native != running.digest():
        raise CmsError("digest_mismatch", "the signed digest is not the digest of the document: its bytes were changed")
    _check_named_certificate(attributes, certificate, allow_sha1=content_type == "tst_info")
    _verify(certificate, signer["signature"].native, signed, digest_name, signer["signature_algorithm"])
    return CheckedCms(certificate, certificates, signer["signature"].native, tokens[0] if tokens else None)


def _signer_certificate(signer: cms.SignerInfo, certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    sid = signer["sid"]
    for certificate in certificates:
        if sid.name == "issuer_and_serial_number":
            # by the encoded name: comparing names as text would overlook a changed letter case
            same_issuer = certificate.issuer.dump() == sid.chosen["issuer"].dump()
            if same_issuer and certificate.serial_number == sid.chosen["serial_number"].native:
                return certificate
        elif certificate.key_identifier == sid.chosen.native:
            return certificate
    raise CmsError("signer_certificate", "the signer's certificate is not in the CMS object")


def _attributes(attributes: cms.CMSAttributes) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for attribute in attributes:
        name = attribute["type"].native
        if name in found:
            raise CmsError("attribute_twice", f"the signed attribute {name} stands there twice")
        found[name] = list(attribute["values"])
    return found


def _only(attributes: dict[str, list[Any]], name: str) -> Any:
    values = attributes.get(name, [])
    if len(values) != 1:
        raise CmsError("attribute_missing", f"the signed attribute {name} is missing or has several values")
    return values[0]


def _check_named_certificate(
    attributes: dict[str, list[Any]], certificate: x509.Certificate, *, allow_sha1: bool
) -> None:
    """signing-certificate-v2 (RFC 5035) has to name the certificate; older TSAs still use v1 with SHA-1."""
    der = certificate.dump()
    if "signing_certificate_v2" in attributes:
        named = _only(attributes, "signing_certificate_v2")["certs"][0]
        name = named["hash_algorithm"]["algorithm"].native
        matches = name in _HASHES and hashlib.new(name, der).digest() == named["cert_hash"].native
    elif allow_sha1 and "signing_certificate" in attributes:
        named = _only(attributes, "signing_certificate")["certs"][0]
        matches = hashlib.sha1(der, usedforsecurity=False).digest() == named["cert_hash"].native
    else:
        raise CmsError("signing_certificate_missing", "the attribute signing-certificate-v2 is missing")
    if not matches:
        raise CmsError("signing_certificate_mismatch", "signing-certificate-v2 names another certificate")


def _verify(certificate: x509.Certificate, signature: bytes, signed: bytes, digest: str, algorithm: Any) -> None:
    public = serialization.load_der_public_key(certificate.public_key.dump())
    hash_algorithm = _HASHES[digest]()
    try:
        if algorithm.signature_algo == "ecdsa" and isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, signed, ec.ECDSA(hash_algorithm))
        elif algorithm.signature_algo == "rsassa_pkcs1v15" and isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, signed, padding.PKCS1v15(), hash_algorithm)
        else:
            raise CmsError("signature_algorithm", f"{algorithm['algorithm'].native} is not an accepted signature")
        if algorithm["algorithm"].native.startswith("sha") and algorithm.hash_algo != digest:
            raise CmsError("signature_algorithm", "the signature was made with another digest than is declared")
    except InvalidSignature as error:
        raise CmsError("signature_wrong", "the signature does not verify with the signer's key") from error
