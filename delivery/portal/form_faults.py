"""What is wrong with a form: told at the head of the page with a link to each field, and beside the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from delivery.portal.wording import Words
from records.errors import Fault


@dataclass(frozen=True)
class Told:
    """A fault as the head of the form tells it: the field's id, "" for none, what it is called, and the text."""

    field: str
    label: str
    text: str
    rule: str = ""


@dataclass(frozen=True)
class FormFaults:
    """The faults of one form, in the order of its fields."""

    told: tuple[Told, ...] = ()

    def at(self, field: str) -> tuple[str, ...]:
        """What is wrong with the field of this id."""
        return tuple(each.text for each in self.told if each.field == field)

    @classmethod
    def said(cls, t: Words, wrong: Mapping[str, str], labels: Mapping[str, str], **values: object) -> FormFaults:
        """Messages by the ids of their fields, "" for the whole form; `labels` are the messages that name fields."""
        return cls(
            tuple(Told(field, t(labels[field]) if field else "", t(key, **values)) for field, key in wrong.items())
        )

    @classmethod
    def of(cls, faults: Sequence[Fault], labels: Mapping[str, str], t: Words) -> FormFaults:
        """`labels` are the form's fields by their ids, with what each is called: `/address/zh` is `address-zh`.

        A fault that points elsewhere stands at the end, without a link.
        """
        made = []
        for fault in faults:
            field = fault.pointer.removeprefix("/").replace("/", "-")
            known = field if field in labels else ""
            made.append(Told(known, labels.get(field, ""), t.pick(fault.message_zh, fault.message_en)))
        order = [*labels, ""]
        return cls(tuple(sorted(made, key=lambda each: order.index(each.field))))


NO_FAULTS = FormFaults()
