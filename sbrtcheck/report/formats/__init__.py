"""The report in its formats, one module each.

None of them writes a file or judges.
"""
