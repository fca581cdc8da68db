"""The import rules: what each module may know of the others, and how fast the package starts."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "sbrtcheck"
# A room imports only from rooms before it in this list, and from itself. CONTRIBUTING.md shows the same list.
ROOMS = (
    "errors",
    "model",
    "radiobiology",
    "tables",
    "read",
    "dvh",
    "anatomy",
    "plan",
    "judging",
    "course",
    "report",
    "pipeline",
    "fractionation",
    "exchange",
    "audit",
    "commission",
    "serve",
    "cli",
)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """The room that a file stands in."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


ROOM_NAMES = {"sbrtcheck", *(f"sbrtcheck.{room}" for room in ROOMS)}
ALL = {dotted(p) for p in modules()}


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, those inside functions and for type checking included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            whole = [f"{node.module}.{a.name}" for a in node.names]
            found |= {w if w in ALL else str(node.module) for w in whole}
    return found


def ours(path: Path) -> set[str]:
    return {m for m in imports_of(path) if m.split(".")[0] == "sbrtcheck"}


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The groups of names that reach each other."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for name in edges.get(todo.pop(), set()) - seen:
                seen.add(name)
                todo.append(name)
        return seen

    far = {name: reached(name) for name in edges}
    return sorted({tuple(sorted(b for b in far[a] if a in far.get(b, set()))) for a in edges if a in far[a]})


def test_every_file_stands_in_a_room() -> None:
    assert {name_of(p) for p in modules()} <= {*ROOMS, "__init__"}


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_before_it(path: Path) -> None:
    own = name_of(path)
    if own == "__init__":
        return
    known = ROOMS[: ROOMS.index(own) + 1]
    rooms = {m.split(".")[1] for m in ours(path) if "." in m}
    assert rooms <= set(known), f"{dotted(path)} may not import {sorted(rooms - set(known))}"


def test_no_files_import_each_other_in_a_circle() -> None:
    edges = {dotted(p): ours(p) - {dotted(p), "sbrtcheck"} for p in modules() if name_of(p) != "__init__"}
    assert circles(edges) == []


def test_no_parts_of_a_room_import_each_other_in_a_circle() -> None:
    parts = {
        m: ".".join(m.split(".")[:3]) if f"{PACKAGE.name}.{'.'.join(m.split('.')[1:3])}" in folders() else m
        for m in ALL
    }
    edges: dict[str, set[str]] = {}
    for path in modules():
        own = parts[dotted(path)]
        edges.setdefault(own, set()).update({parts[m] for m in ours(path)} - {own, "sbrtcheck"})
    # A room's __init__ names what lives there and imports it when first used: it is no step of its own.
    edges = {part: needs for part, needs in edges.items() if part not in ROOM_NAMES}
    assert circles(edges) == []


def folders() -> set[str]:
    return {dotted(p) for p in PACKAGE.rglob("__init__.py")}


def test_a_circle_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [("a", "b", "c")]


def test_no_name_with_an_underscore_is_imported() -> None:
    """What another file needs has a public name."""
    found = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sbrtcheck"):
                found += [f"{dotted(path)}: {a.name}" for a in node.names if a.name.startswith("_")]
    assert found == []


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_read_imports_pydicom(path: Path) -> None:
    if name_of(path) != "read":
        assert "pydicom" not in {m.split(".")[0] for m in imports_of(path)}


def test_import_loads_nothing_heavy() -> None:
    code = (
        "import sys; import sbrtcheck; sbrtcheck.check; "
        "heavy = {'pydicom', 'scipy', 'matplotlib', 'dicompylercore', 'jinja2', 'rich'} & set(sys.modules); "
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from sbrtcheck.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'numpy', 'pydicom', 'scipy', 'matplotlib', 'dicompylercore'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "check" in done.stdout
    assert done.stdout.strip().endswith("heavy: []")


def _typed_names(path: Path) -> dict[str, str]:
    """Name to module, as the block for type checkers imports them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    (block,) = (n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    return {a.asname or a.name: str(n.module) for n in block.body if isinstance(n, ast.ImportFrom) for a in n.names}


def test_each_public_name_has_one_home() -> None:
    import sbrtcheck

    assert _typed_names(PACKAGE / "__init__.py") == sbrtcheck._HOME
    assert sbrtcheck.__all__ == sorted(sbrtcheck._HOME)
    for name in sbrtcheck.__all__:
        assert getattr(sbrtcheck, name).__name__ == name


def test_contributing_shows_the_same_list_of_rooms() -> None:
    page = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `(\w+)` \| ", page.partition("### Rooms")[2].partition("\n### ")[0], re.MULTILINE)
    assert tuple(shown) == ROOMS


def test_the_package_holds_rooms_and_nothing_else() -> None:
    found = {p.name.removesuffix(".py") for p in PACKAGE.iterdir() if p.name not in {"__pycache__", "py.typed"}}
    assert found - {"__init__", "_constraints"} <= set(ROOMS)


def test_contributing_names_only_what_exists() -> None:
    """Files and names in backquotes that look like paths of this repository."""
    page = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:sbrtcheck|tests|docs|constraints)/[\w./]+)`", page))
    assert len(named) > 10
    missing = [n for n in named if "NAME" not in n and "SUBJECT" not in n and not (PACKAGE.parent / n).exists()]
    assert missing == []
