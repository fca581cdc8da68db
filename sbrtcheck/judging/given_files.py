"""What the report says of the case file and the clinic file that were given."""

from __future__ import annotations

from sbrtcheck.judging.guideline import threshold_fact
from sbrtcheck.model import Fact
from sbrtcheck.read.case_file import CaseFile
from sbrtcheck.read.clinic_file import ClinicFile


def facts_of_files(case: CaseFile | None, clinic: ClinicFile | None) -> list[Fact]:
    """Name the files with their SHA-256, and what the case file states of the course as a whole."""
    out = []
    if case:
        out.append(Fact("case file", case.file, f"SHA-256 {case.sha256}"))
        out += [Fact(f"{a.organ} absent", a.reason, "case file") for a in case.absent]
        out += [threshold_fact(case.classification)] if case.classification else []
    if clinic:
        out.append(Fact("clinic file", clinic.file, f"SHA-256 {clinic.sha256}"))
        out += [
            Fact("target goals imported from", f"{i.file} ({i.dialect})", f"clinic file; SHA-256 {i.sha256}")
            for i in clinic.imported
        ]
    return out
