"""Manifests: every identifier of the two seeds is known, and a wrong manifest is named by folder and field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from records.errors import Permanent, Refused
from signing import seams
from templates.manifests import EDGES, METHODS, load_manifest, manifest, manifests

_SERVED = """
    rectification-suggestion rectification-notice compulsory-measures-decision entrustment-letter inspection-sheet
    inspection-record on-the-spot-decision on-the-spot-fine-receipt fine-receipt evidence-preservation-notice
    evidence-preservation-extension evidence-return-list penalty-prior-notice hearing-rights-notice hearing-notice
    penalty-decision assistance-letter certificate-suspension-receipt enforcement-application demand-letter
    additional-fine-decision fax-service-copy transfer-letter penalty-notification revocation-decision correction-order
    immediate-removal-order recusal-decision no-penalty-decision hearing-refusal-notice stay-of-execution-notice
    rectification-of-text confirmation-letter
"""
_KEPT_IN_THE_FILE = """
    proof-of-service investigation-record on-site-record statement-record hearing-record transfer-approval-form
    handover-application handover-refusal investigation-report file-handover-slip file-completion-notice
    approval-submission hearing-report closing-report form-requisition void-declaration jurisdiction-request
    case-return-notice meeting-record case-filing-form
"""
SERVED, KEPT_IN_THE_FILE = _SERVED.split(), _KEPT_IN_THE_FILE.split()

GOOD = """
id = "some-notice"
title_zh = "某通知书"
title_en = "Some Notice"
articles = ["004-1"]
important = false
electronic = true
methods = ["direct"]
"""
PRINT = """
[print]
engine = "typst"
version = "1"
maker_zh = "某局"
maker_en = "Some Administration"
numbered = true
sealed = true
delivered = true
series = "penalty"
prevailing = "zh"
"""


def _write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "instrument.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_identifier_of_the_seeds_is_known() -> None:
    assert sorted(manifests()) == sorted(SERVED + KEPT_IN_THE_FILE)
    assert len(manifests()) == 53


def test_letter_ii4_the_important_instruments_are_the_two_decisions_and_the_decision_on_the_spot() -> None:
    important = {found.id for found in manifests().values() if found.important}
    assert important == {"penalty-decision", "compulsory-measures-decision", "on-the-spot-decision"}


@pytest.mark.parametrize("identifier", SERVED)
def test_what_is_served_has_a_way_of_service(identifier: str) -> None:
    assert manifest(identifier).served
    assert set(manifest(identifier).methods) <= set(METHODS)


@pytest.mark.parametrize("identifier", KEPT_IN_THE_FILE)
def test_internal_forms_and_records_are_never_served_on_a_party(identifier: str) -> None:
    assert not manifest(identifier).served
    assert not manifest(identifier).electronic
    assert manifest(identifier).methods == ()


def test_compulsion_law_38_the_demand_letter_is_never_served_by_account_or_fax() -> None:
    assert not manifest("demand-letter").electronic
    assert "fax" not in manifest("demand-letter").methods


def test_004_80_a_penalty_decision_may_be_faxed_though_the_fax_is_not_enough() -> None:
    assert "fax" in manifest("penalty-decision").methods


def test_titles_stand_in_both_languages_and_are_unique() -> None:
    for names in (
        [found.title_zh for found in manifests().values()],
        [found.title_en for found in manifests().values()],
    ):
        assert len(set(names)) == len(names)
    assert all(found.title_en.isascii() for found in manifests().values())


def test_decisions_are_sealed_with_an_archive_time_stamp() -> None:
    """They bind for longer than a time stamp authority's certificate runs."""
    sealed = {found.id: found.print.profile for found in manifests().values() if found.print and found.print.sealed}
    decisions = {found.id for found in manifests().values() if found.title_zh.endswith("决定书")}
    assert {name for name, profile in sealed.items() if profile == "B-LTA"} == decisions & set(sealed)


def test_an_unknown_instrument_is_refused_by_code() -> None:
    with pytest.raises(Refused) as refused:
        manifest("penalty_decision")
    assert [fault.code for fault in refused.value.faults] == ["unknown_instrument"]


def test_a_manifest_with_a_print_table_is_read(tmp_path: Path) -> None:
    found = load_manifest(_write(tmp_path / "some-notice", GOOD + PRINT))
    assert found.print is not None
    assert (found.print.engine, found.print.series, found.print.sealed) == ("typst", "penalty", True)
    assert found.print.copies == 1


@pytest.mark.parametrize(
    "holders",
    [
        "1",
        "[]",
        '[{zh = "甲", en = "A"}]',
        '[{zh = "甲", en = "A"}, {zh = "乙"}]',
        '[{zh = "甲", en = " "}, {zh = "乙", en = "B"}]',
    ],
)
def test_holders_are_named_for_every_copy_and_in_both_languages(tmp_path: Path, holders: str) -> None:
    text = GOOD + PRINT + "copies = 2\n"
    with pytest.raises(Permanent, match=r"some-notice/instrument.toml: print.holders "):
        load_manifest(_write(tmp_path / "some-notice", text + f"holders = {holders}\n"))
    good = '[{zh = "甲", en = "A"}, {zh = "乙", en = "B"}]'
    found = load_manifest(_write(tmp_path / "some-notice", text + f"holders = {good}\n")).print
    assert found is not None and found.holders == (("甲", "A"), ("乙", "B"))


@pytest.mark.rule("N6", "N13")
def test_004_30_and_51_three_originals_on_the_spot_and_two_of_a_hand_over_slip_each_with_its_holder() -> None:
    printed = {name: manifests()[name].print for name in ("on-the-spot-decision", "file-handover-slip")}
    assert {name: print_ and (print_.copies, [zh for zh, _ in print_.holders]) for name, print_ in printed.items()} == {
        "on-the-spot-decision": (3, ["当事人", "监察员所在部门存档", "法制职能部门备案"]),
        "file-handover-slip": (2, ["移交部门", "接受部门"]),
    }


def test_a_manifest_says_how_many_originals_are_made(tmp_path: Path) -> None:
    found = load_manifest(_write(tmp_path / "some-notice", GOOD + PRINT + "copies = 3\n"))
    assert found.print is not None and found.print.copies == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (('id = "some-notice"', 'id = "other-notice"'), "id"),
        (('id = "some-notice"', 'id = "Some"'), "id"),
        (('title_zh = "某通知书"', ""), "title_zh"),
        (('title_en = "Some Notice"', 'title_en = " "'), "title_en"),
        (('["004-1"]', "[]"), "articles"),
        (("important = false", 'important = "no"'), "important"),
        (("important = false", "important = true"), None),
        (("electronic = true", "electronic = 1"), "electronic"),
        (('["direct"]', '["pigeon"]'), "methods"),
        (('["direct"]', '["direct", "direct"]'), "methods"),
        (('methods = ["direct"]', 'methods = ["direct"]\nmethod = "x"'), "method"),
        (('methods = ["direct"]', 'methods = ["direct"]\nacts = ["eats"]'), "acts"),
        (('engine = "typst"', 'engine = "latex"'), "print.engine"),
        (('series = "penalty"', ""), "print.series"),
        (("numbered = true", "numbered = false"), "print.series"),
        (('prevailing = "zh"', 'prevailing = "fr"'), "print.prevailing"),
        (("sealed = true", "seal = true"), "print.seal"),
        (('prevailing = "zh"', 'prevailing = "zh"\ncopies = 0'), "print.copies"),
        (('prevailing = "zh"', 'prevailing = "zh"\nprofile = "B-B"'), "print.profile"),
        (("sealed = true", 'sealed = false\nprofile = "B-LTA"'), "print.profile"),
        (('prevailing = "zh"', 'prevailing = "zh"\ncopies = true'), "print.copies"),
        (('prevailing = "zh"', 'prevailing = "zh"\ncopies = "3"'), "print.copies"),
    ],
)
def test_a_wrong_manifest_is_named_by_folder_and_field(
    tmp_path: Path, change: tuple[str, str], field: str | None
) -> None:
    text = GOOD + PRINT
    assert change[0] in text
    path = _write(tmp_path / "some-notice", text.replace(change[0], change[1], 1))
    if field is None:
        assert load_manifest(path).important
        return
    with pytest.raises(Permanent, match=rf"some-notice/instrument.toml: {field} "):
        load_manifest(path)


def test_a_released_document_is_ended_changed_and_mended_by_its_own_instruments_only() -> None:
    acting = {each.id: each.acts for each in manifests().values() if each.acts}
    assert acting == {
        "rectification-of-text": ("mends",),
        "revocation-decision": ("ends", "changes"),
        "void-declaration": ("declares",),
    }


def test_an_important_instrument_needs_a_way_of_paper_service(tmp_path: Path) -> None:
    text = GOOD.replace("important = false", "important = true").replace('["direct"]', "[]")
    with pytest.raises(Permanent, match="methods must name a way"):
        load_manifest(_write(tmp_path / "some-notice", text))


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"some-notice/instrument.toml: cannot be read"):
        load_manifest(_write(tmp_path / "some-notice", "id = "))


# --- what is drawn and signed


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", (("enforcement",), "", 10, False)),
        ("seam = false", (("enforcement",), "", 10, False)),
        ("seam = true\ncode = true", (("enforcement",), "right", 10, True)),
        ('seals = ["official", "signature_stamp"]', (("official", "signature_stamp"), "", 10, False)),
        ('seam = {edge = "left", pages = 4}', (("enforcement",), "left", 4, False)),
        ("seam = {pages = 2}", (("enforcement",), "right", 2, False)),
    ],
)
def test_seals_seam_and_code_are_read(tmp_path: Path, lines: str, expected: tuple[object, ...]) -> None:
    found = load_manifest(_write(tmp_path / "some-notice", GOOD + PRINT + lines + "\n")).print
    assert found is not None
    assert (found.seals, found.seam, found.seam_pages, found.code) == expected


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("seals = []", "seals must name one or more of official, enforcement, signature_stamp"),
        ('seals = ["steel"]', "seals must name one or more of"),
        ('seals = ["official", "official"]', "seals names something twice"),
        ('seals = "official"', "seals must be a list of texts"),
        ('seam = "right"', "seam must be true, or a table"),
        ('seam = {edge = "middle"}', "seam.edge is 'middle'"),
        ("seam = {pages = 1}", "seam.pages must be a whole number from 2 on"),
        ("seam = {slices = 3}", "seam.slices is not a field"),
        ('code = "yes"', "code must be true or false"),
    ],
)
def test_wrong_seals_seam_and_code_are_named(tmp_path: Path, lines: str, told: str) -> None:
    with pytest.raises(Permanent, match=re.escape(told)):
        load_manifest(_write(tmp_path / "some-notice", GOOD + PRINT + lines + "\n"))


@pytest.mark.parametrize("line", ['seals = ["official"]', "seam = true", "code = true"])
def test_what_is_not_sealed_has_no_seals_seam_or_code(tmp_path: Path, line: str) -> None:
    text = GOOD + PRINT.replace("sealed = true", "sealed = false") + line + "\n"
    with pytest.raises(Permanent, match="for an instrument that is sealed"):
        load_manifest(_write(tmp_path / "some-notice", text))


def test_every_decision_has_a_seam_a_code_and_an_archive_time_stamp() -> None:
    decisions = {each.id for each in manifests().values() if each.print and each.print.profile == "B-LTA"}
    assert {"penalty-decision", "on-the-spot-decision", "no-penalty-decision"} <= decisions
    marked = {each.id for each in manifests().values() if each.print and each.print.seam == "right" and each.print.code}
    assert marked == decisions


def test_edges_of_the_manifest_are_those_that_a_seam_knows() -> None:
    assert tuple(seams.Edge) == EDGES
