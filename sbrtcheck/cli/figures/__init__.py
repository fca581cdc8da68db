"""The pictures that commands draw.

Nothing is computed here that a report does not hold.
"""
