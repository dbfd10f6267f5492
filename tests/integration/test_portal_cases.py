"""The case at the desk: everything of it on one page, for its own authority only, by the same few queries."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from delivery.portal import timeline_lines
from records import deliveries, documents, ledger, seals, volumes
from records.database import Database
from records.errors import Permanent
from records.ids import new_id
from records.tables import delivery, document
from tests.integration.test_desk import SCAN, direct, record
from tests.integration.test_paper_attempts import begin
from tests.integration.test_portal_desk import search
from tests.integration.test_portal_inbox import confirm_it, open_it
from tests.integration.test_portal_submissions import hand_in, picture
from tests.integration.test_portal_work import queries
from tests.portal_house import AUTHORITY, PortalHouse, furnish, hidden
from tests.rows import allow_everything

CASE = "华北罚立〔2026〕17号"


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


@pytest.fixture
def client(house: PortalHouse) -> TestClient:
    return house.browser("clerk")


def document_of(house: PortalHouse, delivery_id: str) -> str:
    return str(house.row(delivery_id)["document_id"])


def set_status(house: PortalHouse, document_id: str, status: str, **more: Any) -> None:
    with house.database.write() as connection:
        connection.execute(document.update().where(document.c.id == document_id).values(status=status, **more))


def undelivered(house: PortalHouse, status: str, *, number: int = 9, **more: Any) -> str:
    """A document of the case that is served on nobody; its id."""
    delivery_id = house.deliver(number=number, release=False)
    found = document_of(house, delivery_id)
    with house.database.write() as connection:
        connection.execute(delivery.delete().where(delivery.c.id == delivery_id))
    set_status(house, found, status, **more)
    return found


def case_page(client: TestClient, document_id: str, query: str = "") -> str:
    answer = client.get(f"/desk/cases/{document_id}{query}")
    assert answer.status_code == 200, answer.text
    return answer.text


def post(client: TestClient, path: str, page: str, **fields: str) -> Any:
    return client.post(path, data={"csrf": hidden(client.get(page).text, "csrf")} | fields)


def section(page: str, name: str) -> str:
    """The part of the page under the heading `name`."""
    return page.split(f'<h2 id="{name}">')[1].split("</section>")[0]


def test_a_case_shows_every_document_whatever_became_of_it(house: PortalHouse, client: TestClient) -> None:
    served = house.deliver("penalty-decision", number=1)
    kept = {
        undelivered(house, status, number=2 + nth, **more): word
        for nth, (status, more, word) in enumerate(
            [
                ("accepted", {"number_zh": None, "number_en": None}, "已受理，尚未编号"),
                ("numbered", {}, "已编号，正在印制"),
                ("rendered", {}, "已印制，等待用印或者签发"),
                ("failed", {"reason": "secret of an operator"}, "制作失败"),
                ("void", {"reason": "写错了当事人"}, "已作废"),
                ("cancelled", {"reason": "重复提交"}, "已取消"),
            ]
        )
    }
    elsewhere = house.deliver(number=40, case_no="另案〔2026〕1号")
    page = case_page(client, document_of(house, served))
    listed = section(page, "documents")
    for document_id, word in kept.items():
        assert f'href="/desk/documents/{document_id}"' in listed and word in listed
        assert word in client.get(f"/desk/documents/{document_id}").text
    assert f'href="/desk/{served}"' in listed and "写错了当事人" in listed and "重复提交" in listed
    assert "secret of an operator" not in page and "作废" in listed and "文书数" in page
    assert document_of(house, elsewhere) not in page and elsewhere not in page
    for document_id in kept:  # the case is the same from each of its documents
        assert section(case_page(client, document_id), "documents") == listed


def test_the_address_of_a_case_holds_no_number_and_no_case(house: PortalHouse, client: TestClient) -> None:
    page = case_page(client, document_of(house, house.deliver("penalty-decision")))
    links = re.findall(r'(?:href|action)="([^"]+)"', page)
    assert links and not [each for each in links if CASE in each or "%" in each or "〔" in each]


def test_a_case_is_found_by_its_number_also_without_a_delivery_and_by_one_s_own_authority_only(
    house: PortalHouse, client: TestClient
) -> None:
    found = undelivered(house, "accepted", number_zh=None, number_en=None)
    for text in (CASE, "立〔2026〕17", CASE.lower()):
        assert f'href="/desk/cases/{found}"' in search(client, text).text
    assert f"/desk/cases/{found}" not in search(client, "%").text  # not a pattern
    other = house.browser("clerk-elsewhere")
    assert f"/desk/cases/{found}" not in search(other, CASE).text
    assert client.get("/desk/search?lang=en").headers["location"] == "/desk?lang=en"
    assert client.post("/desk/search", data={"find": CASE}).status_code == 403  # a form of this session only


def test_a_case_of_another_authority_does_not_exist(house: PortalHouse) -> None:
    served = house.deliver("penalty-decision")
    found, other = document_of(house, served), house.browser("clerk-elsewhere")
    csrf = hidden(other.get("/desk").text, "csrf")
    before = events(house, found)
    for path in (
        *(f"/desk/cases/{found}", f"/desk/documents/{found}", f"/desk/documents/{found}/document.pdf"),
        *(f"/desk/documents/{found}/void", f"/desk/documents/{found}/cancel", f"/desk/{served}/receipt.pdf"),
        *(f"/desk/cases/{found}/files/cfl_1", f"/desk/cases/{found}/volumes/vol_1"),
    ):
        assert other.get(path).status_code == 404, path
    for path in (f"/desk/documents/{found}/void", f"/desk/documents/{found}/cancel", f"/desk/cases/{found}/volume"):
        assert other.post(path, data={"csrf": csrf, "reason": "x"}).status_code == 404, path
    assert events(house, found) == before


def events(house: PortalHouse, document_id: str) -> list[str]:
    with house.database.read() as connection:
        assert not list(ledger.verify(connection))
        return [each.kind for each in ledger.events(connection, document_id)]


# --- timeline --------------------------------------------------------------------------------------------------------


def test_the_timeline_tells_in_words_who_did_what_the_earliest_first(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-prior-notice")
    party = house.browser("NEA-FLB")
    open_it(party, delivery_id)
    confirm_it(party, delivery_id)
    place = hand_in(party, delivery_id)
    post(client, f"/desk/submissions/{place.rpartition('/')[2]}/take", f"/desk/submissions/{place.rpartition('/')[2]}")
    begin(house, house.deliver("penalty-decision", number=2))
    told = section(case_page(client, document_of(house, delivery_id)), "timeline")
    words = ("当事人首次打开", "当事人确认收讫", "当事人提交材料", "接收材料", "新建一次纸质送达")
    places = [told.index(f"<strong>{each}</strong>") for each in words]
    assert places == sorted(places)
    assert "法律部" in told and "刘芳" in told and "陈述、申辩" in told and "北方示例航空有限公司" in told
    assert "2026年11月23日" in told and not re.search(r"\b(delivery|submission|paper|service)\.[a-z]", told)
    english = section(case_page(client, document_of(house, delivery_id), "?lang=en"), "timeline")
    assert "Receipt confirmed by the party" in english and "Attempt on paper begun" in english


def test_an_event_of_a_kind_without_words_is_shown_and_no_actor_is_left_out(
    house: PortalHouse, client: TestClient
) -> None:
    found = document_of(house, house.deliver("penalty-decision"))
    with house.database.write() as connection:
        for nth, actor in enumerate((f"client:{house.client_id}", "operator:root", "system", "somebody")):
            ledger.append(connection, found, f"new/{nth}", "novelty.arrived", actor=actor, body={"reason": "缘由"})
    told = section(case_page(client, found), "timeline")
    assert told.count("其他记录（novelty.arrived）") == 4 and told.count("缘由") == 4
    assert all(who in told for who in ("case system", "系统管理员（root）", "· 系统<", "· somebody<"))


def test_an_event_of_an_earlier_version_that_tells_less_is_shown(house: PortalHouse, client: TestClient) -> None:
    found = document_of(house, house.deliver("penalty-decision"))
    kinds = [f"{group}.{name}" for group, some in timeline_lines.KINDS.items() for name in some]
    with house.database.write() as connection:
        for nth, kind in enumerate(kinds):
            ledger.append(connection, found, f"bare/{nth}", kind)
    assert section(case_page(client, found), "timeline").count("<strong>") >= len(kinds)


def test_every_kind_of_the_ledger_that_tells_of_documents_has_words() -> None:
    """What is appended to the streams of documents, as the code names it."""
    root = Path(timeline_lines.__file__).parents[2]
    code = "\n".join(
        path.read_text("utf-8") for part in ("records", "delivery", "pipeline") for path in (root / part).rglob("*.py")
    )
    known = {f"{group}.{name}" for group, some in timeline_lines.KINDS.items() for name in some}
    groups = "delivery|service|paper|submission|objection|copy|link|deadlines|reminder"
    named = set(re.findall(rf'^\s+"((?:{groups})\.(?!html)[a-z_]+)",$', code, re.MULTILINE))
    assert len(named) > 12 and named <= known


def test_a_long_timeline_is_shown_in_parts_the_last_one_first(
    house: PortalHouse, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline_lines, "PER_PAGE", 10)
    found = document_of(house, house.deliver("penalty-decision"))
    with house.database.write() as connection:
        before = ledger.count_all(connection, [found])
        for nth in range(25 - before):
            ledger.append(connection, found, f"n/{nth:02}", "novelty.arrived", body={"note": f"第{nth + before:02}件"})
    last = section(case_page(client, found), "timeline")
    assert "第3页，共3页" in last and "第24件" in last and "第19件" not in last
    middle = section(case_page(client, found, "?part=2"), "timeline")
    assert re.findall("第([0-9]{2})件", middle) == [f"{nth:02}" for nth in range(10, 20)]
    assert "?part=1#timeline" in middle and "?part=3#timeline" in middle
    assert section(case_page(client, found, "?part=900"), "timeline") == last  # there are no more
    assert client.get(f"/desk/cases/{found}?part=0").status_code == 404


def test_the_page_asks_the_same_number_of_questions_for_one_document_and_for_twenty(
    house: PortalHouse, client: TestClient
) -> None:
    def filled(number: int, case_no: str) -> str:
        delivery_id = house.deliver("penalty-decision", number=number, case_no=case_no)
        begin(house, delivery_id)
        record(house, delivery_id, direct(house))
        house.settle(delivery_id)
        return document_of(house, delivery_id)

    small = filled(1, "小案〔2026〕1号")
    large = [filled(number, CASE) for number in range(2, 22)][-1]
    case_page(client, small)
    with queries(house.database) as few:
        case_page(client, small)
    with queries(house.database) as many:
        page = case_page(client, large)
    assert section(page, "documents").count("<h3>") == 20
    assert len(many) == len(few) < 45, (len(few), len(many))


# --- limits, files, what came in -------------------------------------------------------------------------------------


def test_the_limit_that_ends_next_stands_first(house: PortalHouse, client: TestClient) -> None:
    late = house.deliver("penalty-decision", number=1)
    record(house, late, direct(house))
    house.settle(late)
    soon = house.deliver("penalty-prior-notice", number=2)
    party = house.browser("NEA-FLB")
    open_it(party, soon)
    confirm_it(party, soon)
    house.settle(soon)
    told = section(case_page(client, document_of(house, late)), "deadlines")
    lines = re.findall(r'datetime="([^"]+)".*?<span class="badge (\w+)"', told)
    assert len(lines) > 2 and f"/desk/{soon}#deadlines" in told and f"/desk/{late}#deadlines" in told
    done = [code in ("met", "over") for _, code in lines]
    assert True in done and done == sorted(done)  # what is done stands at the end
    assert lines == sorted(lines, key=lambda line: (line[1] in ("met", "over"), line[0]))


def test_every_file_of_the_case_can_be_fetched_from_its_page(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-prior-notice")
    party = house.browser("NEA-FLB")
    open_it(party, delivery_id)
    confirm_it(party, delivery_id)
    hand_in(party, delivery_id, file1=("证据.png", picture(), "image/png"))
    served = house.deliver("penalty-decision", number=2)
    record(house, served, direct(house))
    digest = house.store.put(picture())
    with house.database.write() as connection:
        documents.record_artifact(connection, digest, len(picture()), "image/png")
        names = {"title_zh": "现场照片", "title_en": "Photo of the site", "day": "2026-11-20", "digest": digest}
        volumes.add_file(connection, AUTHORITY, CASE, by="x", client_id=house.client_id, part="八", **names)
    page = case_page(client, document_of(house, delivery_id))
    links = re.findall(r'href="([^"]+)"', section(page, "files"))
    kinds = ("document.pdf", "receipt.pdf", "/scans/ppr_", "/submissions/sub_", "/files/cfl_")
    assert all(any(kind in link for link in links) for kind in kinds), links
    for link in links:
        answer = client.get(link)
        assert answer.status_code == 200 and answer.content, link
        assert "content-disposition" in answer.headers and answer.headers["x-content-type-options"] == "nosniff"
    added = client.get(next(link for link in links if "/files/cfl_" in link))
    assert added.content == picture() and added.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in added.headers["content-security-policy"]
    assert "证据.png" in page and "现场照片" in page and "陈述、申辩" in section(page, "received")
    scans = client.get(next(link for link in links if "/scans/" in link))
    assert scans.content == SCAN
    assert client.get(f"/desk/{served}/receipt.pdf").status_code == 404  # nobody confirmed that one


# --- the volume ------------------------------------------------------------------------------------------------------


def allow_volumes(house: PortalHouse) -> None:
    """A seal, and an approver's grant that covers everything."""
    with house.database.write() as connection:
        seal_id = seals.register(
            connection, AUTHORITY, ring_text="示例", second_line="行政执法专用章", key_uri="pkcs12:none", test=True
        )
        allow_everything(connection, seal_id)


def test_the_volume_is_made_where_a_grant_covers_it_and_stands_among_the_files(
    house: PortalHouse, client: TestClient
) -> None:
    found = document_of(house, house.deliver("penalty-decision"))
    asked: list[tuple[str, str]] = []
    portal = house.app.state.portal

    def volume(person: Any, case_no: str) -> bytes:
        asked.append((person.authority_id, case_no))
        return b"%PDF-"

    object.__setattr__(portal, "volume", volume)
    assert "没有适用于案卷的有效用印授权" in case_page(client, found) and "/volume" not in case_page(client, found)
    allow_volumes(house)
    assert f'action="/desk/cases/{found}/volume"' in case_page(client, found)
    answer = post(client, f"/desk/cases/{found}/volume", f"/desk/cases/{found}")
    assert answer.headers["location"] == f"/desk/cases/{found}?told=volume" and asked == [(AUTHORITY, CASE)]
    assert "案卷已制作" in case_page(client, found, "?told=volume")


@pytest.mark.parametrize(
    ("error", "words"), [(LookupError("x"), "没有已签发的文书"), (Permanent("of an operator"), "案卷未能制作")]
)
def test_a_volume_that_cannot_be_made_says_so_on_the_page(
    house: PortalHouse, client: TestClient, error: Exception, words: str
) -> None:
    found = document_of(house, house.deliver("penalty-decision"))

    def refuse(_person: Any, _case_no: str) -> bytes:
        raise error

    object.__setattr__(house.app.state.portal, "volume", refuse)
    answer = post(client, f"/desk/cases/{found}/volume", f"/desk/cases/{found}")
    assert answer.status_code == 409 and words in answer.text and "of an operator" not in answer.text
    assert client.get(f"/desk/cases/{found}/volume").headers["location"] == f"/desk/cases/{found}"


# --- cancelled, void -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "act", "then"),
    [
        ("accepted", "cancel", "cancelled"),
        *((each, "void", "void") for each in ("numbered", "rendered", "sealed", "failed")),
    ],
)
def test_before_its_release_a_document_is_ended_with_a_reason_by_the_clerk(
    house: PortalHouse, client: TestClient, status: str, act: str, then: str
) -> None:
    found = undelivered(house, status)
    page = client.get(f"/desk/documents/{found}").text
    assert f'href="/desk/documents/{found}/{act}"' in page
    other = "void" if act == "cancel" else "cancel"
    assert f"/desk/documents/{found}/{other}" not in page
    path = f"/desk/documents/{found}/{act}"
    assert "不能撤回" in client.get(path).text
    for empty in ("", "  ", "长" * 501):
        refused = post(client, path, path, reason=empty)
        assert refused.status_code == 422 and 'aria-invalid="true"' in refused.text
    assert row(house, found)["status"] == status
    csrf = hidden(client.get(path).text, "csrf")
    for _ in range(2):  # a second click changes nothing
        answer = client.post(path, data={"csrf": csrf, "reason": " 写错了当事人 "})
        assert answer.headers["location"] == f"/desk/documents/{found}?told={act}"
    assert (row(house, found)["status"], row(house, found)["reason"]) == (then, "写错了当事人")
    with house.database.read() as connection:
        (event,) = [each for each in ledger.events(connection, found) if each.kind == f"document.{then}"]
        assert not list(ledger.verify(connection))
        clerk = connection.execute(sa.text("select id from person where login = 'clerk'")).scalar_one()
    assert (event.actor, event.body["reason"]) == (clerk, "写错了当事人")
    after = client.get(f"/desk/documents/{found}?told={act}").text
    assert 'role="status"' in after and path not in after and "写错了当事人" in after
    assert "写错了当事人" in section(case_page(client, found), "timeline")


def row(house: PortalHouse, document_id: str) -> sa.RowMapping:
    with house.database.read() as connection:
        return documents.get(connection, document_id)


@pytest.mark.parametrize("status", ["released", "changed", "revoked"])
@pytest.mark.parametrize("act", ["cancel", "void"])
def test_004_100_a_released_document_is_never_cancelled_or_void(
    house: PortalHouse, client: TestClient, status: str, act: str
) -> None:
    found = document_of(house, house.deliver("penalty-decision"))
    set_status(house, found, status)
    page = client.get(f"/desk/documents/{found}").text
    assert "不能取消或者作废" in page and f"/{act}" not in page
    before, path = events(house, found), f"/desk/documents/{found}/{act}"
    shown = client.get(path)
    assert shown.status_code == 409 and "撤销（变更）决定书" in shown.text and "<textarea" not in shown.text
    answer = client.post(path, data={"csrf": hidden(page, "csrf"), "reason": "误发"})
    assert answer.status_code == 409 and "撤销（变更）决定书" in answer.text
    assert row(house, found)["status"] == status and events(house, found) == before


def test_a_document_that_got_its_number_meanwhile_is_not_cancelled(house: PortalHouse, client: TestClient) -> None:
    found = undelivered(house, "accepted")
    csrf = hidden(client.get(f"/desk/documents/{found}/cancel").text, "csrf")
    set_status(house, found, "numbered")
    answer = client.post(f"/desk/documents/{found}/cancel", data={"csrf": csrf, "reason": "重复"})
    assert answer.status_code == 409 and row(house, found)["status"] == "numbered"


def test_deliveries_of_a_void_document_end_with_it(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver(release=False)
    found = document_of(house, delivery_id)
    set_status(house, found, "rendered")
    path = f"/desk/documents/{found}/void"
    assert f'href="/desk/documents/{found}"' in client.get(f"/desk/{delivery_id}").text
    post(client, path, path, reason="重复")
    assert events(house, found) == ["document.void", "delivery.ended"]
    with house.database.read() as connection:
        assert [each["id"] for each in deliveries.of_document(connection, found)] == [delivery_id]


def test_nobody_acts_on_a_document_that_is_not_there(house: PortalHouse, client: TestClient) -> None:
    unknown = new_id("doc")
    assert client.get(f"/desk/cases/{unknown}").status_code == 404
    assert client.get(f"/desk/documents/{unknown}").status_code == 404
    assert client.get("/desk/cases/华北罚立").status_code == 404
