"""Rules on one plan: a number meets a limit in comparison.py only; the other modules say which rules apply.

Nothing is read and no dose is computed here.
"""
