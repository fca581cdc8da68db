"""The command line, one module a command: arguments in, output and exit code out.

No physics and no rule stands here.
"""
