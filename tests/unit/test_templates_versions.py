"""Frozen templates: nothing is lost by freezing; released versions; what differs, told block by block."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.cli import main
from records.errors import Permanent, Refused
from templates import released
from templates.catalogue import Instrument, catalogue, load_instrument, thawed
from templates.clauses import read_clauses
from templates.differences import Difference, differences, told
from templates.printing import print_document
from templates.typesetters import typst
from tests.printed import imprint, printed_sample
from tests.template_folder import TemplateFolder, own_folder

DECISION, LETTER = "penalty-decision", "confirmation-letter"
EVERY = catalogue().ids()
OPENED = "现已调查终结"


# --- freezing


@pytest.mark.parametrize("identifier", EVERY)
def test_freezing_loses_nothing(identifier: str) -> None:
    """Everything that printing reads is the same again, and freezing it once more gives the same bytes."""
    instrument = catalogue().get(identifier)
    again = thawed(instrument.content)
    assert again.content == instrument.content
    assert (again.digest, again.version, again.manifest) == (instrument.digest, instrument.version, instrument.manifest)
    assert again.stock.laws == instrument.stock.laws
    if instrument.clauses is not None:
        assert again.clauses is not None
        assert again.clauses.source == instrument.clauses.source
        assert again.clauses.dated == instrument.clauses.dated
        assert [block.kind for block in again.clauses.blocks] == [block.kind for block in instrument.clauses.blocks]


def test_a_frozen_template_prints_the_same_bytes() -> None:
    again = thawed(catalogue().get(DECISION).content)
    assert print_document(again, again.sample_facts(), imprint(again)) == printed_sample(DECISION)


def test_a_word_template_is_frozen_whole() -> None:
    assert thawed(catalogue().get(LETTER).content).body == catalogue().get(LETTER).body is not None


def test_a_citation_keeps_the_name_that_the_law_had() -> None:
    instrument = catalogue().get(DECISION)
    laws = {**instrument.stock.laws, "work-safety-law": {"zh": "旧安全法", "en": "Old Safety Law"}}
    former = thawed(replace(instrument, stock=replace(instrument.stock, laws=laws)).content)
    assert former.digest != instrument.digest
    assert former.clauses is not None
    from templates.printing import composed

    words = json.dumps(composed(former, former.sample_facts(), imprint(former)), ensure_ascii=False)
    assert "《旧安全法》第四十一条" in words
    assert "Old Safety Law" in words


def test_what_came_into_manifests_later_changes_the_digest_of_those_alone_that_use_it() -> None:
    """An instrument without seam and code has the digest that it had before manifests knew of them: no new version."""
    notice, decision = catalogue().get("hearing-notice"), catalogue().get(DECISION)
    assert not {"seals", "seam", "seam_pages", "code"} & set(json.loads(notice.content)["manifest"]["print"])
    kept = json.loads(decision.content)["manifest"]["print"]
    assert (kept["seam"], kept["code"]) == ("right", True)
    with_seal = replace(notice.print, seals=("official", "signature_stamp"), seam="left", seam_pages=4)
    changed = replace(notice, manifest=replace(notice.manifest, print=with_seal))
    assert changed.digest != notice.digest
    assert thawed(changed.content).manifest == changed.manifest


def test_a_template_of_other_fonts_is_not_printed() -> None:
    instrument = catalogue().get(DECISION)
    former = replace(instrument, stock=replace(instrument.stock, fonts="others"))
    with pytest.raises(Permanent, match="other fonts"):
        print_document(former, former.sample_facts(), imprint(former))


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"format": 2}', b'{"format":1,"manifest":{"id":"x"}}'])
def test_what_is_no_frozen_template_is_refused(content: bytes) -> None:
    with pytest.raises(Permanent, match="frozen template"):
        thawed(content)


def test_a_bare_date_cannot_be_frozen_and_a_bare_word_is_no_code() -> None:
    block = {"kind": "clause", "zh": "甲", "en": "A"}
    instrument = catalogue().get(DECISION)
    from datetime import date

    dated = read_clauses({"blocks": [{**block, "when": {"decided_on": date(2026, 1, 1)}}]}, "x")
    with pytest.raises(Permanent, match="bare date"):
        _ = replace(instrument, clauses=dated).content
    with pytest.raises(Permanent, match="is no text"):
        read_clauses({"blocks": [block], "words": {"answer": {True: {"zh": "是", "en": "yes"}}}}, "x")


# --- released versions


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(released, "RELEASED", tmp_path / "released.json")
    return tmp_path / "released.json"


def test_a_released_version_may_not_change(lock: Path) -> None:
    instrument = catalogue().get(DECISION)
    assert released.version_faults(instrument) == []
    assert released.release([instrument]) == [f"{DECISION} {instrument.version}"]
    assert released.release([instrument]) == []
    assert released.version_faults(instrument) == []
    changed = replace(instrument, manifest=replace(instrument.manifest, title_en="Another"))
    assert [fault.code for fault in released.version_faults(changed)] == ["version_changed"]
    before = lock.read_bytes()
    with pytest.raises(Refused, match=DECISION):
        released.release([catalogue().get("hearing-notice"), changed])
    assert lock.read_bytes() == before
    raised = replace(changed, stock=replace(changed.stock, version="2"))
    assert released.version_faults(raised) == []


def test_the_command_releases(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "release", DECISION, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"released": [f"{DECISION} {catalogue().get(DECISION).version}"]}
    assert list(json.loads(lock.read_text("utf-8"))) == [DECISION]


def test_the_committed_list_of_released_versions_holds() -> None:
    for identifier in EVERY:
        assert released.version_faults(catalogue().get(identifier)) == []


# --- differences


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TemplateFolder]:
    folder = own_folder(monkeypatch, tmp_path / "templates", DECISION)
    yield folder
    monkeypatch.undo()
    folder.restart()


def changed(folder: TemplateFolder, *edits: tuple[str, str, str]) -> list[Difference]:
    """What differs between the decision as it is and as edited."""
    old: Instrument = catalogue().get(DECISION)
    for name, before, after in edits:
        folder.edit(name, before, after)
    folder.restart()
    return differences(old, load_instrument(folder.root / "instruments" / DECISION))


CLAUSES = f"instruments/{DECISION}/clauses.yaml"


def test_nothing_differs_from_itself(folder: TemplateFolder) -> None:
    assert changed(folder) == []


def test_a_changed_word_is_told_in_its_block_and_language(folder: TemplateFolder) -> None:
    found = changed(folder, (CLAUSES, OPENED, "现已全部调查终结"))
    assert [(each.place[0], each.place[-1]) for each in found] == [("clauses.yaml", "zh")]
    assert "clause opened, 行政处罚法 54" in found[0].place[1]
    assert "现已{+全部+}调查终结" in told(found)


def test_a_new_block_and_one_that_went_are_told_whole(folder: TemplateFolder) -> None:
    found = changed(
        folder,
        (CLAUSES, "  - use: officers\n", ""),
        (CLAUSES, "  - kind: title\n", "  - kind: title\n  - {kind: clause, id: more, zh: 新增。, en: Added.}\n"),
    )
    text = told(found)
    assert "clause more" in text
    assert "{+新增。+}" in text and "{+Added.+}" in text
    assert "fields officers" in text
    assert all(each.new is None for each in found if "officers" in each.place[1])


def test_a_change_of_a_shared_part_is_told_where_it_is_printed(folder: TemplateFolder) -> None:
    found = changed(folder, ("parts.yaml", "zh: 住所（地址）", "zh: 住所"))
    assert any("住所" in " ".join(each.place) + str(each.new) for each in found)
    assert {each.place[0] for each in found} == {"clauses.yaml"}


def test_manifest_facts_and_page_are_told(folder: TemplateFolder) -> None:
    found = changed(
        folder,
        (f"instruments/{DECISION}/instrument.toml", 'version = "2"', 'version = "3"'),
        (f"instruments/{DECISION}/facts.json", '"decided_on"', '"decided_at"'),
        ("typesetters/songda.typ", "top: 37mm", "top: 30mm"),
    )
    files = [each.place[0] for each in found]
    assert set(files) == {"instrument.toml", "facts.json", "songda.typ"}
    version = next(each for each in found if each.place[-1] == "version")
    assert (version.old, version.new) == ("2", "3")


def test_the_command_compares_a_folder_with_the_installed_one(
    folder: TemplateFolder, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    present = catalogue().get(DECISION)
    frozen = tmp_path / "frozen.json"
    frozen.write_bytes(present.content)
    folder.edit(CLAUSES, OPENED, "现已全部调查终结")
    folder.restart()
    assert main(["templates", "diff", DECISION, str(frozen)]) == 0
    shown = capsys.readouterr().out
    assert "现已{+全部+}调查终结" in shown
    assert f"{frozen}, {present.version} → folder, {present.version}" in shown
    assert main(["templates", "diff", DECISION, "folder", str(folder.root / "instruments" / DECISION), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["differences"] == []


def test_without_an_installation_a_used_version_is_unknown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--home", str(tmp_path), "templates", "diff", DECISION, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "not_installed"


def test_printing_goes_on_when_somebody_tidied_up_the_temporary_folder() -> None:
    first = printed_sample(DECISION)
    shutil.rmtree(typst._sources())
    instrument = catalogue().get(DECISION)
    assert print_document(instrument, instrument.sample_facts(), imprint(instrument)) == first
