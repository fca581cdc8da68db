"""DICOM-RT files to model records. The only package that imports pydicom."""

from sbrtcheck.read.folder import read_folder, validate

__all__ = ["read_folder", "validate"]
