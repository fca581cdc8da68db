"""Equations of fractionation: LQ (BED, EQD2 and inverses) and what goes beyond it, on floats and arrays only.

No clinical number has a default here.
"""
