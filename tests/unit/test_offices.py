"""The responsible office by the address: all seven regions, every province, and what a clerk has to confirm."""

from __future__ import annotations

import pytest

from delivery.offices import offices, originals_to, reached, read, responsible
from records.errors import Permanent

#: GB/T 2260: the provinces of the mainland by the administration that they belong to.
REGIONS = {
    "north-china": "11 12 13 14 15",
    "northeast": "21 22 23",
    "east-china": "31 32 33 34 35 36 37",
    "central-south": "41 42 43 44 45 46",
    "southwest": "50 51 52 53 54",
    "northwest": "61 62 63 64",
    "xinjiang": "65",
}


@pytest.mark.parametrize(
    ("region", "province"), [(region, code) for region, codes in REGIONS.items() for code in codes.split()]
)
def test_every_province_has_its_regional_administration(region: str, province: str) -> None:
    found = responsible("legal_person", {"division": province})
    assert found and found.administration == region


def test_there_are_seven_administrations_and_no_other_province() -> None:
    known = offices()
    assert set(known.administrations) == set(REGIONS)
    assert {code[:2] for code in known.divisions} == {code for codes in REGIONS.values() for code in codes.split()}


@pytest.mark.parametrize(
    ("division", "office"),
    [
        ("12", "tianjin"),
        ("13", "hebei"),
        ("2102", "dalian"),
        ("3303", "wenzhou"),
        ("3502", "xiamen"),
        ("3702", "qingdao"),
        ("4403", "shenzhen"),
        ("4503", "guilin"),
        ("4602", "sanya"),
        ("5307", "lijiang"),
        ("51", "sichuan"),
        ("61", "shaanxi"),
        ("6501", "urumqi"),
    ],
)
def test_a_city_or_province_with_a_bureau_of_its_own_belongs_to_it(division: str, office: str) -> None:
    found = responsible("other_organisation", {"division": division})
    assert found and (found.id, found.certain) == (office, True)


@pytest.mark.parametrize("division", ["21", "33", "35", "37", "44", "45", "46", "53", "65"])
def test_the_rest_of_a_province_with_several_bureaus_goes_to_the_administration_to_be_confirmed(division: str) -> None:
    found = responsible("legal_person", {"division": division})
    assert found and found.id == found.administration and not found.certain


@pytest.mark.parametrize("division", ["11", "54"])
def test_what_is_not_held_for_certain_is_to_be_confirmed(division: str) -> None:
    found = responsible("legal_person", {"division": division})
    assert found and found.id != found.administration and not found.certain


def test_a_carrier_abroad_belongs_to_the_administration_that_approved_its_operations() -> None:
    found = responsible("foreign_entity", {"administration": "east-china", "foreign_kind": "carrier", "division": "11"})
    assert found and (found.id, found.certain) == ("east-china", True)


def test_any_other_body_abroad_is_confirmed_by_a_clerk() -> None:
    found = responsible("foreign_entity", {"administration": "north-china", "foreign_kind": "other"})
    assert found and (found.id, found.certain) == ("north-china", False)


@pytest.mark.parametrize(
    ("category", "facts"),
    [("legal_person", {}), ("legal_person", {"division": "71"}), ("foreign_entity", {"division": "11"})],
)
def test_facts_that_do_not_tell_name_no_office(category: str, facts: dict[str, str]) -> None:
    assert responsible(category, facts) is None


def test_every_name_is_in_both_languages_and_an_office_belongs_to_one_administration() -> None:
    for office in offices().all.values():
        assert office.zh and office.en and office.administration in REGIONS
    by_id = {(each.office.id, each.office.administration) for each in offices().divisions.values()}
    assert len(by_id) == len({office for office, _ in by_id})


def _one(divisions: str) -> str:
    return f'edition = "1"\n[[administration]]\nid = "a"\nzh = "甲"\nen = "A"\n{divisions}'


@pytest.mark.parametrize("codes", [("11", "11"), ("1101",)])
def test_a_code_that_stands_twice_or_a_city_without_the_rest_of_its_province_is_refused(codes: tuple[str, ...]) -> None:
    entries = "".join(f'[[administration.division]]\ncode = "{code}"\nzh = "乙"\nen = "B"\n' for code in codes)
    with pytest.raises(Permanent):
        read(_one(entries))


def test_an_office_is_reached_by_its_own_entry_or_by_that_of_its_administration() -> None:
    record = {"offices": {"beijing": {"email": "b@x.test"}, "north-china": {"phone": "010-1"}}}
    assert reached(record, "beijing", "north-china") == {"email": "b@x.test"}
    assert reached(record, "tianjin", "north-china") == {"phone": "010-1"}
    assert reached(record, "gansu", "northwest") == reached({}, "beijing", "north-china") == {}


def test_originals_go_to_the_office_where_the_record_has_its_address_and_else_to_the_authority_itself() -> None:
    own = {"name": "A", "address": "1 Road", "postcode": "100000"}
    tianjin = {"email": "t@x.test", "address": "2 Road", "phone": "022-1"}
    record = own | {"offices": {"tianjin": tianjin, "beijing": {"email": "b@x.test"}}}
    found = originals_to(record, "tianjin", "north-china")
    named = {"zh": "民航天津安全监督管理局", "en": "CAAC Tianjin Safety Supervision Bureau"}
    assert found == {"name": named, "address": "2 Road", "phone": "022-1"}
    assert originals_to(record, "beijing", "north-china") == own == originals_to(own, "tianjin", "north-china")
    record["offices"]["north-china"] = {"address": "3 Road", "postcode": "100001"}
    above = originals_to(record, "beijing", "north-china")
    assert (above["name"]["zh"], above["address"]) == (offices().administrations["north-china"].zh, "3 Road")
