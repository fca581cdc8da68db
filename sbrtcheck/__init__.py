"""sbrtcheck: SBRT dose-fractionation calculator and plan checker.

The public names. Each is imported when first used, so that ``import sbrtcheck`` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sbrtcheck.dvh import build_structure, compute_dvh
    from sbrtcheck.dvh.metrics import evaluate
    from sbrtcheck.errors import Problem, RefusedError, SbrtcheckError, WrongUsageError
    from sbrtcheck.fractionation.what_if import whatif
    from sbrtcheck.judging.comparison import judge
    from sbrtcheck.model import DoseGrid, Dvh, Finding, Outcome, Report, Study, Verdict, study_from_arrays
    from sbrtcheck.model.metric import parse_metric
    from sbrtcheck.pipeline import check, check_study
    from sbrtcheck.radiobiology.lq import bed, eqd2
    from sbrtcheck.read import read_folder
    from sbrtcheck.tables.organ_tables import load_table

_HOME = {
    "DoseGrid": "sbrtcheck.model",
    "Dvh": "sbrtcheck.model",
    "Finding": "sbrtcheck.model",
    "Outcome": "sbrtcheck.model",
    "Problem": "sbrtcheck.errors",
    "RefusedError": "sbrtcheck.errors",
    "Report": "sbrtcheck.model",
    "SbrtcheckError": "sbrtcheck.errors",
    "Study": "sbrtcheck.model",
    "Verdict": "sbrtcheck.model",
    "WrongUsageError": "sbrtcheck.errors",
    "bed": "sbrtcheck.radiobiology.lq",
    "build_structure": "sbrtcheck.dvh",
    "check": "sbrtcheck.pipeline",
    "check_study": "sbrtcheck.pipeline",
    "compute_dvh": "sbrtcheck.dvh",
    "eqd2": "sbrtcheck.radiobiology.lq",
    "evaluate": "sbrtcheck.dvh.metrics",
    "judge": "sbrtcheck.judging.comparison",
    "load_table": "sbrtcheck.tables.organ_tables",
    "parse_metric": "sbrtcheck.dvh.metrics",
    "read_folder": "sbrtcheck.read",
    "study_from_arrays": "sbrtcheck.model",
    "whatif": "sbrtcheck.fractionation.what_if",
}

__all__ = [
    "DoseGrid",
    "Dvh",
    "Finding",
    "Outcome",
    "Problem",
    "RefusedError",
    "Report",
    "SbrtcheckError",
    "Study",
    "Verdict",
    "WrongUsageError",
    "bed",
    "build_structure",
    "check",
    "check_study",
    "compute_dvh",
    "eqd2",
    "evaluate",
    "judge",
    "load_table",
    "parse_metric",
    "read_folder",
    "study_from_arrays",
    "whatif",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sbrtcheck' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
