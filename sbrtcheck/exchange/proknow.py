"""ProKnow scorecards: JSON, the only format that tells below from at most."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sbrtcheck.exchange.number import plain
from sbrtcheck.exchange.source import Source
from sbrtcheck.exchange.statable import Unstatable, sided_names
from sbrtcheck.exchange.strict_json import Object, load_json, number_text, objects_of, text_of
from sbrtcheck.exchange.template import Bound, Statement, Taken, Template
from sbrtcheck.model import Level

_TYPES = {
    "DOSE_VOLUME_PERCENT_ROI": ("D", "%[Gy]"),
    "DOSE_VOLUME_CC_ROI": ("D", "cc[Gy]"),
    "DOSE_VOLUME_MINUS_CC_ROI": ("DC", "cc[Gy]"),
    "VOLUME_CC_DOSE_ROI": ("V", "Gy[cc]"),
    "VOLUME_PERCENT_DOSE_ROI": ("V", "Gy[%]"),
}
# From 0 Gy up to arg_2: the spared volume.
_RANGES = {"VOLUME_CC_DOSE_RANGE_ROI": "cc", "VOLUME_PERCENT_DOSE_RANGE_ROI": "%"}
_WORDS = {"MIN_DOSE_ROI": "Min", "MAX_DOSE_ROI": "Max", "MEAN_DOSE_ROI": "Mean"}
_NOT_READ = {
    "CONFORMATION_NUMBER": "CI, CN, GI and HI have no one definition: the programs compute different things",
    "CONFORMALITY_INDEX": "CI, CN, GI and HI have no one definition: the programs compute different things",
    "HOMOGENEITY_INDEX": "CI, CN, GI and HI have no one definition: the programs compute different things",
    "INHOMOGENEITY_INDEX": "CI, CN, GI and HI have no one definition: the programs compute different things",
    "INTEGRAL_DOSE_ROI": "the integral dose is not a metric here",
    "MAX_DOSE": "the highest dose of the whole grid is no limit on a structure",
    "VOLUME_OF_REGRET": "a volume outside the target is not a metric here",
    "IRRADIATED_VOLUME": "the irradiated volume is no limit on a structure",
    "CUMULATIVE_METERSET": "the meterset is no limit on a dose",
    "VOLUME": "the volume of a structure is no limit on its dose",
}
# How good the bin is that a label names: 2 the goal is met, 1 the variation, 0 neither.
_LABELS = {
    "IDEAL": 2, "GOOD": 2, "PASS": 2, "MET": 2, "PER PROTOCOL": 2,
    "ACCEPTABLE": 1, "VARIATION": 1, "VARIATION ACCEPTABLE": 1, "ACCEPTABLE VARIATION": 1,
    "UNACCEPTABLE": 0, "FAIL": 0, "NOT MET": 0, "DEVIATION UNACCEPTABLE": 0, "UNACCEPTABLE DEVIATION": 0,
}  # fmt: skip
_COLOURS = {2: [18, 191, 0], 1: [255, 216, 0], 0: [255, 0, 0]}
_KEYS = {"type", "roi_name", "arg_1", "arg_2", "rx", "rx_scale", "objectives", "id", "name"}


def is_proknow(value: object) -> bool:
    """True for a scorecard's object."""
    return isinstance(value, dict) and "computed" in value


def read_proknow(source: Source, value: Any = None) -> Template:
    """The statements of a scorecard; a metric with bins on both sides makes two.

    Raises:
        WrongUsageError: E-TEMPLATE, for what is not a scorecard.
    """
    value = load_json(source) if value is None else value
    if not is_proknow(value):
        raise source.bad("not a ProKnow scorecard", "Give --from for what it is", place="key computed", seen="missing")
    statements: list[Statement] = []
    for i, metric in enumerate(objects_of(value["computed"], source, "computed")):
        statements += _statements(metric, f"computed {i + 1}")
    for i, metric in enumerate(objects_of(value.get("custom") or [], source, "custom")):
        named = text_of(metric.get("name")) or text_of(metric.get("id")) or "custom metric"
        why = "a custom metric has no formula in the file"
        statements.append(Statement(f"custom {i + 1}", "-", named, "", refusal=why))
    return Template(source.name, source.sha256, "ProKnow scorecard JSON", tuple(statements))


def _statements(metric: Object, place: str) -> list[Statement]:
    structure, kind = text_of(metric.get("roi_name")), text_of(metric.get("type"))
    name = _metric(metric, kind)
    shown = Statement(place, structure or "-", kind, "")
    unknown = sorted(set(metric) - _KEYS)
    if not name[1]:
        why = name[0]
    elif unknown:
        why = f"the key {unknown[0]} is not known and may change what is meant"
    elif metric.get("rx") is not None or metric.get("rx_scale") is not None:
        why = "limits relative to a named prescription"
    else:
        sides = _sides(metric.get("objectives"))
        if not isinstance(sides, str):
            return [
                Statement(place, structure, name[1], goal, variation, level=level, changed=changed)
                for goal, variation, level, changed in sides
            ]
        why = sides
    return [Statement(shown.place, shown.structure, name[1] or kind, "", refusal=why)]


def _metric(metric: Object, kind: str) -> tuple[str, str]:
    """("", the metric) or (why there is none, "")."""
    if kind in _NOT_READ:
        return _NOT_READ[kind], ""
    first, second = metric.get("arg_1"), metric.get("arg_2")
    one, two = number_text(first), number_text(second)
    if kind in _WORDS:
        why = "" if first is None and second is None else "arguments that this type does not have"
        return why, "" if why else f"{_WORDS[kind]}[Gy]"
    if kind in _RANGES:
        if one != "0":
            return "a dose range that does not begin at 0 Gy", ""
        return ("", f"CV{two}Gy[{_RANGES[kind]}]") if two else ("arg_2 is no plain number", "")
    if kind in _TYPES:
        if second is not None:
            return "arg_2 is not an argument of this type", ""
        letter, rest = _TYPES[kind]
        return ("", f"{letter}{one}{rest}") if one else ("arg_1 is no plain number", "")
    return f"the type {kind or '(empty)'} is not known", ""


@dataclass(frozen=True, slots=True)
class _Edge:
    """The threshold between two bins: the value itself belongs to the lower one, or to the upper one."""

    number: str
    to_lower: bool
    below: int
    above: int


_Side = tuple[str, str, Level | None, tuple[str, ...]]


def _sides(value: object) -> list[_Side] | str:
    """Goal, variation and level for the lower and for the upper side; or why there are none."""
    bins = value if isinstance(value, list) and all(isinstance(b, dict) for b in value) else []
    if not 2 <= len(bins) <= 10:
        return "not 2 to 10 bins"
    ranks = _ranks([text_of(b.get("label")) for b in bins])
    if isinstance(ranks, str):
        return ranks
    edges = _edges(bins, ranks)
    if isinstance(edges, str):
        return edges
    best = max(ranks)
    top = ranks.index(best)
    rising = all(a <= b for a, b in pairwise(ranks[: top + 1]))
    falling = all(a >= b for a, b in pairwise(ranks[top:]))
    if not (rising and falling):
        return "the bins do not get better and then worse"
    changed = ("bins of one kind are one",) if len(set(ranks)) < len(ranks) and len(bins) > 3 else ()
    out = []
    for lower in (True, False):
        steps = [e for e in edges if (e.above > e.below if lower else e.above < e.below)]
        if steps:
            out.append(_side(steps, lower=lower, changed=changed))
    return out or "all bins are of one kind"


def _side(steps: Sequence[_Edge], *, lower: bool, changed: tuple[str, ...]) -> _Side:
    """The goal and its variation on one side: where the bins reach 2, and where they leave 0."""

    def words(edge: _Edge) -> str:
        comparator = (">" if edge.to_lower else ">=") if lower else ("<=" if edge.to_lower else "<")
        return comparator + edge.number

    met = next((e for e in steps if max(e.below, e.above) == 2), None)
    failed = next((e for e in steps if min(e.below, e.above) == 0), None)
    if met is not None and failed is not None and met is not failed:
        return words(met), words(failed), None, changed
    if failed is None:
        assert met is not None
        return words(met), "", Level.OPTIMAL, changed
    return words(failed), "", None if met is failed else Level.MANDATORY, changed


def _ranks(labels: Sequence[str]) -> list[int] | str:
    """How good each bin is. MARGINAL lies beyond ACCEPTABLE where both are there; alone it says nothing."""
    words = [" ".join(label.upper().split()) for label in labels]
    known = dict(_LABELS)
    if "ACCEPTABLE" in words:
        known["MARGINAL"] = 0
    unknown = [label for label, word in zip(labels, words, strict=True) if word not in known]
    if unknown:
        return f"the label {unknown[0] or '(empty)'} does not say whether the bin is good"
    return [known[word] for word in words]


def _edges(bins: Sequence[Object], ranks: Sequence[int]) -> list[_Edge] | str:
    edges = []
    if bins[0].get("min") is not None or bins[-1].get("max") is not None:
        return "the first bin has no lower end and the last no upper one"
    for i in range(len(bins) - 1):
        upper, lower = bins[i].get("max"), bins[i + 1].get("min")
        if (upper is None) == (lower is None):
            return "between two bins stands no one threshold"
        number = number_text(lower if upper is None else upper)
        if number is None:
            return "a threshold is no plain number"
        edges.append(_Edge(number, upper is not None, ranks[i], ranks[i + 1]))
    numbers = [Decimal(e.number) for e in edges]
    if any(a >= b for a, b in pairwise(numbers)):
        return "the thresholds do not rise"
    return edges


def write_proknow(limits: Sequence[Taken], *, name: str) -> tuple[str, tuple[Unstatable, ...]]:
    """A scorecard, and the limits that it cannot state."""
    computed: list[Object] = []
    left = []
    for taken in limits:
        kind = _written(taken)
        if isinstance(kind, str):
            left.append(Unstatable(taken, kind))
            continue
        for structure in sided_names(taken):
            computed.append({**kind, "roi_name": structure, "rx": None, "rx_scale": None, "objectives": _bins(taken)})
    return json.dumps({"name": name, "computed": computed, "custom": []}, indent=2) + "\n", tuple(left)


def _written(taken: Taken) -> Object | str:
    """Type and arguments of a metric, or why there are none."""
    metric = taken.metric
    if metric.unit == "%" and metric.kind not in {"V", "CV"}:
        return "ProKnow has doses in Gy only"
    amount = None if metric.amount is None else Decimal(str(metric.amount))
    if metric.amount_unit == "cc" and amount is not None and amount != round(amount, 2):
        return f"{plain(amount)} cc: ProKnow shows volumes to 0.01 cc, and none is rounded"
    if metric.unit == "cc" and any(b.limit != round(b.limit, 2) for b in taken.bounds):
        return "ProKnow shows volumes to 0.01 cc, and none is rounded"
    words = {word: kind for kind, word in _WORDS.items()}
    if metric.kind in words:
        return {"type": words[metric.kind], "arg_1": None, "arg_2": None}
    assert amount is not None or metric.kind == "Median"
    if metric.kind == "CV" and metric.amount_unit == "Gy" and amount is not None:
        kind = next(kind for kind, unit in _RANGES.items() if unit == metric.unit)
        return {"type": kind, "arg_1": 0, "arg_2": _number(amount)}
    for kind, (letter, rest) in _TYPES.items():
        if amount is not None and metric.kind == letter and rest == f"{metric.amount_unit}[{metric.unit}]":
            return {"type": kind, "arg_1": _number(amount), "arg_2": None}
    return f"ProKnow has no {taken.metric_text}"


def _number(number: Decimal) -> int | float:
    """A number whose JSON has the same digits."""
    return int(number) if number == number.to_integral_value() else float(number)


def _bins(taken: Taken) -> list[Object]:
    """The bins of a limit, worst last for an upper limit and worst first for a lower one."""
    labels = (
        {2: "PASS", 1: "ACCEPTABLE", 0: "FAIL"}
        if len(taken.bounds) == 1
        else {2: "IDEAL", 1: "ACCEPTABLE", 0: "UNACCEPTABLE"}
    )
    first, *rest = taken.bounds
    ranks = [2, 1, 0] if rest else [2, 1] if first.level is Level.OPTIMAL else [2, 0]
    bins: list[Object] = [{"label": labels[r], "color": _COLOURS[r]} for r in ranks]
    for i, bound in enumerate(taken.bounds):
        upper_bin_has_it = bound.comparator in {"<", ">="}
        if taken.is_upper:
            _set(bins[i], bins[i + 1], bound, upper_bin_has_it)
        else:
            _set(bins[i + 1], bins[i], bound, upper_bin_has_it)
    return bins if taken.is_upper else bins[::-1]


def _set(lower: Object, upper: Object, bound: Bound, upper_has_it: bool) -> None:
    """Put a threshold between two neighbours: the value itself belongs to one of them."""
    (upper if upper_has_it else lower)["min" if upper_has_it else "max"] = _number(bound.limit)
