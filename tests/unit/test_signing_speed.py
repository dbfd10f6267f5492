"""What makes verification quick may change no answer: what is kept is a matter of the same bytes alone."""

from __future__ import annotations

import asyncio

import pytest
from asn1crypto import x509
from cryptography.exceptions import InvalidSignature

from signing.parsing import parsed
from signing.sm2_check import SignatureCheck
from signing.sm2_testpki import Sm2Authority
from signing.waiting import finished

ROOT = Sm2Authority.make()
SEAL = ROOT.issue("民航华北地区管理局", "行政执法专用章")


def test_the_same_bytes_are_parsed_once_and_others_are_not_taken_for_them() -> None:
    other = bytearray(SEAL.certificate)
    other[-1] ^= 1
    assert parsed(x509.Certificate, SEAL.certificate) is parsed(x509.Certificate, bytes(bytearray(SEAL.certificate)))
    assert parsed(x509.Certificate, bytes(other)).dump() == bytes(other)


def test_a_malformed_certificate_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match=r"."):
            parsed(x509.Certificate, SEAL.certificate[:-1])


def test_a_good_signature_that_is_remembered_makes_no_changed_one_good() -> None:
    certificate, issuer = x509.Certificate.load(SEAL.certificate), x509.Certificate.load(ROOT.certificate)
    signature, signed = certificate["signature_value"].native, certificate["tbs_certificate"].dump()
    algorithm, check = certificate["signature_algorithm"], SignatureCheck()
    for _ in range(2):
        check.validate_signature(signature, signed, issuer.public_key, algorithm)
        for bad in (signed[:-1] + bytes([signed[-1] ^ 1]), signed + b"\0"):
            with pytest.raises(InvalidSignature):
                check.validate_signature(signature, bad, issuer.public_key, algorithm)
        with pytest.raises(InvalidSignature):
            check.validate_signature(signature, signed, certificate.public_key, algorithm)


def test_what_waits_after_all_is_an_error_and_not_an_answer() -> None:
    async def answers() -> int:
        return 7

    async def waits() -> int:
        await asyncio.sleep(0)
        return 7

    assert finished(answers()) == 7
    with pytest.raises(RuntimeError):
        finished(waits())
