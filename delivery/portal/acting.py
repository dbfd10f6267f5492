"""Who acts by an account: chosen from the account's list of people, or typed in, and then kept on that list."""

from __future__ import annotations

from contextlib import suppress

from delivery.portal.form_faults import FormFaults
from delivery.portal.web import Portal, Posted
from delivery.portal.wording import Words
from records import people
from records.access import Account
from records.people import Acting, TooManyPeople


def acting_of(portal: Portal, account: Account, form: Posted) -> Acting | None:
    """The person of the form's fields `person` or `person_name` and `person_office`; None if there is no name."""
    name, office = (_line(form.fields.get(field, "")) for field in ("person_name", "person_office"))
    if name:
        acting = Acting(name, office)
        with suppress(TooManyPeople), portal.database.write() as connection:
            people.add(connection, account, acting)
        return acting
    with portal.database.read() as connection:
        for row in people.of_account(connection, account.id):
            if row["id"] == form.fields.get("person"):
                return Acting(row["name"], row["office"])
    return None


def nobody_acts(t: Words) -> FormFaults:
    """What is wrong with a form that names nobody; the fields are those of `who.html`."""
    return FormFaults.said(t, {"person": "people.missing"}, {"person": "people.acting"})


def known_people(portal: Portal, account: Account) -> list[dict[str, str]]:
    """The account's list, for the form."""
    with portal.database.read() as connection:
        rows = people.of_account(connection, account.id)
    return [{"id": row["id"], "name": row["name"], "office": row["office"]} for row in rows]


def _line(text: str) -> str:
    return " ".join(text.split())[:100]
