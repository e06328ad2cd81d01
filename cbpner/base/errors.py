"""Errors that a person can act on."""


class InputError(ValueError):
    """Something the user handed in is wrong: a file, an option, a folder.

    The message names the place (file and line where there is one), what was found, what was expected and how to go
    on. Entry points print it without a traceback and exit with code 2.
    """
