"""sbrtcheck: SBRT dose-fractionation calculator and plan checker.

The public names. Each is imported when first used, so that ``import sbrtcheck`` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sbrtcheck.dvh import build_structure as build_structure
    from sbrtcheck.dvh import compute_dvh as compute_dvh
    from sbrtcheck.dvh.metrics import evaluate as evaluate
    from sbrtcheck.errors import Problem as Problem
    from sbrtcheck.errors import RefusedError as RefusedError
    from sbrtcheck.errors import SbrtcheckError as SbrtcheckError
    from sbrtcheck.errors import WrongUsageError as WrongUsageError
    from sbrtcheck.fractionation.what_if import whatif as whatif
    from sbrtcheck.judging.comparison import judge as judge
    from sbrtcheck.model import DoseGrid as DoseGrid
    from sbrtcheck.model import Dvh as Dvh
    from sbrtcheck.model import Finding as Finding
    from sbrtcheck.model import Outcome as Outcome
    from sbrtcheck.model import Report as Report
    from sbrtcheck.model import Study as Study
    from sbrtcheck.model import Verdict as Verdict
    from sbrtcheck.model import study_from_arrays as study_from_arrays
    from sbrtcheck.model.metric import parse_metric as parse_metric
    from sbrtcheck.pipeline import check as check
    from sbrtcheck.pipeline import check_study as check_study
    from sbrtcheck.radiobiology.lq import bed as bed
    from sbrtcheck.radiobiology.lq import eqd2 as eqd2
    from sbrtcheck.read import read_folder as read_folder
    from sbrtcheck.tables.organ_tables import load_table as load_table

# Where each public name lives; the imports above say the same to a type checker.
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
    "parse_metric": "sbrtcheck.model.metric",
    "read_folder": "sbrtcheck.read",
    "study_from_arrays": "sbrtcheck.model",
    "whatif": "sbrtcheck.fractionation.what_if",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sbrtcheck' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
