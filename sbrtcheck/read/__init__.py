"""DICOM-RT files to model records. The only package that imports pydicom."""

from sbrtcheck.read.dicom.folder import read_folder, read_structure_sets, validate

__all__ = ["read_folder", "read_structure_sets", "validate"]
