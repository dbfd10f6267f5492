"""A templates folder of a test's own, to be changed as the legal department would, and a process that starts anew."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from templates import catalogue, clauses, manifests, stock

TEMPLATES = Path(catalogue.__file__).parent


@dataclass(frozen=True)
class TemplateFolder:
    root: Path

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a file on disk."""
        path = self.root / name
        text = path.read_text("utf-8")
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new), "utf-8")

    def restart(self) -> None:
        """Forget all that was read, as a process does that starts anew."""
        for cached in (manifests.manifests, catalogue.catalogue, clauses._parts, stock.present_stock):
            cached.cache_clear()


def own_folder(monkeypatch: pytest.MonkeyPatch, root: Path, *identifiers: str) -> TemplateFolder:
    """A copy of the folder with these instruments, which the process reads from now on."""
    for identifier in identifiers:
        shutil.copytree(TEMPLATES / "instruments" / identifier, root / "instruments" / identifier)
    for name in ("parts.yaml", "shared.toml", "typesetters/songda.typ", "typesetters/print.css"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(TEMPLATES / name, root / name)
    monkeypatch.setattr(manifests, "INSTRUMENTS", root / "instruments")
    monkeypatch.setattr(catalogue, "INSTRUMENTS", root / "instruments")
    monkeypatch.setattr(clauses, "PARTS", root / "parts.yaml")
    monkeypatch.setattr(stock, "SHARED_VERSION", root / "shared.toml")
    monkeypatch.setattr(stock, "PAGE", root / "typesetters" / "songda.typ")
    monkeypatch.setattr(stock, "STYLE", root / "typesetters" / "print.css")
    folder = TemplateFolder(root)
    folder.restart()
    return folder
