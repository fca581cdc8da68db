"""What comes from outside into records: DICOM-RT, DVH tables, the case file and the clinic file.

The only room that reads with pydicom; nothing is judged here.
"""

from sbrtcheck.read.dicom.folder import read_folder, read_structure_sets, validate

__all__ = ["read_folder", "read_structure_sets", "validate"]
