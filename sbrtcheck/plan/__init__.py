"""One plan: its doses and facts, where its lesions lie, what its files contradict.

No limit is judged here.
"""
