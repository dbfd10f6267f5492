"""A local TEST certification authority: root, intermediate, OCSP, CRL and TSA on loopback, built on certomancer.

It exists so that the whole way of a seal runs on a fresh machine. Everything it makes carries TEST in its
organisation (`certificates.is_test`), so that no answer about such a seal can hide what it is.

Run it with ``python -m signing.testpki DIRECTORY`` after `make_pki` has made the directory. With ``add SEAL
ORGANISATION NAME`` behind it makes a further seal's key, with ``revoke SEAL`` it revokes one from now on; the one that
runs takes up both.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from records import logs
from records.errors import Permanent

ORGANISATION = "Songda TEST 测试"
ARCHITECTURE = "songda-test"
# Wide, fixed periods: a test that passes today passes in ten years.
_CA_VALIDITY = ("2020-01-01T00:00:00+0000", "2120-01-01T00:00:00+0000")
_SEAL_VALIDITY = ("2024-01-01T00:00:00+0000", "2060-01-01T00:00:00+0000")
_AUTHORITIES = ("root", "interm", "ocsp", "tsa")
#: Where the root of SM2 lies, if one was made, and the path of its CRL below the authority's address.
SM2_ROOT, SM2_CRL = "sm2/root.pem", "/sm2/root.crl"
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class SealSubject(NamedTuple):
    """Whose seal certificate to make. Times are aware; None means the usual wide period and no revocation.

    `key` is ``p256`` or ``rsa3072``.
    """

    id: str
    organisation: str
    common_name: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    revoked_since: datetime | None = None
    key: str = "p256"


class Stamper(NamedTuple):
    """A further time stamp authority, with the period of its certificate; times are aware."""

    id: str
    valid_from: datetime
    valid_to: datetime
    revoked_since: datetime | None = None


@dataclass(frozen=True)
class SealFiles:
    """Where the key of one TEST seal lies: a PKCS#12 file, its passphrase, and the certificate alone (PEM)."""

    pkcs12: Path
    passphrase: str
    certificate: Path


@dataclass(frozen=True)
class LocalPki:
    """The TEST authority of one directory. `trust_list` is the file that `certificates.TrustList.load` reads."""

    directory: Path
    url: str
    root: Path
    intermediate: Path
    trust_list: Path
    tsa_url: str
    seals: dict[str, SealFiles]

    def stamper_url(self, stamper: str) -> str:
        """The address of a further time stamp authority."""
        return f"{self.url}/{ARCHITECTURE}/tsa/{stamper}"


def make_pki(
    directory: Path,
    url: str,
    seals: Sequence[SealSubject | tuple[str, str, str]] = (),
    stampers: Sequence[Stamper] = (),
) -> LocalPki:
    """Make the TEST authority in `directory`, or open the one that stands there and add the seals it lacks.

    `url` is the real address of `serve`, such as ``http://127.0.0.1:9123``: it is written into the certificates,
    so it is fixed once made. Existing keys and certificates are never made anew.
    Raises Permanent if the directory was made for another address or a seal id is not plain.
    """
    subjects = [SealSubject(*seal) for seal in seals]
    for name in (*(each.id for each in subjects), *(each.id for each in stampers)):
        if not _ID.fullmatch(name) or name in _AUTHORITIES:
            raise Permanent(f"test PKI: {name!r} is no usable id (small letters, digits, hyphens)")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    state = _read_state(directory) or {"url": url.rstrip("/"), "seals": {}}
    if state["url"] != url.rstrip("/"):
        raise Permanent(
            f"test PKI: {directory} was made for {state['url']}, which stands in its certificates; "
            f"serve it there, or make a new directory for {url}"
        )
    for subject in subjects:
        state["seals"].setdefault(subject.id, _seal_record(subject))
    for stamper in stampers:
        times = [_stamp(each) for each in (stamper.valid_from, stamper.valid_to, stamper.revoked_since)]
        state.setdefault("stampers", {}).setdefault(stamper.id, times)
    kinds = {name: record.get("key", "p256") for name, record in state["seals"].items()}
    _make_keys(directory, dict.fromkeys((*_AUTHORITIES, *state.get("stampers", ())), "p256") | kinds)
    write(directory / "certomancer.yml", yaml.safe_dump(_configuration(directory, state), allow_unicode=True))
    _issue(directory, state)
    # once more, now naming the issued files: a served certificate is the issued one, byte for byte
    write(directory / "certomancer.yml", yaml.safe_dump(_configuration(directory, state), allow_unicode=True))
    write(directory / "pki.json", json.dumps(state, ensure_ascii=False, indent=1))
    return open_pki(directory)


def revoke(directory: Path, seal: str, since: datetime) -> None:
    """Revoke the certificate of a seal from `since` (aware) on, because of its key; a running server takes it up.

    The first revocation stands. Raises Permanent if there is no such seal.
    """
    state = _read_state(directory)
    if state is None or seal not in state["seals"]:
        raise Permanent(f"test PKI: no seal {seal!r} was made in {directory}")
    state["seals"][seal]["revoked_since"] = state["seals"][seal]["revoked_since"] or _stamp(since)
    write(directory / "pki.json", json.dumps(state, ensure_ascii=False, indent=1))
    write(directory / "certomancer.yml", yaml.safe_dump(_configuration(directory, state), allow_unicode=True))


def open_pki(directory: Path) -> LocalPki:
    """The TEST authority that `make_pki` made in `directory`. Raises Permanent if there is none."""
    state = _read_state(directory)
    if state is None:
        raise Permanent(f"test PKI: nothing was made in {directory}")
    return LocalPki(
        directory=directory,
        url=state["url"],
        root=directory / "certs" / "root.pem",
        intermediate=directory / "certs" / "interm.pem",
        trust_list=directory / "trust.json",
        tsa_url=f"{state['url']}/{ARCHITECTURE}/tsa/tsa",
        seals={
            seal: SealFiles(
                pkcs12=directory / "seals" / f"{seal}.p12",
                passphrase=(directory / "seals" / f"{seal}.passphrase").read_text(),
                certificate=directory / "certs" / f"{seal}.pem",
            )
            for seal in state["seals"]
        },
    )


def make_server(directory: Path, *, any_time: bool = False) -> Any:
    """A threaded HTTP server (werkzeug) bound to the address of the directory, not yet serving.

    It answers OCSP, CRL and TSA, and takes up seals that `make_pki` adds later without a restart. With `any_time` it
    answers as if at the time in the request's header X-Certomancer-Fake-Time, to see what comes in decades.
    Raises Permanent if the address is not loopback or is taken.
    """
    from werkzeug.serving import WSGIRequestHandler
    from werkzeug.serving import make_server as make_werkzeug_server

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"  # keep-alive: the sealing side holds its connection open

        def log(self, type: str, message: str, *args: object) -> None:
            """Errors only; a line per request would drown the log."""
            if type == "error":
                super().log(type, message, *args)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """No line per request."""

    address = urlsplit(open_pki(directory).url)
    if address.hostname not in ("127.0.0.1", "localhost", "::1") or address.port is None:
        raise Permanent("test PKI: a TEST authority is served on loopback only, at a fixed port")
    try:
        return make_werkzeug_server(
            address.hostname, address.port, _application(directory, any_time), threaded=True, request_handler=Handler
        )
    except (OSError, SystemExit) as error:  # werkzeug leaves by SystemExit when the port is taken
        raise Permanent(f"test PKI: cannot listen on {address.netloc}: {error}") from error


def serve(directory: Path) -> None:
    """Serve OCSP, CRL and TSA at the directory's address until the process ends. Raises as `make_server`."""
    make_server(directory).serve_forever()


def _application(directory: Path, any_time: bool) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    from certomancer.integrations.animator import Animator, AnimatorArchStore
    from certomancer.registry import CertomancerConfig

    configuration = directory / "certomancer.yml"
    lock = Lock()
    loaded: dict[str, Any] = {"stamp": None, "animator": None}

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == SM2_CRL and (directory / SM2_ROOT).exists():
            from signing.sm2_testfiles import open_authority

            start_response("200 OK", [("Content-Type", "application/pkix-crl")])
            return [open_authority(directory).revocations_now()]
        stamp = configuration.stat().st_mtime_ns
        with lock:
            if loaded["stamp"] != stamp:
                archs = CertomancerConfig.from_file(str(configuration), key_search_dir=str(directory)).pki_archs
                loaded["animator"] = Animator(AnimatorArchStore(archs), with_web_ui=False, allow_time_override=any_time)
                loaded["stamp"] = stamp
            animator = loaded["animator"]
        answer: Iterable[bytes] = animator(environ, start_response)
        return answer

    return application


def _seal_record(subject: SealSubject) -> dict[str, Any]:
    marked = subject.organisation if "TEST" in subject.organisation.upper() else f"{subject.organisation} TEST 测试"
    return {
        "organisation": marked,
        "common_name": subject.common_name,
        "valid_from": _stamp(subject.valid_from) or _SEAL_VALIDITY[0],
        "valid_to": _stamp(subject.valid_to) or _SEAL_VALIDITY[1],
        "revoked_since": _stamp(subject.revoked_since),
        "serial": secrets.randbits(63) | 1 << 62,
        "key": subject.key,
    }


def _stamp(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%S%z") if moment else None


def _configuration(directory: Path, state: dict[str, Any]) -> dict[str, Any]:
    stampers: dict[str, list[str | None]] = state.get("stampers", {})
    labels = (*_AUTHORITIES, *stampers, *state["seals"])
    certificates = {name: _authority_certificate(name) for name in _AUTHORITIES}
    certificates |= {name: _seal_certificate(name, record) for name, record in state["seals"].items()}
    certificates |= {name: _stamper_certificate(name, *times) for name, times in stampers.items()}
    for name, certificate in certificates.items():
        if (directory / "certs" / f"{name}.pem").exists():
            certificate["certificate-file"] = f"certs/{name}.pem"
    names = {"root": "TEST Root CA", "interm": "TEST Intermediate CA", "ocsp": "TEST OCSP", "tsa": "TEST TSA"}
    entities: dict[str, Any] = {name: {"common-name": names[name]} for name in _AUTHORITIES}
    entities |= {name: {"common-name": f"TEST TSA {name}"} for name in stampers}
    entities |= {
        name: {"organization-name": record["organisation"], "common-name": record["common_name"]}
        for name, record in state["seals"].items()
    }
    daily = {"simulated-update-schedule": "P1D"}
    return {
        "external-url-prefix": state["url"],
        "keysets": {"keys": {"path-prefix": "keys", "keys": {name: {"path": f"{name}.pem"} for name in labels}}},
        "pki-architectures": {
            ARCHITECTURE: {
                "keyset": "keys",
                "entity-defaults": {"country-name": "CN", "organization-name": ORGANISATION},
                "entities": entities,
                "certs": certificates,
                "services": {
                    "ocsp": {"interm": {"for-issuer": "interm", "responder-cert": "ocsp", "signing-key": "ocsp"}},
                    "crl-repo": {
                        "root": {"for-issuer": "root", "signing-key": "root", **daily},
                        "interm": {"for-issuer": "interm", "signing-key": "interm", **daily},
                    },
                    "time-stamping": {name: {"signing-key": name, "signing-cert": name} for name in ("tsa", *stampers)},
                },
            }
        },
    }


def _authority_certificate(name: str) -> dict[str, Any]:
    certificate: dict[str, Any] = {
        "subject": name,
        "issuer": "interm" if name == "ocsp" else "root",
        "validity": {"valid-from": _CA_VALIDITY[0], "valid-to": _CA_VALIDITY[1]},
    }
    if name == "root":
        certificate["profiles"] = [{"id": "simple-ca", "params": {"crl-repo": "root"}}]
    elif name == "interm":
        certificate["profiles"] = [{"id": "simple-ca", "params": {"crl-repo": "interm", "max-path-len": 0}}]
    elif name == "ocsp":
        certificate["profiles"] = ["ocsp-responder"]
    else:
        certificate["extensions"] = [
            {"id": "key_usage", "critical": True, "smart-value": _usage("digital_signature")},
            {"id": "extended_key_usage", "critical": True, "value": ["time_stamping"]},
        ]
    return certificate


def _stamper_certificate(name: str, start: str | None, end: str | None, revoked_since: str | None) -> dict[str, Any]:
    certificate = _authority_certificate("tsa") | {"subject": name, "validity": {"valid-from": start, "valid-to": end}}
    if revoked_since:
        certificate["revocation"] = {"revoked-since": revoked_since, "reason": "key_compromise"}
    return certificate


def _seal_certificate(name: str, record: dict[str, Any]) -> dict[str, Any]:
    responders = {"schema": "aia-urls", "params": {"ocsp-responder-names": ["interm"]}}
    certificate: dict[str, Any] = {
        "subject": name,
        "issuer": "interm",
        "serial": record["serial"],
        "validity": {"valid-from": record["valid_from"], "valid-to": record["valid_to"]},
        "extensions": [
            {"id": "key_usage", "critical": True, "smart-value": _usage("digital_signature", "non_repudiation")},
            {"id": "authority_information_access", "smart-value": responders},
        ],
    }
    if record["revoked_since"]:
        certificate["revocation"] = {"revoked-since": record["revoked_since"], "reason": "key_compromise"}
    return certificate


def _usage(*usages: str) -> dict[str, Any]:
    return {"schema": "key-usage", "params": list(usages)}


def _make_keys(directory: Path, kinds: Mapping[str, str]) -> None:
    for folder in ("keys", "certs", "seals"):
        (directory / folder).mkdir(exist_ok=True, mode=0o700)
    for name, kind in kinds.items():
        path = directory / "keys" / f"{name}.pem"
        if not path.exists():
            key = (
                rsa.generate_private_key(65537, 3072) if kind == "rsa3072" else ec.generate_private_key(ec.SECP256R1())
            )
            encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
            write(path, key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))


def _issue(directory: Path, state: dict[str, Any]) -> None:
    """Write the certificates that are not there yet, the trust list, and a PKCS#12 file for each seal."""
    from certomancer.registry import ArchLabel, CertLabel, CertomancerConfig

    config = CertomancerConfig.from_file(str(directory / "certomancer.yml"), key_search_dir=str(directory))
    arch = config.get_pki_arch(ArchLabel(ARCHITECTURE))
    for name in (*_AUTHORITIES, *state.get("stampers", ()), *state["seals"]):
        path = directory / "certs" / f"{name}.pem"
        if not path.exists():
            certificate = x509.load_der_x509_certificate(arch.get_cert(CertLabel(name)).dump())
            write(path, certificate.public_bytes(serialization.Encoding.PEM))
    write_trust(directory)
    chain = [x509.load_pem_x509_certificate((directory / "certs" / "interm.pem").read_bytes())]
    for name in state["seals"]:
        path = directory / "seals" / f"{name}.p12"
        if path.exists():
            continue
        passphrase = secrets.token_urlsafe(18)
        key = serialization.load_pem_private_key((directory / "keys" / f"{name}.pem").read_bytes(), None)
        certificate = x509.load_pem_x509_certificate((directory / "certs" / f"{name}.pem").read_bytes())
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise Permanent(f"test PKI: keys/{name}.pem is no EC or RSA key; it was not made here")
        lock = serialization.BestAvailableEncryption(passphrase.encode())
        write(directory / "seals" / f"{name}.passphrase", passphrase)
        write(path, pkcs12.serialize_key_and_certificates(name.encode(), key, certificate, chain, lock))


def write_trust(directory: Path) -> None:
    """Write the trust list: the root, and that of SM2 if there is one (`sm2_testfiles`)."""
    roots = [file for file in ("certs/root.pem", SM2_ROOT) if (directory / file).exists()]
    trust = {
        "anchors": [{"file": file, "source": "made by signing.testpki", "obtained": "2020-01-01"} for file in roots],
        "intermediates": ["certs/interm.pem"],
    }
    write(directory / "trust.json", json.dumps(trust, indent=1))


def _read_state(directory: Path) -> dict[str, Any] | None:
    path = directory / "pki.json"
    if not path.exists():
        return None
    state: dict[str, Any] = json.loads(path.read_text())
    return state


def write(path: Path, content: str | bytes) -> None:
    """Whole file or nothing, readable by its owner only."""
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_bytes(data)
    temporary.replace(path)


if __name__ == "__main__":
    logs.configure()
    match sys.argv[1:]:
        case [folder]:
            serve(Path(folder))
        case [folder, "add", name, organisation, common_name]:
            made = make_pki(Path(folder), open_pki(Path(folder)).url, [SealSubject(name, organisation, common_name)])
            sys.stdout.write(f"{made.seals[name].pkcs12}\n")
        case [folder, "revoke", name]:
            revoke(Path(folder), name, datetime.now(UTC))
        case _:
            sys.exit("usage: python -m signing.testpki DIRECTORY [add SEAL ORGANISATION NAME | revoke SEAL]")
