"""The table of rooms in docs/design.md is true of every import in `src/onnx2rust`."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "onnx2rust"
ROW = re.compile(r"^\| (\w+) \| [^|]+ \|([\w ]*)\|$", re.M)


class Import(NamedTuple):
    importer: str
    imported: str
    for_types: bool


def modules(package: Path) -> dict[str, Path]:
    """The modules of a package by their dotted names; a package is its `__init__`."""
    found = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(package: Path) -> Iterator[Import]:
    """Every import of a module of the package by another, wherever it stands."""
    known = modules(package)
    for name, path in known.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        types = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            targets: list[str] = []
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{name}: a relative import"
                targets = [f"{node.module}.{alias.name}" for alias in node.names]
            for target in targets:
                imported = target if target in known else target.rpartition(".")[0]
                if imported in known and imported != name:
                    yield Import(name, imported, node in types)


def room(module: str) -> str:
    """The folder of a module; the package's own files are in none."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] != "__main__" else ""


def table(text: str) -> dict[str, set[str]]:
    rows = ROW.findall(text.partition("\n|---|---|---|\n")[2])
    return {name: set(allowed.split()) for name, allowed in rows}


@pytest.fixture(scope="module")
def rooms() -> dict[str, set[str]]:
    return table((ROOT / "docs" / "design.md").read_text(encoding="utf-8"))


def test_every_folder_is_a_room(rooms: dict[str, set[str]]) -> None:
    assert set(rooms) == {p.name for p in PACKAGE.iterdir() if any(p.glob("*.py"))}
    assert {p.name for p in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_a_room_imports_what_its_row_names(rooms: dict[str, set[str]]) -> None:
    found: dict[str, set[str]] = {name: set() for name in rooms}
    for importer, imported, _ in imports(PACKAGE):
        here, there = room(importer), room(imported)
        if here and there and here != there:
            found[here].add(there)
    assert found == rooms


def test_a_room_imports_what_stands_below_it(rooms: dict[str, set[str]]) -> None:
    order = list(rooms)
    for name, allowed in rooms.items():
        assert not {other for other in allowed if order.index(other) <= order.index(name)}, name


def test_the_package_is_imported_by_its_command_line_only() -> None:
    assert {room(i.importer) for i in imports(PACKAGE) if i.imported == "onnx2rust"} == {"cli"}


def test_modules_import_one_another_in_no_circle() -> None:
    """Nor for types only."""
    assert circle(imports(PACKAGE)) == []


def circle(found: Iterator[Import]) -> list[str]:
    graph: dict[str, set[str]] = {}
    for importer, imported, _ in found:
        graph.setdefault(importer, set()).add(imported)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_what_the_test_reads(tmp_path: Path) -> None:
    """An import inside a function counts, and a circle of it is found."""
    package = tmp_path / "p"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("from p import b\nfrom p.b import thing\n")
    (package / "b.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import p.c\ndef f():\n    from p.c import x\n"
    )
    (package / "c.py").write_text("def f():\n    import p.a\n")
    found = list(imports(package))
    assert found.count(Import("p.a", "p.b", False)) == 2
    assert {i for i in found if i.importer == "p.b"} == {Import("p.b", "p.c", True), Import("p.b", "p.c", False)}
    assert set(circle(iter(found))) == {"p.a", "p.b", "p.c"}
    assert circle(i for i in found if i.importer != "p.c") == []
