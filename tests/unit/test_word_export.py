"""Out to Word and back: the clauses of every instrument make a clean Word template that says the same words."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import docx
import pytest

from records.errors import Permanent, Refused
from templates.catalogue import Instrument, catalogue
from templates.manifests import INSTRUMENTS
from templates.printing import engine_faults, print_document, try_filling
from templates.typesetters import word
from templates.word_check import word_faults
from templates.word_export import word_template
from tests.printed import imprint
from tests.unit.test_cli_commands import songda
from tests.word_files import replaced

WITH_BOTH = (
    "hearing-notice",
    "hearing-rights-notice",
    "investigation-record",
    "on-site-record",
    "penalty-decision",
    "penalty-prior-notice",
    "proof-of-service",
    "rectification-notice",
)
CLAUSED = [name for name in catalogue().ids() if (INSTRUMENTS / name / "clauses.yaml").exists()]


def authority(instrument: Instrument) -> Any:
    return imprint(instrument).authority


@pytest.mark.parametrize("identifier", CLAUSED)
def test_the_clauses_of_every_instrument_go_to_word_without_a_fault(identifier: str) -> None:
    instrument = catalogue().get(identifier)
    assert word_faults(instrument, word_template(instrument), authority(instrument)) == []


@pytest.mark.parametrize("identifier", WITH_BOTH)
def test_what_is_kept_in_word_too_says_what_the_reading_page_says(identifier: str) -> None:
    instrument = catalogue().get(identifier)
    assert instrument.engines == ("typst", "word")
    assert instrument.body is not None
    assert word_faults(instrument, instrument.body, authority(instrument)) == []


def test_the_same_clauses_give_the_same_bytes() -> None:
    instrument = catalogue().get("penalty-decision")
    assert word_template(instrument) == word_template(instrument)


def test_what_has_no_clauses_cannot_be_exported() -> None:
    with pytest.raises(Permanent, match="no clauses"):
        word_template(catalogue().get("confirmation-letter"))


def _changed(instrument: Instrument, old: str, new: str) -> bytes:
    return replaced(word_template(instrument), "word/document.xml", old, new)


def test_words_that_differ_from_the_reading_page_are_told() -> None:
    instrument = catalogue().get("penalty-decision")
    [fault] = word_faults(instrument, _changed(instrument, "本决定不停止执行", "本决定停止执行"), authority(instrument))
    assert (fault.code, "本决定不停止执行" in fault.message_en) == ("words_differ", True)
    more = _changed(instrument, "本决定不停止执行", "（注意）本决定不停止执行")
    assert word_faults(instrument, more, authority(instrument))  # a sentence may not be changed in its middle
    swapped = _changed(instrument, "一、违法事实和证据", "五、履行方式和期限")
    assert {fault.code for fault in word_faults(instrument, swapped, authority(instrument))} == {"words_differ"}


def test_more_words_than_the_reading_page_are_the_legal_departments_own() -> None:
    instrument = catalogue().get("proof-of-service")

    def added(document: Any) -> None:
        document.paragraphs[-1].insert_paragraph_before("本回证一式两份。", style="Clause 中文")

    document = docx.Document(io.BytesIO(word_template(instrument)))
    added(document)
    saved = io.BytesIO()
    document.save(saved)
    assert word_faults(instrument, saved.getvalue(), authority(instrument)) == []


def test_what_is_not_given_is_left_out_and_what_is_asked_of_a_list_is_found() -> None:
    instrument = catalogue().get("penalty-decision")
    facts = instrument.sample_facts()
    around = imprint(instrument)
    scope = {**facts, "authority": around.authority, "number": {"zh": None, "en": None}, "copies_to": []}
    assert instrument.clauses is not None
    scope |= {"words": instrument.clauses.words, "penalties": [{"kind": "warning"}]}
    del scope["correction"]
    document = docx.Document(io.BytesIO(word.fill(word_template(instrument), scope)))
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    assert "警告。" in text and "责令当事人" not in text and "特别告知" not in text and "抄送" not in text


def test_an_engine_that_an_instrument_has_not_is_refused() -> None:
    instrument = replace(catalogue().get("penalty-decision"), body=None)
    assert [fault.pointer for fault in engine_faults(instrument, "word")] == ["/engine"]
    with pytest.raises(Refused, match="not by 'word'"):
        print_document(instrument, instrument.sample_facts(), imprint(instrument), "word")


def test_a_sealed_document_without_the_place_of_its_seal_fails_before_it_is_numbered() -> None:
    """By the facts too: a paragraph that is left out may take the bookmark along."""
    instrument = catalogue().get("hearing-notice")
    try_filling(instrument, instrument.sample_facts(), imprint(instrument), "word")
    lost = replace(instrument, body=_changed(instrument, 'w:name="seal"', 'w:name="other"'))
    with pytest.raises(Permanent, match="no bookmark 'seal'"):
        try_filling(lost, instrument.sample_facts(), imprint(instrument), "word")


# ---- the command line ----


def test_out_and_back_in(tmp_path: Path) -> None:
    """Exit 0; the instrument is known by the file's subject, and the version has to be raised."""
    file, folder = tmp_path / "mine.docx", tmp_path / "folder"
    folder.mkdir()
    ran = songda("templates", "export", "hearing-notice", "-o", str(file), "--json")
    assert (ran.code, ran.value) == (0, {"instrument": "hearing-notice", "output": str(file)})
    ran = songda("templates", "import", str(file), "--to", str(folder), "--json")
    assert (ran.code, ran.value["verdict"], ran.value["instrument"]) == (0, "valid", "hearing-notice")
    assert "raise version" in ran.value["reminder"]
    assert (folder / "body.docx").read_bytes() == file.read_bytes()


def test_a_faulty_file_is_reported_and_not_put_in(tmp_path: Path) -> None:
    """Exit 1, every fault with its place, as text and as JSON."""
    instrument = catalogue().get("hearing-notice")
    body = _changed(instrument, "{{ noticed_on | date_zh }}", "{{ noticed | date_zh }}")
    body = replaced(body, "word/document.xml", "{{ party.name.en }}", "{{ party.name.en")
    file = tmp_path / "bad.docx"
    file.write_bytes(body)
    ran = songda("templates", "import", str(file), "--to", str(tmp_path), "--json")
    assert (ran.code, ran.value["verdict"]) == (1, "invalid")
    assert {"unknown_fact", "broken_tag"} <= {fault["code"] for fault in ran.value["faults"]}
    assert all(fault["pointer"].startswith("/hearing-notice/body.docx") for fault in ran.value["faults"])
    assert not (tmp_path / "body.docx").exists()
    text = songda("templates", "import", str(file), "--to", str(tmp_path))
    assert text.code == 1
    assert "/word/document.xml/paragraph " in text.out and "/run 1: there is no fact noticed" in text.out


@pytest.mark.parametrize(
    ("content", "options", "code"),
    [
        (b"no docx", [], "not_a_docx"),
        (None, [], "file"),
        ("subject", [], "unknown_instrument"),
        ("", [], "instrument_missing"),
        ("", ["--instrument", "hearing-notice", "--to", "/nonexistent"], "no_folder"),
    ],
)
def test_what_cannot_be_looked_at_is_bad_input(
    content: bytes | str | None, options: list[str], code: str, tmp_path: Path
) -> None:
    file = tmp_path / "file.docx"
    if isinstance(content, str):
        whole = word_template(catalogue().get("hearing-notice"))
        file.write_bytes(replaced(whole, "docProps/core.xml", "hearing-notice", content))
    elif content is not None:
        file.write_bytes(content)
    ran = songda("templates", "import", str(file), *options, "--json")
    assert (ran.code, json.loads(ran.out)["error"]["code"]) == (2, code)


def test_a_preview_by_another_engine_is_asked_for_by_name(tmp_path: Path) -> None:
    ran = songda(
        "templates", "preview", "demand-letter", "--engine", "word", "-o", str(tmp_path / "out.pdf"), "--json"
    )  # fmt: skip
    assert (ran.code, ran.value["error"]["code"]) == (2, "unknown_engine")
