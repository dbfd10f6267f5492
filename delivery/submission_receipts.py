"""The receipt for material that was handed in (材料接收回执): facts of record in both languages, no seal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final

import sqlalchemy as sa

from delivery.beijing import date_en, date_zh
from delivery.twin_html import Pair, breakable, moment, paragraphs, spans, table
from records import access, directory, documents, submissions
from templates.manifests import manifest
from templates.typesetters.html import print_html

TITLE: Final[Pair] = ("材料接收回执", "Receipt for Material Submitted")

KIND_NAMES: Final[dict[str, Pair]] = {
    "statement": ("陈述、申辩", "statement and defence"),
    "hearing_request": ("听证申请", "request for a hearing"),
    "evidence": ("证据材料", "evidence"),
    "payment_proof": ("缴款凭证", "proof of payment"),
    "material": ("机关要求提供的材料", "material that the agency asked for"),
}
_TEST: Final[Pair] = ("TEST 测试系统，本回执没有法律效力", "TEST system: this receipt has no legal effect")
_CLOSING: Final[Pair] = (
    "本回执由系统根据登记的事实自动生成，只表示材料已收到，不表示对其内容的认可，也不加盖印章。",
    "This receipt was made automatically from the facts on record. It says that the material was received, accepts "
    "nothing of its contents, and bears no seal.",
)


@dataclass(frozen=True)
class SubmissionReceipt:
    """The facts of one submission as its receipt tells them; `row` and `files` are those of `records.submissions`."""

    row: sa.RowMapping
    files: Sequence[sa.RowMapping]
    title: Pair
    number: Pair
    authority: Pair
    login: str
    test: bool


def submission_receipt(connection: sa.Connection, row: sa.RowMapping, *, test: bool) -> SubmissionReceipt:
    """The receipt of a stored submission."""
    document = documents.get(connection, row["document_id"])
    instrument = manifest(document["instrument"])
    account = access.find_account(connection, row["account_id"], row["authority_id"])
    sender = directory.pinned_facts(connection, document)["name"]
    return SubmissionReceipt(
        row,
        submissions.files(connection, [row["id"]])[row["id"]],
        (instrument.title_zh, instrument.title_en),
        (document["number_zh"] or "", document["number_en"] or ""),
        (sender["zh"], sender["en"]),
        account["login"] if account else "",
        test,
    )


def print_submission_receipt(receipt: SubmissionReceipt) -> bytes:
    """The receipt as a PDF file. Raises what the typesetter raises."""
    body = "\n".join(_parts(receipt)) + "\n"
    return print_html(body, f"{TITLE[0]} {TITLE[1]}", "zh")


def _parts(receipt: SubmissionReceipt) -> Iterable[str]:
    row = receipt.row
    if receipt.test:
        yield f'<div class="mark" role="note">{paragraphs(_TEST)}</div>'
    yield f"<h1>{spans(TITLE)}</h1>"
    yield table(_facts(receipt))
    if row["words"]:
        yield f"<h2>{spans(('填写的内容', 'What was written'))}</h2>"
        yield "".join(f"<p>{escape(line)}</p>" for line in row["words"].splitlines())
    if receipt.files:
        yield f"<h2>{spans(('文件', 'Files'))}</h2>"
        yield "".join(_file(each) for each in receipt.files)
    yield f"<h2>{spans(('声明', 'Declaration'))}</h2>"
    yield paragraphs((row["declaration_zh"], row["declaration_en"]))
    yield f'<aside class="notice" role="note">{paragraphs(_CLOSING)}</aside>'


def _facts(receipt: SubmissionReceipt) -> Iterable[tuple[Pair, str]]:
    row = receipt.row
    yield ("材料种类", "Type of material"), spans(KIND_NAMES[row["kind"]])
    yield ("所针对的文书", "Against the instrument"), spans(receipt.title)
    if receipt.number[0]:
        yield ("文号", "Document number"), spans((receipt.number[0], receipt.number[1] or receipt.number[0]))
    yield ("案号", "Case number"), f"<span>{escape(row['case_no'])}</span>"
    yield ("接收机关", "Received by"), spans(receipt.authority)
    yield ("提交单位", "Submitted by"), spans((row["recipient_zh"], row["recipient_en"]))
    who = "，".join(filter(None, (row["person"], row["office"], receipt.login)))
    yield ("提交人", "Person"), f"<span>{escape(who)}</span>"
    yield ("提交时间", "Time of submission"), moment(row["submitted_at"])
    if row["last_day"]:
        day = date.fromisoformat(row["last_day"])
        late = ("，逾期提交", ", submitted late") if row["late"] else ("，期限内提交", ", in time")
        yield ("期限的最后一日", "Last day of the time limit"), spans((date_zh(day) + late[0], date_en(day) + late[1]))
    yield ("提交编号", "Submission"), f"<span>{breakable(row['id'])}</span>"
    if row["supersedes"]:
        yield ("更新此前的提交", "Replaces"), f"<span>{breakable(row['supersedes'])}</span>"


def _file(row: sa.RowMapping) -> str:
    told = f"{escape(row['name'])}，{row['size']:,} B"
    return f"<p><span>{row['position']}. {told}</span><br><span>SHA-256 {breakable(row['digest'])}</span></p>"
