"""constraints/ into frozen rows, read strictly: organ tables, target goals, guideline, schemes, organs, suspicion.

No plan is known here.
"""
