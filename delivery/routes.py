"""Which way a document takes to its recipient: inbox, paper only, or internal; and whether paper runs beside the inbox.

Pure. Electronic service needs the recipient's consent in a signed confirmation letter that is in force at sending and
that names this system (行政处罚法 61; 确认函 二.3). Whatever is missing means paper, never a document left lying.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from delivery.beijing import time_en, time_zh
from delivery.rule_sets import Reason, Wording
from templates.manifests import Manifest

#: Kinds of counterparty that can sign the letter and hold an account (000 附件2.2); the others are served on paper.
LETTER_KINDS: Final = frozenset({"legal_person", "other_organisation", "foreign_entity"})

_REASONS: Final[Mapping[str, Wording]] = {
    "internal": Wording(
        "004-79",
        "《{title}》为内部文书或案卷材料，不向当事人送达。",
        "{title} is an internal form or a record for the file: it is not served on a party.",
    ),
    "no-electronic-service": Wording(
        "004-79；强制法 38",
        "《{title}》不适用电子送达，只以纸质方式送达。",
        "{title} is not served electronically, only on paper.",
    ),
    "recipient-outside-directory": Wording(
        "行政处罚法 61；确认函 二.3（Letter II.3）",
        "收件人不在行政相对人名录库中，没有账号，以纸质方式送达。",
        "The recipient stands outside the register of counterparties and has no account: served on paper.",
    ),
    "recipient-without-letter-kind": Wording(
        "局发明电〔2018〕2057号 一；附件2.2",
        "收件人为自然人或外部单位，不适用确认函，以纸质方式送达。",
        "The recipient is a natural person or an outside body, for whom there is no confirmation letter: served "
        "on paper.",
    ),
    "no-approved-account": Wording(
        "确认函 二.3（Letter II.3）",
        "收件人没有被批准的专用登录账号，以纸质方式送达。",
        "The recipient has no approved dedicated log-in account: served on paper.",
    ),
    "no-letter": Wording(
        "行政处罚法 61",
        "没有收件人签署的确认函，以纸质方式送达。",
        "No confirmation letter signed by the recipient is on file: served on paper.",
    ),
    "letter-withdrawn": Wording(
        "行政处罚法 61",
        "收件人已撤回电子送达的同意，{moment}没有有效的确认函，以纸质方式送达。",
        "The recipient withdrew its consent to electronic service; no letter is in force on {moment}: served on paper.",
    ),
    "letter-not-yet-in-force": Wording(
        "行政处罚法 61",
        "{moment}确认函尚未生效，以纸质方式送达。",
        "The confirmation letter is not yet in force on {moment}: served on paper.",
    ),
    "letter-names-another-system": Wording(
        "电子签名法 11",
        "有效的确认函所指定的是其他系统（{named}），以纸质方式送达。",
        "The letter in force names another system ({named}): served on paper.",
    ),
    "inbox": Wording(
        "行政处罚法 61；确认函 二.3（Letter II.3）；电子签名法 11",
        "收件人有被批准的专用登录账号，{moment}确认函有效并指定本系统，向其账号送达。",
        "The recipient has an approved account, and on {moment} its letter is in force and names this system: "
        "delivered to the account.",
    ),
    "paper-in-parallel": Wording(
        "确认函 一、二.4（Letter I, II.4）",
        "本文书属于重要行政执法文书，同时以纸质方式送达，以纸质送达之日为准。",
        "This is an important instrument: it is delivered on paper as well, and the date of service on paper counts.",
    ),
}


@dataclass(frozen=True)
class System:
    """A system as confirmation letters name it: its name and its address (a URL)."""

    name: str
    address: str

    def is_same_as(self, other: System) -> bool:
        """Same name and address; case of the host, port of the scheme and a slash at the end make no difference."""
        return self.name.strip() == other.name.strip() and _normal(self.address) == _normal(other.address)


def _normal(address: str) -> tuple[str, str, str]:
    parts = urlsplit(address.strip() if "//" in address else f"https://{address.strip()}")
    host = parts.netloc.casefold().removesuffix(":443" if parts.scheme == "https" else ":80")
    return parts.scheme, host, parts.path.rstrip("/")


@dataclass(frozen=True)
class Letter:
    """A confirmation letter on file: what it names, from when it is in force, and from when no more."""

    id: str
    system: System
    in_force_from: datetime
    withdrawn_at: datetime | None = None

    def is_in_force(self, moment: datetime) -> bool:
        """Whether it is in force at `moment`."""
        return self.in_force_from <= moment and (self.withdrawn_at is None or moment < self.withdrawn_at)


@dataclass(frozen=True)
class Recipient:
    """What the directory says of a recipient. `kind` is None for one who stands outside the directory."""

    kind: str | None
    approved_account: bool = False
    letters: tuple[Letter, ...] = ()


@dataclass(frozen=True)
class Route:
    """The way: `route` is `inbox`, `paper` or `internal`; `paper` whether a paper track is opened.

    `letter_id` is the letter that allows the inbox, to be stored with the delivery.
    """

    route: str
    paper: bool
    letter_id: str | None
    reasons: tuple[Reason, ...]


def route(
    instrument: Manifest, recipient: Recipient, system: System, sent_at: datetime, *, paper_required: bool = False
) -> Route:
    """The route of one document to one recipient, when it is sent at `sent_at` (with an offset).

    `paper_required`: the job made the document important; it can raise importance, never lower it.
    """
    if not instrument.served:
        return Route("internal", False, None, (_because("internal", _titles(instrument)),))
    obstacle, letter = _obstacle(instrument, recipient, system, sent_at)
    if letter is None:
        return Route("paper", True, None, obstacle)
    reasons = [_because("inbox", _moments(sent_at))]
    paper = instrument.important or paper_required
    if paper:
        reasons.append(_because("paper-in-parallel", {}))
    return Route("inbox", paper, letter.id, tuple(reasons))


def _obstacle(
    instrument: Manifest, recipient: Recipient, system: System, sent_at: datetime
) -> tuple[tuple[Reason, ...], Letter | None]:
    """Why the inbox is not open, or the letter that opens it."""
    if not instrument.electronic:
        return (_because("no-electronic-service", _titles(instrument)),), None
    if recipient.kind is None:
        return (_because("recipient-outside-directory", {}),), None
    if recipient.kind not in LETTER_KINDS:
        return (_because("recipient-without-letter-kind", {}),), None
    in_force = [letter for letter in recipient.letters if letter.is_in_force(sent_at)]
    ours = [letter for letter in in_force if letter.system.is_same_as(system)]
    reasons = [] if recipient.approved_account else [_because("no-approved-account", {})]
    if not ours:
        reasons.append(_why_no_letter(recipient.letters, in_force, sent_at))
    if reasons:
        return tuple(reasons), None
    return (), max(ours, key=lambda letter: letter.in_force_from)


def _why_no_letter(letters: Sequence[Letter], in_force: Sequence[Letter], sent_at: datetime) -> Reason:
    if in_force:
        named = "; ".join(f"{letter.system.name}, {letter.system.address}" for letter in in_force)
        return _because("letter-names-another-system", {"named": (named, named)})
    if any(letter.withdrawn_at is not None and letter.withdrawn_at <= sent_at for letter in letters):
        return _because("letter-withdrawn", _moments(sent_at))
    if letters:
        return _because("letter-not-yet-in-force", _moments(sent_at))
    return _because("no-letter", {})


def _titles(instrument: Manifest) -> dict[str, tuple[str, str]]:
    return {"title": (instrument.title_zh, instrument.title_en)}


def _moments(moment: datetime) -> dict[str, tuple[str, str]]:
    return {"moment": (time_zh(moment), time_en(moment))}


def _because(rule: str, values: Mapping[str, tuple[str, str]]) -> Reason:
    wording = _REASONS[rule]
    zh = wording.zh.format_map({name: pair[0] for name, pair in values.items()})
    en = wording.en.format_map({name: pair[1] for name, pair in values.items()})
    return Reason(rule, wording.citation, zh, en)
