"""A template version never changes once it was used, and an old document is printed as it was accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from delivery.imprints import imprint_of, template_of
from pipeline import intake
from pipeline.callers import Caller
from pipeline.cli import main
from pipeline.steps.rendering import print_stored
from records import documents, ledger
from records.database import Database
from records.errors import Permanent, Refused
from records.tables import template_version
from templates.printing import reading_page
from tests.house import AUTHORITY, House, furnish, sample
from tests.template_folder import TemplateFolder, own_folder

NOTICE, PROOF = "penalty-prior-notice", "proof-of-service"
ADDED = ("  - kind: title\n", "  - kind: title\n  - {kind: clause, zh: 新增的条款。, en: A new clause.}\n")


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TemplateFolder]:
    """A folder in which the proof of service is printed by WeasyPrint."""
    folder = own_folder(monkeypatch, tmp_path / "templates", NOTICE, PROOF)
    folder.edit(f"instruments/{PROOF}/instrument.toml", 'engine = "typst"', 'engine = "html"')
    folder.restart()
    yield folder
    monkeypatch.undo()
    folder.restart()


@pytest.fixture
def house(folder: TemplateFolder, database: Database, tmp_path: Path) -> House:
    return furnish(database, tmp_path)


def check(house: House, name: str) -> tuple[Caller, intake.CheckedJob]:
    caller = Caller("0" * 12, house.client_id, AUTHORITY, frozenset({"jobs:write"}))
    job = sample(name)
    for asked in job["documents"]:
        asked["recipients"] = [{"counterparty": "air-example"}] if asked.get("recipients") else []
    return caller, intake.check(house.songda, caller, job)


def accept(house: House, name: str) -> str:
    """Take the sample of an instrument; the document's id."""
    caller, checked = check(house, name)
    with house.songda.database.write() as connection:
        return str(intake.store(connection, caller, checked)[0]["documents"][0]["id"])


def printed(house: House, document_id: str) -> tuple[bytes, str]:
    """The PDF and the reading page of a stored document, printed now; its number is one that it got."""
    with house.songda.database.read() as connection:
        row = documents.get(connection, document_id)
        imprint = imprint_of(connection, row)
    if row["numbered"]:
        imprint = type(imprint)(
            **{**vars(imprint), "number_zh": "示例〔2026〕1号", "number_en": "Example [2026] No. 1"}
        )
    instrument = template_of(house.songda.store, row)
    return print_stored(house.songda.store, row, imprint).pdf, reading_page(instrument, row["facts"], imprint)


def raise_version(folder: TemplateFolder, identifier: str) -> None:
    folder.edit(f"instruments/{identifier}/instrument.toml", 'version = "1"', 'version = "2"')


def versions(house: House) -> dict[str, str]:
    with house.songda.database.read() as connection:
        return {
            f"{row.instrument} {row.version}": row.digest for row in connection.execute(sa.select(template_version))
        }


def test_the_first_document_binds_the_version_and_the_frozen_template_is_kept(house: House) -> None:
    document_id = accept(house, NOTICE)
    with house.songda.database.read() as connection:
        row = documents.get(connection, document_id)
        told = next(iter(ledger.events(connection, document_id))).body
    assert versions(house) == {f"{NOTICE} 1.1": row["template_digest"]}
    assert (told["template_version"], told["template_digest"]) == (row["template_version"], row["template_digest"])
    frozen = json.loads(house.songda.store.get(row["template_digest"]))
    assert frozen["manifest"]["id"] == NOTICE
    assert frozen["stock"]["page"].startswith("// The page of a Chinese official document")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (NOTICE, (f"instruments/{NOTICE}/clauses.yaml", *ADDED)),
        (NOTICE, ("parts.yaml", "居民身份证", "居民身份证件")),
        (NOTICE, ("typesetters/songda.typ", "top: 37mm", "top: 30mm")),
        (PROOF, ("typesetters/print.css", "font-size: 12pt", "font-size: 13pt")),
    ],
)
def test_other_content_under_a_used_version_is_refused(
    house: House, folder: TemplateFolder, name: str, change: tuple[str, str, str]
) -> None:
    accept(house, name)
    before = house.counts()
    folder.edit(*change)
    folder.restart()
    with pytest.raises(Refused) as raised:
        accept(house, name)
    assert [(fault.pointer, fault.code) for fault in raised.value.faults] == [
        ("/documents/0/instrument", "template_changed")
    ]
    assert house.counts() == before
    if change[0].startswith("instruments"):
        raise_version(folder, name)
    else:
        folder.edit("shared.toml", 'version = "1"', 'version = "2"')
    folder.restart()
    accept(house, name)
    assert len(versions(house)) == 2


def test_two_processes_that_bind_a_version_to_different_content_at_once(house: House, folder: TemplateFolder) -> None:
    caller, first = check(house, NOTICE)
    folder.edit("parts.yaml", "居民身份证", "居民身份证件")
    folder.restart()
    accept(house, NOTICE)
    before = house.counts()
    with pytest.raises(Refused, match=r"version 1\.1"), house.songda.database.write() as connection:
        intake.store(connection, caller, first)
    assert house.counts() == before


@pytest.mark.rule("ESL-4")
@pytest.mark.parametrize("name", [NOTICE, PROOF])
def test_an_old_document_is_printed_as_it_was_accepted(house: House, folder: TemplateFolder, name: str) -> None:
    """typst and html give the same bytes, and the reading page the same words, after everything has changed on disk."""
    document_id = accept(house, name)
    first = printed(house, document_id)
    folder.edit(f"instruments/{name}/clauses.yaml", *ADDED)
    folder.edit(f"instruments/{name}/instrument.toml", 'title_zh = "', 'title_zh = "新')
    folder.edit("parts.yaml", "法人", "法律主体")
    folder.edit("typesetters/songda.typ", "top: 37mm", "top: 30mm")
    folder.edit("typesetters/print.css", "font-size: 12pt", "font-size: 13pt")
    folder.edit("shared.toml", 'version = "1"', 'version = "2"')
    raise_version(folder, name)
    folder.restart()
    assert printed(house, document_id) == first
    later = printed(house, accept(house, name))
    assert later[0] != first[0]
    assert "新增的条款。" in later[1]
    (folder.root / "instruments" / name / "instrument.toml").unlink()
    folder.restart()
    assert printed(house, document_id) == first


def test_a_document_from_before_templates_were_frozen_is_printed_while_its_version_is_there(
    house: House, folder: TemplateFolder
) -> None:
    document_id = accept(house, PROOF)
    with house.songda.database.write() as connection:
        connection.execute(documents.document.update().values(template_version="1", template_digest=None))
    assert printed(house, document_id)[0]
    raise_version(folder, PROOF)
    folder.restart()
    with pytest.raises(Permanent, match="not installed"):
        printed(house, document_id)


def test_a_bound_version_costs_no_question_more(house: House) -> None:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    accept(house, NOTICE)
    accept(house, NOTICE)  # finds it bound
    sa.event.listen(house.songda.database.engine, "before_cursor_execute", note)
    try:
        accept(house, NOTICE)
    finally:
        sa.event.remove(house.songda.database.engine, "before_cursor_execute", note)
    assert asked
    assert not [statement for statement in asked if "template_version " in statement or "from artifact" in statement]


def test_the_command_compares_the_folder_with_the_version_that_was_used_last(
    house: House, folder: TemplateFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The words that documents were made with come from the store, not from any folder."""
    home = house.songda.settings.home
    (home / "songda.toml").write_text(f'database_url = "{house.songda.database.url}"\n', "utf-8")
    accept(house, NOTICE)
    folder.edit(f"instruments/{NOTICE}/clauses.yaml", *ADDED)
    raise_version(folder, NOTICE)
    folder.restart()
    accept(house, NOTICE)
    assert main(["--home", str(home), "templates", "diff", NOTICE]) == 0
    assert "2.1, used since 2026-11-" in (shown := capsys.readouterr().out) and "no difference" in shown
    assert main(["--home", str(home), "templates", "diff", NOTICE, "1.1", "2.1"]) == 0
    shown = capsys.readouterr().out
    assert "{+新增的条款。+}" in shown and "{+A new clause.+}" in shown
    assert main(["--home", str(home), "templates", "diff", NOTICE, "7.1", "--json"]) == 2
    assert "1.1, 2.1" in capsys.readouterr().out
