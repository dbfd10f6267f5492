"""The document security store of a PDF (ETSI EN 319 142-1 §5.4.2): certificates, OCSP answers and CRLs.

The VRI dictionaries, which say which entry proves which signature, are optional there and are not written.
"""

from __future__ import annotations

from collections.abc import Iterable

import pikepdf
from pikepdf import Array, Dictionary, Name

from signing.certificates import CheckedChain


def extend_store(pdf: pikepdf.Pdf, chains: Iterable[CheckedChain], *, proof: bool = True) -> list[pikepdf.Object]:
    """Put the chains, and as `proof` their OCSP answers and CRLs, into the store of an open PDF; nothing stands twice.

    Gives the indirect objects that are new or changed, for a writer of increments; none when all was there already.
    """
    certificates: dict[bytes, None] = {}
    ocsps: dict[bytes, None] = {}
    crls: dict[bytes, None] = {}
    for chain in chains:
        certificates |= dict.fromkeys(certificate.dump() for certificate in chain.path)
        if proof:
            ocsps |= dict.fromkeys(answer.dump() for answer in chain.evidence.ocsps)
            crls |= dict.fromkeys(each.dump() for each in chain.evidence.crls)
    added: list[pikepdf.Object] = []
    store = pdf.Root.get("/DSS", Dictionary(Type=Name.DSS))
    for key, entries in (("/Certs", certificates), ("/OCSPs", ocsps), ("/CRLs", crls)):
        there = list(store.get(key, Array()))
        held = {bytes(each.read_bytes()) for each in there}
        new = [pdf.make_indirect(pikepdf.Stream(pdf, entry)) for entry in entries if entry not in held]
        if new:
            store[key] = Array([*there, *new])
            added += new
    if not added:
        return []
    if "/DSS" in pdf.Root and pdf.Root.DSS.is_indirect:
        return [*added, store]
    pdf.Root.DSS = pdf.make_indirect(store)
    return [*added, pdf.Root.DSS, pdf.Root]
