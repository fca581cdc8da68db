"""DICOM-RT objects into model records, after a pre-scan of every byte.

Only this room reads with pydicom; nothing is judged here.
"""
