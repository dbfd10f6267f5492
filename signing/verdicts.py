"""What verification found out, in words that a person can act on, in both languages."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

VerdictWord = Literal["valid", "invalid", "indeterminate"]

# code: (English, Chinese); {} takes the detail
_TEXTS: dict[str, tuple[str, str]] = {
    "valid": ("Sealed by {}, and not changed since.", "由{}签章，此后未被改动。"),
    "test_key": (
        "TEST: made with test keys; it has no legal effect.",
        "测试（TEST）：使用测试密钥签章，不具有法律效力。",
    ),
    "unsigned": ("The file carries no signature.", "文件没有数字签名。"),
    "changed": ("The bytes under the signature were changed.", "签名覆盖的内容已被改动。"),
    "changed_after_signing": (
        "Something was added or changed after signing that the signer did not allow.",
        "签章之后文件被添加或修改了签章者不允许的内容。",
    ),
    "appended": (
        "Bytes that belong to no revision were appended to the file.",
        "文件末尾被附加了不属于任何版本的内容。",
    ),
    "coverage": ("The signature does not cover the whole document.", "签名没有覆盖整个文件。"),
    "signature_wrong": (
        "The signature does not fit the signer's certificate.",
        "签名与签章者证书不符。",
    ),
    "signature_unreadable": ("The signature cannot be read: {}", "签名无法读取：{}"),
    "untrusted": (
        "The signer's certificate does not lead to a root that this system trusts: {}",
        "签章者的证书不能追溯到本系统信任的根证书：{}",
    ),
    "test_not_trusted": (
        "Made with a TEST certificate, which this system does not trust.",
        "使用测试（TEST）证书签章，本系统不予信任。",
    ),
    "revoked": (
        "A certificate was revoked before the seal was put on: {}",
        "证书在签章之前已被吊销：{}",
    ),
    "certificate_period": (
        "The certificate was not within its period of validity when the seal was put on: {}",
        "签章时证书不在有效期内：{}",
    ),
    "revocation_unknown": (
        "It is not proved that the certificates were not revoked: {}",
        "不能证明证书未被吊销：{}",
    ),
    "counter_signature_missing": (
        "A counter-signature for which the first signer kept a place is missing: {}",
        "缺少首签者预留位置的副署签名：{}",
    ),
    "counter_signer": (
        "It stands in a place that the first signer kept for somebody else: {}",
        "该签名位于首签者为他人预留的位置：{}",
    ),
    "seal_changed": (
        "The electronic seal itself was changed: its maker's signature does not fit.",
        "电子印章本身已被改动：制章者的签名不符。",
    ),
    "seal_signer": (
        "The signer's certificate is not among those that the electronic seal names: {}",
        "签章者的证书不在电子印章的证书列表中：{}",
    ),
    "seal_period": (
        "The electronic seal was used outside its period of validity: {}",
        "使用时不在电子印章的有效期内：{}",
    ),
    "seal_ended": (
        "The electronic seal's period has ended, and no time stamp proves that it was put on before: {}",
        "电子印章的有效期已过，且没有时间戳证明签章在此之前：{}",
    ),
    "seal_sound": ("The electronic seal is whole and may be used: {}", "电子印章完好，可以使用：{}"),
    "claimed_in_future": ("The time of signing lies in the future.", "签章时间晚于当前时间。"),
    "certificate_unfit": ("The certificate is not fit for this use: {}", "证书不适用于此用途：{}"),
    "algorithm_weak": (
        "Made with an algorithm that is no longer secure, such as SHA-1: {}",
        "使用了不再安全的算法（如SHA-1）：{}",
    ),
    "timestamp_wrong": (
        "The time stamp does not belong to this signature, or was changed.",
        "时间戳不属于该签名或已被改动。",
    ),
    "timestamp_untrusted": ("The time stamp is not trusted: {}", "时间戳不可信：{}"),
    "timestamp_in_future": ("The time stamp lies in the future.", "时间戳晚于当前时间。"),
    "timestamp_expired": (
        "The time stamp authority's certificate has expired since, and no archive time stamp was put on before: {}",
        "时间戳机构的证书此后已过期，且未在此前加盖归档时间戳：{}",
    ),
    "timestamp_revoked": (
        "The time stamp authority's certificate was revoked before a later time stamp secured it: {}",
        "时间戳机构的证书在后续时间戳加盖之前已被吊销：{}",
    ),
    "timestamp_order": (
        "A time stamp names an earlier time than what it covers: {}",
        "时间戳的时间早于其所覆盖的内容：{}",
    ),
    "archived": (
        "Kept provable by an archive time stamp; the next one is due before the end of: {}",
        "已加盖归档时间戳，应在下列期间届满前再次加盖：{}",
    ),
    # what verification from the file alone cannot know
    "later_instrument": (
        "Whether a later instrument revoked, changed or replaced this one does not stand in the file.",
        "该文书此后是否被撤销、变更或取代，仅凭文件本身无法得知。",
    ),
    "revocation_since": (
        "Revocation is judged by the proof in the file. Whether a certificate was revoked later was not asked; "
        "the newest proof is of: {}",
        "证书是否吊销，依据文件内的证明判断，未查询此后是否被吊销。最新证明的日期：{}",
    ),
    "revocation_absent": (
        "The file holds no revocation data, and nobody was asked.",
        "文件内没有吊销信息，也未向任何机构查询。",
    ),
    "trust_list_dated": (
        "Trust is judged by this system's list of roots. Whether a root was withdrawn since was not asked; "
        "the list is of: {}",
        "信任依据本系统的根证书列表判断，未查询此后是否有根证书被撤除。列表日期：{}",
    ),
    "trust_list_empty": (
        "No root certificate is trusted here, so nothing is said about who sealed the file.",
        "本系统没有信任的根证书，因此无法判断由谁签章。",
    ),
    # what the file claims about itself as an archival file: information, not trust
    "pdfa_claimed": (
        "The file says that it is {}. This is its own word, which was not validated.",
        "文件自称符合{}。此为文件自述，未经校验。",
    ),
    "pdfa_claim_changed": (
        "After the first signature the claim was changed: {}",
        "首个签名之后，该声明被改动：{}",
    ),
    "pdfa_script": (
        "After the first signature an action or script was added, which PDF/A forbids.",
        "首个签名之后添加了PDF/A禁止的动作或脚本。",
    ),
    "pdfa_tags": (
        "After the first signature the structure that this level requires was taken away.",
        "首个签名之后，该级别要求的文档结构被移除。",
    ),
    "pdfa_annotation": (
        "After the first signature an annotation without an appearance was added, which PDF/A forbids.",
        "首个签名之后添加了没有外观的注释，PDF/A不允许。",
    ),
    "pdfa_unreadable": (
        "Whether a later revision still meets the claim cannot be read.",
        "无法读取后续版本是否仍符合该声明。",
    ),
}


@dataclass(frozen=True)
class Reason:
    """One thing found. `code` is stable; the texts are for people."""

    code: str
    text_en: str
    text_zh: str

    @classmethod
    def of(cls, code: str, detail: str = "") -> Reason:
        """The reason of that code; `detail` fills the place kept for it, in both languages."""
        english, chinese = _TEXTS[code]
        return cls(code, english.format(detail).removesuffix(": "), chinese.format(detail).removesuffix("："))

    def as_dict(self) -> dict[str, str]:
        """As JSON."""
        return {"code": self.code, "text_en": self.text_en, "text_zh": self.text_zh}


@dataclass(frozen=True)
class TrustedRoot:
    """The root to which a certificate was led: its name, where the trust list has it from and since when (ISO 8601)."""

    name: str
    sha256: str
    source: str
    obtained: str
    test: bool

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True)
class ListOfRoots:
    """The trust list that was used: where it comes from, its date (ISO 8601), and how many of its roots count here."""

    source: str
    dated: str
    roots: int

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True)
class ArchivalClaim:
    """What a file says of itself as an archival one (PDF/A, ISO 19005): ``2`` and ``A`` for PDF/A-2a.

    `notes` say that it is a claim, and what revisions after the first signature did to it.
    """

    part: int
    conformance: str
    notes: tuple[Reason, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        notes = [note.as_dict() for note in self.notes]
        return {"part": self.part, "conformance": self.conformance, "kept": len(notes) == 1, "notes": notes}


@dataclass(frozen=True)
class SignatureReport:
    """One signature. Times are aware, in UTC; `claimed_at` is the signer's own word, `stamped_at` the authority's.

    `verdict` and `reasons` are about this signature alone, `root` is where its certificate leads, if to a trusted one.

    `profile` is the PAdES level that the file itself proves (B-B, B-T, B-LT, B-LTA). `docmdp` is what the signer allows
    afterwards, `coverage` how much the signature covers, `modification` what was added later (all in pyHanko's words).
    """

    field: str
    signer: str
    serial: str
    claimed_at: datetime | None
    stamped_at: datetime | None
    stamped_by: str | None
    profile: str
    intact: bool
    trusted: bool
    test: bool
    docmdp: str | None
    coverage: str
    modification: str
    root: TrustedRoot | None = None
    verdict: VerdictWord = "invalid"
    reasons: tuple[Reason, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON; times are ISO 8601 in UTC."""
        return {
            "field": self.field,
            "signer": self.signer,
            "serial": self.serial,
            "signed_at": _iso(self.claimed_at),
            "timestamp": _iso(self.stamped_at),
            "timestamp_authority": self.stamped_by,
            "profile": self.profile,
            "intact": self.intact,
            "trusted": self.trusted,
            "test": self.test,
            "docmdp": self.docmdp,
            "coverage": self.coverage,
            "modification": self.modification,
            "root": self.root.as_dict() if self.root else None,
            "verdict": self.verdict,
            "reasons": [reason.as_dict() for reason in self.reasons],
        }


@dataclass(frozen=True)
class ArchiveStamp:
    """One document time stamp. Times are aware, in UTC.

    `until` is when the first certificate of its authority's chain, the root left out, ends. `verdict` and `reasons` are
    about this time stamp alone.
    """

    field: str
    stamped_at: datetime
    stamped_by: str
    until: datetime
    root: TrustedRoot | None
    verdict: VerdictWord
    reasons: tuple[Reason, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON; times are ISO 8601 in UTC."""
        return {
            "field": self.field,
            "timestamp": _iso(self.stamped_at),
            "timestamp_authority": self.stamped_by,
            "until": _iso(self.until),
            "root": self.root.as_dict() if self.root else None,
            "verdict": self.verdict,
            "reasons": [reason.as_dict() for reason in self.reasons],
        }


@dataclass(frozen=True)
class Verdict:
    """The answer about one file. Only ``valid`` means that it may be relied on.

    `archive` holds the document time stamps, oldest first. `provable_until` (UTC) is when the newest time stamp ends:
    before that an archive time stamp is due, and afterwards the file is no longer ``valid``. None without a time stamp.

    ``invalid``: it was changed, or was never properly sealed. ``indeterminate``: nothing wrong was found, but something
    that has to be proved is not (EN 319 102-1 §5.1.3). `unchecked` says what could not be looked at from here.
    """

    verdict: VerdictWord
    test: bool
    signatures: tuple[SignatureReport, ...]
    reasons: tuple[Reason, ...]
    archive: tuple[ArchiveStamp, ...] = ()
    provable_until: datetime | None = None
    unchecked: tuple[Reason, ...] = ()
    trust_list: ListOfRoots | None = None
    pdfa: ArchivalClaim | None = None

    @property
    def valid(self) -> bool:
        """Whether the file may be relied on."""
        return self.verdict == "valid"

    @property
    def stamped_at(self) -> datetime | None:
        """The time (UTC) that the newest time stamp names: what `provable_until` runs from. None without one."""
        if self.archive:
            return self.archive[-1].stamped_at
        return max((each.stamped_at for each in self.signatures if each.stamped_at), default=None)

    def as_dict(self) -> dict[str, Any]:
        """The answer of ``songda verify`` and ``POST /v1/verify``."""
        return {
            "verdict": self.verdict,
            "test": self.test,
            "signatures": [signature.as_dict() for signature in self.signatures],
            "archive": [stamp.as_dict() for stamp in self.archive],
            "provable_until": _iso(self.provable_until),
            "reasons": [reason.as_dict() for reason in self.reasons],
            "unchecked": [note.as_dict() for note in self.unchecked],
            "trust_list": self.trust_list.as_dict() if self.trust_list else None,
            "pdfa": self.pdfa.as_dict() if self.pdfa else None,
        }


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
