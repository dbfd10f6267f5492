"""The trust list as a file that is kept: roots are added and removed, each with its source and its date."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asn1crypto import pem, x509

from records.errors import Fault, Refused
from signing.certificates import Anchor, TrustList, is_test, name_of, read_certificates


def told(anchor: Anchor) -> dict[str, Any]:
    """A root for people: name, fingerprint (SHA-256), last day, source and date."""
    until = anchor.certificate.not_valid_after.date().isoformat()
    return anchor.told.as_dict() | {"valid_until": until}


def list_sha256(file: Path) -> str:
    """The digest of the list as it stands."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def add_root(
    file: Path, root: Path, *, source: str, obtained: str, test_system: bool, record: Callable[[Anchor, str], None]
) -> Anchor:
    """Add the one root certificate in the file `root`, obtained from `source` on the day `obtained` (YYYY-MM-DD).

    `record` gets the root and the digest that the list is going to have, before the list is replaced. Raises Refused
    for what is no root, has ended, stands there already, or is a TEST root in a production system; Permanent when the
    list or the certificate cannot be read.
    """
    anchor = Anchor(_only_certificate(root), source.strip(), _day(obtained))
    if not anchor.source:
        raise _refused("--source", "source_missing", "say where the root was obtained", "请说明根证书的来源")
    _check_root(anchor.certificate, test_system)
    present = TrustList.load(file, test_system=True).anchors
    if any(each.certificate.dump() == anchor.certificate.dump() for each in present):
        raise _refused("FILE", "listed_already", "this root stands in the list already", "该根证书已在列表中")
    place = Path("trust") / f"{anchor.certificate.sha256.hex()}.pem"
    (file.parent / place).parent.mkdir(mode=0o700, exist_ok=True)
    (file.parent / place).write_bytes(pem.armor("CERTIFICATE", anchor.certificate.dump()))
    value = json.loads(file.read_text("utf-8"))
    value["anchors"].append({"file": str(place), "source": anchor.source, "obtained": anchor.obtained})
    _replace(file, value, lambda digest: record(anchor, digest))
    return anchor


def remove_root(file: Path, sha256: str, *, record: Callable[[Anchor, str], None]) -> Anchor:
    """Take the root with that fingerprint out of the list. Raises Refused when there is none, or not it alone."""
    value, wanted = json.loads(file.read_text("utf-8")), sha256.replace(":", "").lower()
    for entry in value["anchors"]:
        found = read_certificates(file.parent / entry["file"])
        if wanted in [each.sha256.hex() for each in found]:
            break
    else:
        raise _refused("SHA256", "unknown_root", "no root with this fingerprint is in the list", "列表中没有该根证书")
    if len(found) > 1:
        message = f"{entry['file']} holds {len(found)} certificates: give each a file of its own first"
        raise _refused("SHA256", "several_in_file", message, "该文件含有多个证书，请先拆分")
    value["anchors"].remove(entry)
    anchor = Anchor(found[0], entry["source"], entry["obtained"])
    _replace(file, value, lambda digest: record(anchor, digest))
    return anchor


def _replace(file: Path, value: dict[str, Any], record: Callable[[str], None]) -> None:
    """Write the list anew, whole or not at all; what is recorded names the bytes that follow."""
    value["dated"] = datetime.now(UTC).date().isoformat()
    text = json.dumps(value, ensure_ascii=False, indent=1).encode()
    record(hashlib.sha256(text).hexdigest())
    fresh = file.with_name(f"{file.name}.new")
    with fresh.open("wb") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)


def _only_certificate(path: Path) -> x509.Certificate:
    found = read_certificates(path)
    if len(found) != 1:
        message = f"{path} holds {len(found)} certificates: add one root at a time"
        raise _refused("FILE", "several_in_file", message, "每次只能添加一个根证书")
    return found[0]


def _check_root(certificate: x509.Certificate, test_system: bool) -> None:
    name = name_of(certificate)
    if is_test(certificate) and not test_system:
        message = f"{name} is a TEST certificate: a production system trusts none"
        raise _refused("FILE", "test_root", message, "测试（TEST）根证书，正式系统不予信任")
    if not certificate.ca or certificate.issuer.dump() != certificate.subject.dump():
        raise _refused("FILE", "no_root", f"{name} is not the certificate of a root authority", "该证书不是根证书")
    if certificate.not_valid_after < datetime.now(UTC):
        raise _refused("FILE", "expired", f"{name} ended on {certificate.not_valid_after:%Y-%m-%d}", "该根证书已过期")


def _day(text: str) -> str:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise _refused("--obtained", "date", f"{text} is no day (YYYY-MM-DD)", "日期格式应为YYYY-MM-DD") from None
    if day > datetime.now(UTC):
        raise _refused("--obtained", "date", f"{text} lies in the future", "日期晚于今天")
    return day.date().isoformat()


def _refused(field: str, code: str, english: str, chinese: str) -> Refused:
    return Refused([Fault(field, code, english, chinese)])
