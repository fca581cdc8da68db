"""Other schemes: what one is worth, and what one would do to this plan.

A limit is never judged here by any path but the check's own.
"""
