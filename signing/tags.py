"""Tags for what is put on a document after it was printed: a widget, a figure (ISO 32000-1 14.7, 14.8; PDF/UA-1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name


def tag_annotation(pdf: pikepdf.Pdf, page: pikepdf.Page, widget: pikepdf.Object, description: str) -> None:
    """Tag a widget of an open, tagged PDF with a Form element that is read as `description` (PDF/UA-1 7.18.4)."""
    root = pdf.Root.StructTreeRoot
    content = Dictionary(Type=Name.OBJR, Obj=widget, Pg=page.obj)
    element = _add_element(pdf, page, Name.Form, description, content)
    widget.StructParent = _enter(pdf, root, element)


def tag_figure(pdf: pikepdf.Pdf, page: pikepdf.Page, description: str, box: Sequence[float]) -> int:
    """Tag content that is still to be drawn on a page with a Figure element (PDF/UA-1 7.3); gives its MCID.

    `box` is the figure's rectangle in the page's units. The element comes last, so what was there is read as before.
    """
    root = pdf.Root.StructTreeRoot
    if "/StructParents" in page.obj:
        contents = pikepdf.NumberTree(root.ParentTree)[int(page.obj.StructParents)]
    else:
        contents = pdf.make_indirect(Array())
        page.obj.StructParents = _enter(pdf, root, contents)
    mark = len(contents)
    element = _add_element(pdf, page, Name.Figure, description, mark)
    element.A = Dictionary(O=Name.Layout, Placement=Name.Block, BBox=Array([round(edge, 4) for edge in box]))
    contents.append(element)
    return mark


def _add_element(pdf: pikepdf.Pdf, page: pikepdf.Page, kind: Name, description: str, content: Any) -> pikepdf.Object:
    top = _top_element(pdf.Root.StructTreeRoot)
    element = pdf.make_indirect(
        Dictionary(Type=Name.StructElem, S=kind, P=top, Pg=page.obj, Alt=description, K=content)
    )
    append(top, "/K", element)
    return element


def _enter(pdf: pikepdf.Pdf, root: Any, value: pikepdf.Object) -> int:
    """Put a value into the parent tree under the next free key, and give that."""
    key = _next_key(root)
    root.ParentTreeNextKey = key + 1
    if "/ParentTree" not in root:
        root.ParentTree = pdf.make_indirect(Dictionary(Nums=Array()))
    tree = root.ParentTree
    if "/Kids" in tree:
        leaf = Dictionary(Limits=Array([key, key]), Nums=Array([key, value]))
        tree.Kids.append(pdf.make_indirect(leaf))
    else:
        tree.Nums.append(key)
        tree.Nums.append(value)
    return key


def _top_element(root: Any) -> Any:
    """The Document element (the first child of the tree's root), or the root itself if the tree is empty."""
    children = root.get("/K")
    if isinstance(children, Array):
        return children[0] if len(children) else root
    return root if children is None else children


def _next_key(root: Any) -> int:
    taken = max(_keys(root.get("/ParentTree", Dictionary())), default=-1)
    return max(int(root.get("/ParentTreeNextKey", 0)), taken + 1)


def _keys(tree: Any) -> Iterator[int]:
    yield from (int(key) for key in list(tree.get("/Nums", Array()))[0::2])
    for kid in tree.get("/Kids", Array()):
        yield from _keys(kid)


def append(holder: Any, key: str, value: pikepdf.Object) -> None:
    """Append to an array entry that may be missing, or a single value in place of an array."""
    existing = holder.get(key)
    if existing is None:
        holder[key] = Array([value])
    elif isinstance(existing, Array):
        existing.append(value)
    else:
        holder[key] = Array([existing, value])
