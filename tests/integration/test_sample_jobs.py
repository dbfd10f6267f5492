"""Every sample is a sound job: register, series, seal and the law find nothing wrong with it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pipeline import intake
from pipeline.callers import Caller
from records import directory
from records.database import Database
from records.errors import Refused
from templates.catalogue import catalogue
from tests.house import AUTHORITY, SAMPLES, House, furnish, sample


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    """A house with the whole register of the samples' directory."""
    house = furnish(database, tmp_path)
    world = tomllib.loads((SAMPLES / "directory.toml").read_text("utf-8"))
    columns = ("kind", "name_zh", "name_en", "address_zh", "address_en")
    with database.write() as connection:
        for each in world["counterparty"]:
            if each["id"] != "air-example":
                directory.create_counterparty(
                    connection, AUTHORITY, each["id"], **{name: each[name] for name in columns}
                )
    return house


def test_every_numbered_instrument_has_a_series() -> None:
    world = tomllib.loads((SAMPLES / "directory.toml").read_text("utf-8"))
    needed = {catalogue().get(each).print.series for each in catalogue().ids()} - {""}
    assert {each["kind"] for each in world["series"]} == needed


def test_every_sample_is_accepted(house: House) -> None:
    by = Caller("0" * 12, house.client_id, AUTHORITY, frozenset({"jobs:write"}))
    wrong: dict[str, list[tuple[str, str, str]]] = {}
    for path in sorted(SAMPLES.glob("*.json")):
        try:
            intake.check(house.songda, by, sample(path.stem))
        except Refused as refused:
            wrong[path.stem] = [(fault.pointer, fault.code, fault.message_en) for fault in refused.faults]
    assert wrong == {}
