"""A case file to fill in, written from the plan: every fact that a case file can hold, with what it is for.

Nothing that the files do not say is written as a fact: what a person must decide stands behind ``#``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sbrtcheck.anatomy import names
from sbrtcheck.errors import safe_text
from sbrtcheck.judging.guideline import course_thresholds
from sbrtcheck.model import PlanData, Role, Study
from sbrtcheck.read.case_file import INTENTS, LOCATIONS, SEQUENCES, TREATMENTS
from sbrtcheck.read.toml_keys import MAX_DOSE_GY, MAX_FRACTIONS, MAX_TEXT
from sbrtcheck.tables.disease_state import questions
from sbrtcheck.tables.organs import SITES

HEAD = """\
# Case file of sbrtcheck, written from the plan: facts that the DICOM files lack. Take away the # of a line to state
# its fact, and correct it first: a value behind # is an example or what the plan says, and nobody's statement yet.
# What is left out is unknown, never "no". A fact fills what is missing and never contradicts the plan (E-CONTRADICTS);
# none of them can overrule a missed limit. Give it with: sbrtcheck check FOLDER --case THIS_FILE
# Every key: docs/case.md, or sbrtcheck case schema. Dates are written 2024-05-31, without quotes.
"""

TAIL = """\
# An organ that is not there, with its side (Lung_L), and why: it is then not asked for.
# [[absent]]
# organ = "Lung_L"
# reason = "pneumonectomy"

# An organ that is not contoured because it lies far from every target, how far, and who says so: it is then not asked
# for. Refused for cord at the spine, lungs at the lung, liver at the liver and kidneys at the adrenal.
# [[far]]
# organ = "Duodenum"
# distance_mm = 80
# name = "who says so"

# Why missing coverage is accepted for liver, kidney or lung; roi left out: for any target.
# [[excuse]]
# organ = "Liver"
# reason = "mean liver dose at its limit after hepatectomy"
# roi = "PTV1"

# Disease that this course does not treat; one table per site. Counted with the sites treated here (rule OM-3); each
# needs a local therapy (rule OM-2), and "systemic" or "none" is not one.
# treatment: {treatments}
# [[other_site]]
# site = "brain"
# treatment = "surgery"
# lesions = 1
# date = 2024-02-01

# Dose of an earlier course to an organ: it is added to this course as EQD2 (rule OM-13).
# [[earlier]]
# organ = "SpinalCord"
# metric = "D0.035cc[Gy]"
# dose_gy = 12.0
# fractions = 5
# date = 2022-11-30

# A deviation that somebody has allowed: shown beside the finding whose rule_id it names (JSON and CSV have it). The
# verdict stays what it is.
# [[deviation]]
# rule = "AAPM_TG101:Esophagus:5:D5cc[Gy]:mandatory"
# reason = "why it was allowed"
# name = "who allowed it"
"""


def new_case_text(study: Study) -> str:
    """The text of a case file for what was read; :func:`sbrtcheck.read.case_file.load_case` reads it as it is."""
    parts = [HEAD, _course(study)]
    lesions = _targets(study)
    if lesions:
        parts.append("# One table per target; roi is its name in the structure set.\n")
        parts += lesions
    else:
        parts.append('# No PTV was recognised. One table per target:\n# [[lesion]]\n# roi = "PTV"\n# site = "lung"\n')
    if len(study.plans) > 1:
        parts.append(_plans(study.plans))
    parts += [TAIL.format(treatments=_listed(TREATMENTS)), _disease(), _classification()]
    return "\n".join(parts)


def _course(study: Study) -> str:
    intents = sorted({safe_text(p.plan.intent).casefold() for p in study.plans if p.plan.intent})
    stated = f"the plan states {_listed(intents)}" if intents else "the plan states none"
    sex = study.patient.sex
    lines = [
        f'# intent = "curative"           # {_listed(INTENTS)}; {stated}. Palliative: the BED10 tiers do not apply',
        f'# sex = "{sex or "F"}"                     # M or F; {"the files have it" if sex else "the files have none"}',
    ]
    lines += [
        '# primary = "NSCLC"             # the primary tumour: the guideline is for NSCLC',
        '# confirmed = ["Esophagus"]     # organs whose contour somebody has looked at and found right',
        "# same_patient = true           # somebody has confirmed that all files are of one patient",
        '# normalised_to = "D99% = 100%" # what the prescription covers, where it is not D95% of the PTV',
    ]
    if len(study.plans) > 1:
        lines.append(f'# sequence = "sequential"       # {_listed(SEQUENCES)}: how the plans are given')
    return "\n".join(lines) + "\n"


def _targets(study: Study) -> list[str]:
    """One table per PTV, each name once."""
    out: dict[str, str] = {}
    for data in study.plans:
        for n in names.understand(data.structures.rois):
            prescribed = _prescribed_gy(data, n.roi.number)
            if (n.role is Role.TARGET and n.target_type == "PTV") or prescribed is not None:
                out.setdefault(n.roi.name, _lesion(n.roi.name, prescribed, data.plan.n_fractions))
    return list(out.values())


def _prescribed_gy(data: PlanData, number: int) -> float | None:
    found = [
        r.target_prescription_gy
        for r in data.plan.dose_references
        if r.reference_type == "TARGET" and r.roi_number == number and r.target_prescription_gy is not None
    ]
    return max(found, default=None)


def _lesion(roi: str, prescription_gy: float | None, n_fractions: int | None) -> str:
    # The reader strips texts and refuses long ones: such a name can only be corrected by a person.
    off = "" if roi and roi == roi.strip() and len(roi) <= MAX_TEXT else "# "
    dose_known = prescription_gy is not None and 1 <= prescription_gy <= MAX_DOSE_GY
    n_known = n_fractions is not None and 1 <= n_fractions <= MAX_FRACTIONS
    dose_gy = prescription_gy if prescription_gy is not None and dose_known else 50.0
    number = n_fractions if n_fractions is not None and n_known else 5
    has, lacks = "the plan has it", "the plan does not say it for this target"
    return "\n".join(
        [
            f"{off}[[lesion]]",
            f"{off}roi = {toml_text(roi[:MAX_TEXT])}",
            f'# site = "lung"                 # {_listed(SITES)}',
            f'# location = "central"          # lung only: {_listed(LOCATIONS)}; else by the distance to the airway',
            '# level = "L3"                  # spine, bone and node: the vertebra, the bone, the region',
            '# liver_lesion = "metastasis"   # liver only: primary or metastasis',
            '# normalised_to = "D99% = 100%" # what the prescription of this target covers',
            "# early_stage_primary = true    # lung only: its scheme is held against a BED10 of 100 Gy (NG-3)",
            f"# prescription_gy = {dose_gy:<12g}# total dose; {has if dose_known else lacks}",
            f"# fractions = {number:<18d}# {has if n_known else lacks}",
            "",
        ]
    )


def _plans(plans: Sequence[PlanData]) -> str:
    lines = ["# First day of each plan: says whether they are given one after the other."]
    for data in plans:
        lines += ["# [[plan]]", f"# label = {toml_text(data.plan.label)}", "# start = 2024-03-01", ""]
    lines += [
        "# Plans that treat one lesion: boost or adaptive. A plan that was replaced is not given at all.",
        "# [[same_lesion]]",
        f"# plans = [{', '.join(toml_text(p.plan.label) for p in plans[:2])}]",
        '# relation = "boost"',
        "",
        "# Targets that count as one site of disease.",
        "# [[one_site]]",
        '# rois = ["PTV_T5", "PTV_T6"]',
        '# reason = "contiguous vertebrae"',
        "",
    ]
    return "\n".join(lines)


def _disease() -> str:
    """The facts of the disease-state tree, each with the question that it answers."""
    examples = {"months_since_primary_diagnosis": "14"}
    lines = ["# Facts for the disease state (rule OM-4) and the guideline.", "[disease]"]
    for name, question in questions().items():
        lines += [f"# {question}", f"# {name} = {examples.get(name, 'false')}"]
    lines += [
        "# Does this file, with the targets of the plan, hold every known site of disease? (rule OM-2)",
        "# all_sites_declared = true",
        "# First day of systemic therapy and of radiotherapy (rule OM-6)",
        "# systemic_therapy_start = 2023-11-01",
        "# radiotherapy_start = 2024-03-01",
        "",
    ]
    return "\n".join(lines)


def _classification() -> str:
    edges = course_thresholds()
    return "\n".join(
        [
            "# Other thresholds between SBRT, hypofractionated and conventional courses (OM-7): all three or none.",
            "# Here are the shipped ones; what the course is called by these is always said too.",
            "# [classification]",
            f"# sbrt_max_fractions = {edges.sbrt_max_n_fractions}",
            f"# sbrt_min_dose_per_fraction_gy = {edges.sbrt_min_dose_per_fraction_gy:g}",
            f"# hypofractionated_above_dose_per_fraction_gy = {edges.hypofractionated_above_dose_per_fraction_gy:g}",
            "",
        ]
    )


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def toml_text(text: str) -> str:
    """A text as a TOML basic string: quotes, backslashes and control characters escaped."""
    out = []
    for char in text:
        code = ord(char)
        if char in {'"', "\\"}:
            out.append("\\" + char)
        elif code < 0x20 or 0x7F <= code <= 0x9F or code in {0x2028, 0x2029}:
            out.append(f"\\u{code:04x}")
        elif 0xD800 <= code <= 0xDFFF:
            out.append("\\ufffd")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'
