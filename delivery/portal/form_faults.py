"""What is wrong with a form: told at the head of the page with a link to each field, and beside the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

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

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.told)

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
    def of(
        cls,
        faults: Sequence[Fault],
        labels: Mapping[str, str],
        t: Words,
        *,
        ids: Mapping[str, str] = MappingProxyType({}),
        cites: bool = False,
    ) -> FormFaults:
        """`labels` are the form's fields by their ids, with what each is called; with `cites` the rules are told too.

        A fault at `/address/zh` belongs to the field `address-zh`, or to `address` if the form has that alone; `ids`
        names those whose id is another one. What points elsewhere stands at the end, without a link.
        """
        made = []
        for fault in faults:
            path = fault.pointer.removeprefix("/").split("/")
            named = [ids.get(each, each) for each in ("-".join(path), path[0])]
            field = next((each for each in named if each in labels), "")
            text = t.pick(fault.message_zh, fault.message_en)
            made.append(Told(field, labels.get(field, ""), text, fault.rule if cites and fault.rule else ""))
        order = [*labels, ""]
        return cls(tuple(sorted(made, key=lambda each: order.index(each.field))))


NO_FAULTS = FormFaults()
