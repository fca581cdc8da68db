"""Limit templates of other programs, in and out: one module a format.

Reading: ``read_template.read_template`` gives the statements of a file, ``take.take`` makes limits of them.
Writing: ``export.export_table``. What a format cannot state exactly is listed and neither taken nor written.
"""
