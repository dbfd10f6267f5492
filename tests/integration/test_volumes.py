"""Case volumes (004-92, 93): order, numbers, bookmarks, seal, and signed originals that stay verifiable."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx2
import pikepdf
import pypdf
import pytest
from PIL import Image

from delivery.volumes import order
from pipeline.verifying import verdict_of
from pipeline.volumes import SealedVolume, make_volume
from records import archives, documents, ledger
from tests.portal_house import hidden
from tests.system import SAMPLES, System, running_system, sample

CASE = sample("penalty-decision")["case_no"]
AUTHORITY = sample("penalty-decision")["authority"]


def _picture(kind: str, size: tuple[int, int], mode: str = "RGB") -> bytes:
    made = io.BytesIO()
    Image.new(mode, size, "gray" if mode == "RGB" else (0, 90, 200, 128)).save(made, kind)
    return made.getvalue()


def _scan() -> bytes:
    """A page of an odd size, turned, as a scanner makes it; no PDF/A."""
    made, pdf = io.BytesIO(), pikepdf.new()
    page = pdf.add_blank_page(page_size=(400, 700))
    page.obj.Rotate = 90
    page.obj.Contents = pdf.make_stream(b"0.8 g 20 20 360 660 re f")
    pdf.save(made)
    return made.getvalue()


@dataclass
class Case:
    system: System
    released: dict[str, str]  # document id -> instrument

    def post(self, path: str, content: bytes, media_type: str, **query: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.system.access.api_key}", "Content-Type": media_type}
        url = f"{self.system.access.url}/v1/cases/{quote(CASE)}/{path}"
        return httpx2.post(url, params=query, content=content, headers=headers, timeout=60)

    def volume(self) -> SealedVolume:
        return make_volume(self.system.songda, AUTHORITY, CASE, client_id=None, by="operator:test")

    def verdict(self, pdf: bytes) -> dict[str, object]:
        return verdict_of(pdf, Path(self.system.songda.settings.trust_list), test_system=True)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    names = [
        path.stem
        for path in sorted(SAMPLES.glob("*.json"))
        if (job := json.loads(path.read_text("utf-8")))["case_no"] == CASE and len(job["documents"]) == 1
    ]
    with running_system(tmp_path_factory.mktemp("volume") / "home", workers=1) as system:
        released = {}
        for name in names:
            headers = {"Authorization": f"Bearer {system.access.api_key}", "Idempotency-Key": name}
            url = f"{system.access.url}/v1/jobs"
            answer = httpx2.post(url, json=sample(name), headers=headers, timeout=60)
            assert answer.status_code == 202, answer.text
            released[answer.json()["documents"][0]["id"]] = name
        system.wait_until_done(120)
        yield Case(system, released)


@pytest.fixture(scope="module")
def first(case: Case) -> SealedVolume:
    return case.volume()


def _text(page: pypdf.PageObject) -> str:
    return page.extract_text().replace(" ", "").replace("\n", "")


def test_004_92_papers_stand_in_their_order_with_the_printed_numbers(case: Case, first: SealedVolume) -> None:
    outline = pypdf.PdfReader(io.BytesIO(first.pdf)).outline
    titles = [item.title for item in outline if not isinstance(item, list)]
    parts = [f"（{part.number}）" for part in order().parts]
    assert "（五）" not in parts  # the source has none
    assert titles[:2] == ["封面 Cover", "卷内目录 Contents"]
    found = [title.partition("）")[0] + "）" for title in titles[2:]]
    assert found == [part for part in parts if part in found] and len(found) > 4
    papers = [item for item in outline if isinstance(item, list)]
    assert sum(len(inside) for inside in papers) == len(case.released)


def test_004_93_every_page_is_numbered(first: SealedVolume) -> None:
    reader = pypdf.PdfReader(io.BytesIO(first.pdf))
    assert len(reader.pages) == first.pages
    labels = reader.page_labels
    front = labels.index("1")
    assert labels[:front] == ["i", "ii", "iii", "iv"][:front]
    papers = first.pages - front
    for number, page in enumerate(reader.pages[front:], 1):
        assert f"第{number}页共{papers}页" in _text(page), number
    assert f"{papers}页" in _text(reader.pages[0])


def test_the_contents_name_the_first_and_last_page_of_each_paper(first: SealedVolume) -> None:
    reader = pypdf.PdfReader(io.BytesIO(first.pdf))
    front = reader.page_labels.index("1")
    contents = "".join(_text(page) for page in reader.pages[1:front])
    decision = next(
        item for inside in reader.outline if isinstance(inside, list) for item in inside if "处罚决定书" in item.title
    )
    number = reader.get_destination_page_number(decision) + 1 - front
    assert "民用航空行政处罚决定书*" in contents and f"{number}–" in contents
    assert "民用航空行政处罚决定书" in _text(reader.pages[front + number - 1])


def test_the_volume_is_sealed_and_its_signed_originals_verify_by_themselves(case: Case, first: SealedVolume) -> None:
    told = case.verdict(first.pdf)
    assert told["verdict"] == "valid" and told["test"], told["reasons"]
    attached = pypdf.PdfReader(io.BytesIO(first.pdf)).attachments
    assert attached
    for name, contents in attached.items():
        assert name.removesuffix(".pdf") in case.released
        assert case.verdict(contents[0])["verdict"] == "valid", name


def test_it_claims_pdf_a_3_because_all_its_papers_allow_it(first: SealedVolume) -> None:
    with pikepdf.open(io.BytesIO(first.pdf)) as pdf:
        metadata = pdf.open_metadata()
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "B")
        assert all(spec.AFRelationship == pikepdf.Name.Source for spec in pdf.Root.AF)
        assert "/OutputIntents" in pdf.Root
    assert first.archival


def test_the_same_papers_give_the_same_volume_and_one_use_of_the_seal(case: Case, first: SealedVolume) -> None:
    again = case.volume()
    assert (again.id, again.pdf) == (first.id, first.pdf)
    with case.system.songda.database.read() as connection:
        stream = f"case:{AUTHORITY}:{CASE}"
        assert [event.kind for event in ledger.events(connection, stream)] == ["case.volume_sealed"]
        assert list(ledger.verify(connection, stream)) == []


@pytest.mark.usefixtures("first")
def test_files_are_added_once_and_what_is_no_scan_is_refused_naming_the_field(case: Case) -> None:
    about = {"title_zh": "现场照片", "title_en": "Photo of the scene", "day": "2026-09-03"}
    photo = _picture("JPEG", (1600, 900))
    assert case.post("files", photo, "image/jpeg", **about).status_code == 201
    again = case.post("files", photo, "image/jpeg", **about)
    assert again.status_code == 200 and again.json()["file_id"] is None
    for bad, field in (
        ({"part": "五"}, "/part"),
        ({"title_zh": "\u202e照片"}, "/title_zh"),
        ({"title_en": " "}, "/title_en"),
    ):
        refused = case.post("files", photo, "image/jpeg", **(about | bad))
        assert refused.status_code == 422
        assert [fault["pointer"] for fault in refused.json()["faults"]] == [field]
    refused = case.post("files", b"%PDF-1.7 nothing", "application/pdf", **about)
    assert refused.status_code == 422 and refused.json()["faults"][0]["pointer"] == "/file"


def test_pictures_and_scans_stand_on_numbered_a4_pages_and_a_scan_ends_the_claim(
    case: Case, first: SealedVolume
) -> None:
    about = {"title_en": "Evidence", "day": "2026-09-03"}
    see_through = _picture("PNG", (300, 500), "RGBA")
    assert case.post("files", see_through, "image/png", title_zh="图", **about).status_code == 201
    assert case.post("files", _scan(), "application/pdf", title_zh="扫描件", **about).status_code == 201
    made = case.volume()
    assert made.id != first.id and not made.archival
    reader = pypdf.PdfReader(io.BytesIO(made.pdf))
    sizes = {tuple(sorted(round(float(each)) for each in page.mediabox[2:])) for page in reader.pages}
    assert sizes == {(595, 842)}
    front = reader.page_labels.index("1")
    papers = made.pages - front
    assert all(f"共{papers}页" in _text(page) for page in reader.pages[front:])
    assert "不声明为PDF/A-3" in "".join(_text(page) for page in reader.pages[:front])
    with pikepdf.open(io.BytesIO(made.pdf)) as pdf:
        assert "pdfaid:part" not in pdf.open_metadata()


def test_a_volume_is_kept_provable_like_a_document_and_given_out_as_it_was_renewed(case: Case) -> None:
    """Workers renew it by themselves; and a document that was renewed goes into later volumes as it is then."""
    songda, made = case.system.songda, case.volume()
    document_id = next(each for each, name in case.released.items() if name == "penalty-decision")
    with songda.database.write() as connection:
        assert set(archives.ask(connection, "operator:test", ids=[made.id, document_id])) == {made.id, document_id}
        archives.make_steps(connection, 10)  # a relay would within a minute
    case.system.wait_until_done(60)
    again = case.volume()
    assert again.id == made.id and again.digest != made.digest and again.pdf.startswith(made.pdf)
    assert case.verdict(again.pdf)["verdict"] == "valid"
    with songda.database.read() as connection:
        events = ledger.events(connection, f"case:{AUTHORITY}:{CASE}")
        kept = archives.get(connection, document_id)
    assert (events[-1].kind, events[-1].subject) == ("case.volume_renewed", made.id)
    assert events[-1].body["previous_digest"] == made.digest
    about = {"title_zh": "补充", "title_en": "Supplement", "day": "2026-09-04"}
    assert case.post("files", _picture("PNG", (200, 200)), "image/png", **about).status_code == 201
    with pikepdf.open(io.BytesIO(case.volume().pdf)) as pdf:
        original = bytes(pdf.attachments[f"{document_id}.pdf"].get_file().read_bytes())
    assert original == songda.store.get(kept["digest"]) != songda.store.get(kept["released_digest"])


def test_a_case_system_gets_its_own_volume_over_http_and_an_unknown_case_is_not_found(case: Case) -> None:
    headers = {"Authorization": f"Bearer {case.system.access.api_key}"}
    url = f"{case.system.access.url}/v1/cases"
    answer = httpx2.get(f"{url}/{quote(CASE)}/volume", headers=headers, timeout=120)
    assert answer.status_code == 200 and answer.content.startswith(b"%PDF-")
    again = httpx2.get(f"{url}/{quote(CASE)}/volume", headers=headers, timeout=120)
    assert again.headers["etag"] == answer.headers["etag"]
    assert httpx2.get(f"{url}/unknown/volume", headers=headers).status_code == 404
    assert httpx2.get(f"{url}/{quote(CASE)}/volume").status_code == 401


def test_a_clerk_makes_the_volume_at_the_desk_and_fetches_it_there(case: Case) -> None:
    clerk, document_id = case.system.access.people["clerk"], next(iter(case.released))
    place = f"/desk/cases/{document_id}"
    with httpx2.Client(base_url=case.system.access.url, timeout=60) as desk:
        form = {"csrf": hidden(desk.get("/login").text, "csrf"), "login": clerk.account, "password": clerk.password}
        assert desk.post("/login", data=form).status_code == 303
        answer = desk.post(f"{place}/volume", data={"csrf": hidden(desk.get(place).text, "csrf")})
        assert answer.headers["location"] == f"{place}?told=volume", answer.text
        made = case.volume()  # while nothing is added to the case, the same one
        assert f'href="{place}/volumes/{made.id}"' in desk.get(place).text.replace(_first(case), document_id)
        assert desk.get(f"{place}/volumes/{made.id}").content == made.pdf


def _first(case: Case) -> str:
    """The document by which the page of the case names it in addresses of its files."""
    with case.system.songda.database.read() as connection:
        return str(documents.whole_case(connection, AUTHORITY, CASE, limit=1)[0]["id"])
