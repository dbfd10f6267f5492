"""Every word of the pages stands in both languages, and no page has words of its own."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest
import sqlalchemy as sa

from delivery import accounts, recovery, submissions
from delivery.attempts import KINDS as FILE_KINDS
from delivery.deadline_rules import KINDS, PARTIES
from delivery.entries import CONTACT, ENTITY
from delivery.paper import CAPACITIES, DATE_SOURCES, DETAILS, FLAGS, LISTS, MAIL_KINDS, OUTCOMES
from delivery.paper_import import COLUMNS
from delivery.portal import desk_form, history_lines, list_pages, staff_pages, timeline_lines
from delivery.portal.views import file_headers
from delivery.portal.web import PAGES, environment, safe_next
from delivery.portal.wording import Words, messages, read
from delivery.reminders import UNTRUE
from delivery.scanner import read_day
from delivery.statistics import BASES
from records import desk_work, links
from records.errors import Fault, Permanent
from records.inbox import STATES
from records.paper_seals import WAYS
from records.tables import change, delivery, document, notice
from templates.manifests import METHODS, manifests

CODE = Path(PAGES).parent
TEMPLATES = sorted(PAGES.glob("*.html"))
HAN = re.compile(r"[\u4e00-\u9fff]")


_CODES = (400, 403, 404, 405, 408, 409, 413, 500, 503)


def _used() -> set[str]:
    """Keys that pages and code name in full; those put together at run time are checked one by one below."""
    texts = [path.read_text(encoding="utf-8") for path in (*TEMPLATES, *CODE.glob("*.py"))]
    return {key for text in texts for key in re.findall(r'"([a-z]+\.[a-z_0-9]+)"', text)}


def _allowed(table: sa.Table, column: str) -> list[str]:
    (check,) = (each for each in table.constraints if each.name == f"ck_{table.name}_{column}")
    assert isinstance(check, sa.CheckConstraint)
    return re.findall(r"'([\w+]+)'", str(check.sqltext))


def _made() -> set[str]:
    checks = {str(check.name): str(check.sqltext) for check in delivery.constraints if hasattr(check, "sqltext")}
    states = {name: re.findall(r"'(\w+)'", text) for name, text in checks.items()}
    by_column = {name.removeprefix("ck_delivery_"): values for name, values in states.items()}
    made = {f"method.{each}" for each in METHODS}
    made |= {f"outcome.{each}" for each in (outcome for some in OUTCOMES.values() for outcome in some)}
    made |= {f"capacity.{each}" for each in CAPACITIES} | {f"mail_kind.{each}" for each in MAIL_KINDS}
    made |= {f"status.{each}" for each in (*by_column["status"], "revoked", "changed")}
    made |= {f"mark.{state}" for state in ("in_question", "genuine", "ended")} | {"desk.in_question"}
    made |= {f"link.{each}" for each in (*links.PASSIVE, *links.PASSIVE.values())}
    made |= {f"desk.{each}" for each in by_column["paper_status"]}
    made |= {"sealing.approved", "sealing.declined", "granting.done", "granting.revoked"}
    made |= {f"onpaper.{how}_told" for how in WAYS}
    made |= {f"route.{each}" for each in (*by_column["route"], "none")}
    made |= {f"service.{each}" for each in by_column["service_status"]}
    made |= {f"date.final_{each}" for each in ("confirmed", "deemed", "paper")}
    made |= {f"error.{part}_{code}" for part in ("title", "text") for code in _CODES}
    made |= {f"record.{name}" for name in (*DETAILS, *LISTS, *FLAGS)}
    made |= {f"date_source.{each}" for each in DATE_SOURCES}
    made |= {f"record.{method}" for method in ("post", "leaving", "entrusted", "public_notice", "fax")}
    made |= {f"desk.{name}" for name in ("record_done", "record_done_not_final", "marked_sent", "seal_recorded")}
    made |= {f"desk.{name}" for name in ("attempt_begun", "mail_recorded", "file_added", "correction_proposed")}
    made |= {f"correct.intro_{each}" for each in ("correct", "mend", "backdate")} | {"desk.mended"}
    made |= {f"attempt.kind_{kind}" for kind in FILE_KINDS} | {"record.correction_reason"}
    made |= {f"issue.{name}" for name in ("name", "role", "rule", "approved_at")}
    made |= {f"statistics.{name}" for name in ("month", "kind", "documents", "office", "sent", *BASES)}
    made |= {"correct.approved", "correct.declined"} | {f"desk.{name}" for name in desk_work.LISTS}
    made |= {f"stack.{state}" for state in ("open", "attached", "set_aside")}
    made |= {f"trouble.channel_{each}" for each in ("email", "sms")}
    made |= {f"trouble.stage_{each}" for each in ("dispatch", "settle", "send")}
    made |= {f"verify.{word}{verdict}" for word in ("", "word_") for verdict in ("valid", "invalid", "indeterminate")}
    made |= {f"deadline.{code}" for code in ("fixed", "provisional", "may_have_begun", "not_begun", "over")}
    made |= {"deadline.met", "deadline.met_late"}
    made |= {f"deadline.{who}" for who in PARTIES}
    made |= {f"notice.{each}" for name in ("channel", "occasion", "state") for each in _allowed(notice, name)}
    made |= {f"notice.reported_{each}" for each in _allowed(notice, "report")}
    made |= {f"notice.why_{each}" for each in UNTRUE}
    made |= {f"change.{each}" for name in ("kind", "state") for each in _allowed(change, name)}
    made |= {f"entry.{name}" for name in (*ENTITY, *CONTACT)}
    made |= {f"change.access_{what}" for what in accounts.ACCESS}
    made |= {f"account.{state}" for state in ("waiting", "late", "activated", "stopped", "no_code", "counsel")}
    made |= {f"account.message_{state}" for state in ("pending", "sent", "failed", "ambiguous")}
    made |= {f"change.recover_{each}" for each in recovery.WHAT}
    made |= {f"change.desk_{each}" for each in ("approved", "refused", "seen", "recovered")}
    made -= {"notice.dropped", "notice.seal_lost", "notice.change"}  # said in other words, or never shown
    made |= {f"deadline.day_{kind}" for kind in KINDS} | {f"feed.entry_{kind}" for kind in (*KINDS, "may")}
    made |= {f"feed.what_{scope}" for scope in ("counterparty", "desk")}
    made |= {f"calendar.year_{code}" for code in ("imported", "library", "proposed", "none")}
    made |= {f"inbox.state_{state}" for state in STATES} | {f"history.{kind}" for kind in history_lines.KINDS.values()}
    made |= {f"submit.{kind}" for kind in submissions.KINDS} | {
        f"objecting.told_{each}" for each in ("upheld", "dismissed")
    }
    made |= {f"objecting.{each}" for each in ("upheld", "dismissed")} | {"date.final_ruling", "status.by_ruling"}
    made |= {f"counsel.state_{each}" for each in ("asked", "approved", "returned", "revoked", "ended")}
    made |= {f"staff.{each}" for each in (*staff_pages._TOLD, "by_system", "by_upgrade")}
    made |= {f"counsel.{field}" for field in ("name", "firm", "login", "email", "mobile")}
    made |= {f"inbox.column_{name}" for name in list_pages._COLUMNS}
    made |= {f"case.state_{each}" for each in (*_allowed(document, "status"), "awaiting")}
    made |= {f"case.act_{each}" for each in (*links.PASSIVE, "cancel", "void")}
    made |= {f"case.{word}_{act}" for word in ("means", "told") for act in ("cancel", "void")}
    made |= {f"case.why_{each}" for each in ("revoked", "changed", "not_served", "already_linked", "unserved")}
    made |= {f"timeline.{group}_{name}" for group, some in timeline_lines.KINDS.items() for name in some}
    made |= {"feed.name", "feed.test", "feed.sources"}
    made |= {f"column.{name}" for name in COLUMNS}
    made |= {f"outcome.{method}_served" for method in ("leaving", "entrusted", "fax")}
    return made | {"confirm.done", "confirm.already", "status.deemed_confirmed", "status.paper_only"}


def _of_registration() -> set[str]:
    """Texts of registration that code puts together of the name of a field, a state, a step: names that stand in it."""
    places = [
        *CODE.glob("regist*.py"),
        *CODE.parent.glob("regist*.py"),
        *(CODE.parents[1] / "records/tables").glob("regist*.py"),
    ]
    texts = "\n".join(path.read_text(encoding="utf-8") for path in (*places, *PAGES.glob("regist*.html")))
    names = set(re.findall(r"""["'/]([a-z_]+)["'/]""", texts)) | {
        "activation_code",
        "registration_approved",
        "registration_received",
        "registration_returned",
    }
    parts = re.compile(r"(?:state|next|told|step|needed|message|account|foreign|originals|one)_|_hint$")
    keys = {key for key in messages() if key.startswith(("register.", "review."))}
    return {key for key in keys if {key.partition(".")[2], parts.sub("", key.partition(".")[2])} & names}


def test_every_key_that_is_used_has_both_texts_and_every_text_is_used() -> None:
    known, keys = set(messages()), _used()
    tables = {key.partition(".")[0] for key in known}
    files = (".html", ".css", ".csv", ".zip", "_")
    used = {key for key in keys if key.partition(".")[0] in tables and not key.endswith(files)}
    assert (used | _made()) - known == set()
    assert sorted(known - used - _made() - _of_registration()) == []


def test_a_chinese_text_is_chinese_and_an_english_one_is_not() -> None:
    for key, (zh, en) in messages().items():
        if key not in ("page.other_language", "page.logged_in", "page.colon"):
            assert HAN.search(zh) or "{" in zh, key
            assert not HAN.search(en), key


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_page_has_words_of_its_own(path: Path) -> None:
    own = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    texts: list[str] = []

    class Parser(HTMLParser):
        def handle_data(self, data: str) -> None:
            texts.append(re.sub(r' [a-z-]+="[^"]*"', "", data))  # a macro that prints attributes

    Parser().feed(own)
    assert not [text for text in texts if re.search(r"[A-Za-z]{2,}|[\u4e00-\u9fff]", text)]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_page_has_inline_script_or_style(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'<script src="/static/[a-z]+\.js" defer></script>', "", text)
    assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert "| safe" not in text and "|safe" not in text


def test_every_page_compiles_with_strict_names() -> None:
    made = environment()
    assert made.undefined is jinja2.StrictUndefined and made.autoescape is True
    for path in TEMPLATES:
        made.get_template(path.name)


@pytest.mark.parametrize("text", ['[a]\nb = ["中文"]', '[a]\nb = ["中文", ""]', '[a]\nb = ["{x}", "{y}"]'])
def test_a_message_without_its_twin_is_refused(text: str) -> None:
    with pytest.raises(Permanent):
        read(text)


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/inbox/../x", "/login", "/inbox?x=1", ""])
def test_after_logging_in_nobody_is_sent_to_another_site(path: str) -> None:
    assert safe_next(path) == "/"


def test_after_logging_in_one_comes_back_to_ones_page() -> None:
    assert safe_next("/inbox/dlv_01/confirm") == "/inbox/dlv_01/confirm"


@pytest.mark.parametrize(
    ("typed", "read_as"),
    [
        ("20261122", "2026-11-22"),
        (" 2026-11-22 ", "2026-11-22"),
        ("2026年1月2日", "2026-01-02"),
        ("2026.1.2", "2026-01-02"),
        ("22/11/2026", "22/11/2026"),  # left for the rules to refuse: day and month could be meant either way
        ("2026112", "2026112"),
    ],
)
def test_a_day_is_read_as_clerks_type_it(typed: str, read_as: str) -> None:
    assert read_day(typed) == read_as


def test_a_form_becomes_a_record_and_a_record_a_form() -> None:
    typed = {
        "result": "leaving/served",
        "date": "20261122",
        "refusal_reason": "拒绝签收",
        "place": "天竺示例大街8号",
        "witnesses": "甲\n\n 乙 \n",
        "video": "1",
        "note": "",
    }
    record = desk_form.record_of(typed)
    assert record == {
        "method": "leaving",
        "outcome": "served",
        "date": "2026-11-22",
        "refusal_reason": "拒绝签收",
        "place": "天竺示例大街8号",
        "witnesses": ["甲", "乙"],
        "video": True,
    }
    assert desk_form.record_of(desk_form.fields_of(record)) == record


def test_the_form_offers_only_methods_that_the_instrument_allows() -> None:
    methods = manifests()["demand-letter"].methods
    offered = {value.split("/")[0] for _, some in desk_form.results(methods, Words("zh")) for value, _ in some}
    assert offered == set(methods)


def test_faults_stand_at_their_fields_in_the_visitors_language() -> None:
    faults = [Fault("/outcome", "x", "English", "中文"), Fault("/receiver", "y", "Name", "姓名")]
    assert desk_form.faults_of("result", faults, Words("zh")) == ("中文",)
    assert desk_form.faults_of("receiver", faults, Words("en")) == ("Name",)


def test_a_file_name_keeps_its_number_and_breaks_no_header() -> None:
    header = file_headers('处罚"决定书\r\n〔2026〕1号.pdf', 'No. "1"\r\nx: y/..\\.pdf', download=True)[
        "Content-Disposition"
    ]
    assert "\r" not in header and "\n" not in header
    assert header.count('"') == 2 and "/" not in header and "\\" not in header
    assert "filename*=UTF-8''%E5%A4%84%E7%BD%9A" in header
