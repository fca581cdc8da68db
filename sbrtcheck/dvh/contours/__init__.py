"""From contours to the shape of a structure.

No dose is known here.
"""
