"""The import rules: what each module may know of the others, and how fast the package starts."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "sbrtcheck"
LEAF = {"errors", "model", "datafiles"}
# module (first name below the package) -> what of ours it may import, besides errors, model and itself
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "model": set(),
    "metrics": set(),
    "datafiles": set(),
    "organs": set(),
    "names": {"organs", "names_targets"},
    "names_targets": {"organs"},
    "dvh": {"metrics"},
    "suspicion": set(),
    # What is not believed of a file is told where the file is read.
    "read": {"suspicion"},
    "report": set(),
    "case": {"organs", "case_keys"},
    "case_keys": {"organs"},
    "clinic": {"organs", "case_keys"},
    "radiobiology": set(),
    "radiobiology_models": {"radiobiology"},
    "structures": {"dvh"},
    "tables": {"metrics", "organs", "tables_read", "tables_target"},
    "tables_read": {"metrics", "datafiles"},
    "tables_target": {"metrics", "organs"},
    "comparison": {"metrics"},
    "findings": set(),
    "rules": {"metrics", "radiobiology", "tables", "comparison"},
    "target_rules": {"metrics", "radiobiology", "tables", "comparison", "findings", "rules"},
    "course_gaps": {"findings"},
    "plan_names": {"names", "subjects"},
    "tables_used": {"tables", "judging"},
    "schemes": {"datafiles", "radiobiology"},
    "disease_state": {"datafiles", "radiobiology"},
    "site_cautions": {"datafiles", "radiobiology", "schemes"},
    "guideline_book": {"datafiles"},
    "guideline": {"metrics", "radiobiology", "tables", "datafiles", "schemes", "guideline_book"},
    "course": {"metrics", "radiobiology", "tables", "rules", "guideline", "dvh", "structures"},
    "fractionation": {
        "metrics",
        "radiobiology",
        "radiobiology_models",
        "tables",
        "rules",
        "guideline",
        "guideline_book",
        "dvh",
        "structures",
        "alpha_beta",
        "scheme_text",
        "schemes",
    },
    "alpha_beta": {"datafiles", "radiobiology"},
    "scheme_text": {"radiobiology", "suspicion"},
}
ENTRY = {
    "cli",
    "cli_case",
    "cli_check",
    "cli_tables",
    "cli_whatif",
    "inspect_dvh",
    "inspect_names",
    "calc_cli",
    "__init__",
}
CENTRE_FORBIDS = {"report", *ENTRY}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[tuple[str, str]]:
    """(top-level package, next name) of every import in a file, those inside functions included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            names = [f"{node.module}.{a.name}" if node.module == "sbrtcheck" else str(node.module) for a in node.names]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            found.add((top, rest.split(".")[0]))
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_only_what_it_may_know(path: Path) -> None:
    own = name_of(path)
    ours = {name for top, name in imports_of(path) if top == "sbrtcheck" and name} - {own, *LEAF}
    if own in ENTRY:
        assert not ours & {"__main__"}
    elif own in ALLOWED:
        assert ours <= ALLOWED[own], f"{own} may not import {sorted(ours - ALLOWED[own])}"
    else:
        assert not ours & CENTRE_FORBIDS, f"{own} may not import {sorted(ours & CENTRE_FORBIDS)}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_read_imports_pydicom(path: Path) -> None:
    if name_of(path) != "read":
        assert "pydicom" not in {top for top, _ in imports_of(path)}


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
        "import sys; from sbrtcheck.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'numpy', 'pydicom', 'scipy', 'matplotlib', 'dicompylercore'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "check" in done.stdout
    assert done.stdout.strip().endswith("heavy: []")
