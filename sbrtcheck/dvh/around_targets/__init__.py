"""Dose around targets: conformity, spill, isodose volumes and the dose at 2 cm.

Organs never come here.
"""
