"""Several plans and earlier courses: their lesions, their sum and the limits on it.

One plan alone is judged in judging/.
"""
