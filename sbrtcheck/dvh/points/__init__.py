"""Where dose is taken and how it is read there.

No histogram is made here.
"""
