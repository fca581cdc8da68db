"""The pictures of a report as SVG.

They show what the Report holds and compute nothing.
"""
