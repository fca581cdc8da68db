"""How dense the code may be: decisions in a function, lines in a function and in a module, arguments of a function."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from radon.complexity import cc_visit
from radon.visitors import Class, Function

PACKAGE = Path(__file__).parent.parent / "sbrtcheck"
MOST_DECISIONS = 20
MOST_LINES_OF_A_MODULE = 420
# The comment above a function that stays above the limit: it says why taking it apart would not make it clearer.
REASON = re.compile(r"#\s*dense: \S.{15,}", re.IGNORECASE)


# Still above the limit and without a reason; whoever mends one takes it off this list, and none is added.
NOT_YET = {
    "anatomy/left_out.py: targets_not_judged",
    "anatomy/lesions.py: group_targets",
    "anatomy/lesions.py: link_prescriptions",
    "anatomy/names.py: _by_name",
    "anatomy/target_names.py: parse_target",
    "course/isodoses.py: judge_isodoses",
    "course/judge.py: judge_course",
    "course/lesions.py: _claims",
    "course/summed_dose.py: sum_doses",
    "dvh/contours/scan.py: scan_planes",
    "exchange/excel.py: _header",
    "exchange/proknow.py: _written",
    "exchange/take.py: _senses",
    "fractionation/what_if.py: _line",
    "model/study.py: study_from_arrays",
    "tables/guideline.py: parse_guideline",
    "tables/organ_rows.py: _read_row",
    "tables/organs.py: load_organs",
    "tables/organs.py: load_regions",
    "tables/policy.py: _problems",
    "tables/schemes.py: load_schemes",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def functions(source: str) -> Iterator[Function]:
    """Functions and methods, with their cyclomatic complexity as radon counts it."""
    for block in cc_visit(source):
        if isinstance(block, Class):
            yield from block.methods
        elif isinstance(block, Function):
            yield block


def has_reason(lines: list[str], block: Function) -> bool:
    """Whether the comment above the function, or above its first decorator, is a reason."""
    at = block.lineno - 2
    while at >= 0 and lines[at].lstrip().startswith(("@", "#")):
        if REASON.search(lines[at]):
            return True
        at -= 1
    return False


def test_a_function_with_many_decisions_says_why_it_stays_whole() -> None:
    dense = []
    for path in modules():
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines()
        for block in functions(source):
            if block.complexity > MOST_DECISIONS and not has_reason(lines, block):
                dense.append(f"{path.relative_to(PACKAGE)}: {block.name}")
    assert sorted(dense) == sorted(NOT_YET), "take them apart by decisions, or say above them: # Dense: why"


def test_a_reason_is_found_and_its_absence_too() -> None:
    body = "    " + "\n    ".join(f"if x == {n}:\n        return {n}" for n in range(25)) + "\n    return 0\n"
    bare = f"def f(x):\n{body}"
    (block,) = functions(bare)
    assert block.complexity > MOST_DECISIONS
    assert not has_reason(bare.splitlines(), block)
    told = f"# Dense: one branch for each kind of element, as in the standard's own table.\n{bare}"
    (block,) = functions(told)
    assert has_reason(told.splitlines(), block)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_is_short_enough_to_be_read_at_once(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES_OF_A_MODULE


def test_every_room_says_in_two_lines_what_lives_there() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert text, path
        assert len([line for line in text.splitlines() if line.strip()]) >= 2 or len(text) > 60, path
