"""Electronic seals of GB/T 38540 in the pipeline: checked when they are registered, and again at every use."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import sqlalchemy as sa
from asn1crypto import pem

from pipeline.settings import CurrentSettings
from records import documents, electronic_seals
from records.errors import Permanent
from records.store import Store
from signing.certificates import ChainChecker, CheckedChain, read_certificates
from signing.electronic import ElectronicSeal, Filler, load_sm2_key
from signing.ses import SesError, read_seal
from signing.sm2 import Sm2Key


class ElectronicSeals:
    """The SM2 keys of a process, loaded when first needed. Safe to use from several threads."""

    def __init__(self, settings: CurrentSettings, chains: ChainChecker, *, test: bool) -> None:
        self._settings, self._chains, self._test = settings, chains, test
        self._keys: dict[str, Sm2Key] = {}
        self._lock = Lock()

    def filler(self, row: sa.RowMapping, store: Store) -> Filler:
        """What puts on the electronic seal of the register's `row`, which is checked first.

        Raises Permanent or Retry when it must not, or cannot, be used.
        """
        with self._lock:
            if row["id"] not in self._keys:
                self._keys[row["id"]] = load_sm2_key(row["key_uri"], self._settings.now().secrets.get(row["id"]))
            key = self._keys[row["id"]]
        ready = ElectronicSeal(store.get(row["digest"]), key, pem.unarmor(row["certificate"].encode())[2])
        proven = self.check(ready)
        return lambda pdf: ready.put_on(pdf, proven)

    def check(self, ready: ElectronicSeal) -> list[CheckedChain]:
        """The proof that the seal may be used in this system at this moment. Raises Permanent or Retry."""
        try:
            if ready.test and not self._test:
                raise Permanent("the electronic seal is a TEST one, and this is no TEST system")
        except (SesError, ValueError) as error:
            raise Permanent(f"the electronic seal cannot be read: {error}") from error
        return ready.check(self._chains)


def read_electronic_seal(seal: bytes, key_uri: str, secret: str, certificate: Path) -> ElectronicSeal:
    """An electronic seal as it is to be registered. Raises Permanent when a part of it cannot be read."""
    certificates = read_certificates(certificate)
    if len(certificates) != 1:
        raise Permanent(f"certificate file {certificate}: one certificate is expected, the signer's")
    return ElectronicSeal(seal, load_sm2_key(key_uri, secret), certificates[0].dump())


def enter(
    connection: sa.Connection, store: Store, seal: sa.RowMapping, by: str, ready: ElectronicSeal, key: str
) -> str:
    """Register `ready`, whose key has the address `key`, to go with `seal` of the register; returns its id."""
    read, digest = read_seal(ready.seal), store.put(ready.seal)
    documents.record_artifact(connection, digest, len(ready.seal), "application/octet-stream")
    return electronic_seals.register(
        connection,
        seal["authority_id"],
        seal["id"],
        by,
        name=read.name,
        digest=digest,
        key_uri=key,
        certificate=pem.armor("CERTIFICATE", ready.certificate).decode(),
        valid_from=read.valid_from,
        valid_to=read.valid_to,
        test=ready.test,
    )
