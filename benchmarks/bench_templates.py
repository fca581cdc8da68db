"""Time and memory of importing a limit template of 5,000 rows in each format: ``python benchmarks/bench_templates.py``.

A template must become a table within a second and 200 MB. Each time is the least processor time of several runs, with
the time of checking the resulting table beside it; memory is the peak of a process of its own. The exit code is 1 when
a format is too slow or too large.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

from sbrtcheck.exchange.read_template import read_template
from sbrtcheck.exchange.take import take
from sbrtcheck.exchange.write_table import table_text
from sbrtcheck.tables.organ_tables import lint_table
from sbrtcheck.tables.organs import organ_names

N_ROWS, LIMIT_S, LIMIT_MB, N_RUNS = 5000, 1.0, 200, 5
N_FRACTIONS = 3


def limits() -> list[tuple[str, int, float]]:
    """Organ, volume [cc] and limit [Gy], all different."""
    organs = sorted(organ_names())
    return [(organs[i % len(organs)], 1 + i // len(organs), 10 + i % 50) for i in range(N_ROWS)]


def pqm() -> bytes:
    head = "Structure IDs,Structure Codes,IDAliases,CodeAliases,DVH Objective,Evaluation Point,Variation,Priority"
    return "\n".join([head, *(f"{o},,,,D{v}cc[cGy],<={100 * x:g},,1" for o, v, x in limits())]).encode()


def dose_objectives() -> bytes:
    items = (
        f'<MeasureItem ID="{o}"><Type>5</Type><Modifier>3</Modifier><Value>{x}</Value>'
        f"<TypeSpecifier>{v}</TypeSpecifier>"
        "<ReportDQPValueInAbsoluteUnits>true</ReportDQPValueInAbsoluteUnits></MeasureItem>"
        for o, v, x in limits()
    )
    return f'<DoseObjectives Version="1.0"><Prescription>{"".join(items)}</Prescription></DoseObjectives>'.encode()


def proknow() -> bytes:
    computed = [
        {
            "type": "DOSE_VOLUME_CC_ROI",
            "roi_name": o,
            "arg_1": v,
            "objectives": [{"label": "PASS", "max": x}, {"label": "FAIL"}],
        }
        for o, v, x in limits()
    ]
    return json.dumps({"name": "x", "computed": computed}).encode()


def planscorecard() -> bytes:
    metrics = [
        {"Structure": {"StructureId": o}, "MetricType": "DoseAtVolume", "InputValue": v, "InputUnit": "CC",
         "OutputUnit": "Gy", "ScorePoints": [{"PointX": x, "Score": 5}, {"PointX": 2 * x, "Score": 1}]}
        for o, v, x in limits()
    ]  # fmt: skip
    return json.dumps({"ScoreTemplates": metrics}).encode()


def xlsx() -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.append(("Structure IDs", "DVH Objective", "Evaluation Point"))
    for organ, volume, limit in limits():
        sheet.append((organ, f"D{volume}cc[Gy]", f"<={limit}"))
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


MAKERS = {
    "pqm.csv": pqm,
    "goals.xml": dose_objectives,
    "proknow.json": proknow,
    "score.json": planscorecard,
    "sheet.xlsx": xlsx,
}


def import_once(path: Path) -> str:
    """The table of a template."""
    done = take(read_template(path, n_fractions=N_FRACTIONS), n_fractions=N_FRACTIONS)
    assert len(done.organs) == N_ROWS
    return table_text(done)


def fastest(function: object, *arguments: object) -> float:
    """The least processor time of several runs [s]."""
    assert callable(function)
    times = []
    for _ in range(N_RUNS):
        start = time.process_time()
        function(*arguments)
        times.append(time.process_time() - start)
    return min(times)


def main() -> int:
    too_much = False
    with tempfile.TemporaryDirectory() as folder:
        for name, make in MAKERS.items():
            path = Path(folder, name)
            path.write_bytes(make())
            ours = Path(folder, "ours.csv")
            ours.write_text(import_once(path), encoding="utf-8")
            seconds, lint = fastest(import_once, path), fastest(lint_table, ours)
            done = subprocess.run([sys.executable, __file__, str(path)], check=True, capture_output=True, text=True)
            megabytes = int(done.stdout)
            ratio = f"{seconds / lint:4.1f} times checking the table ({lint:.2f} s)"
            print(f"{name:13} {seconds:5.2f} s, {ratio}, {megabytes} MB")
            too_much = too_much or seconds > LIMIT_S or megabytes > LIMIT_MB
    return int(too_much)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        import_once(Path(sys.argv[1]))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    else:
        sys.exit(main())
