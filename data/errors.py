"""What a person can mend."""


class InputError(Exception):
    """Something given to the toolkit is wrong; the message is one sentence that names the mend.

    Commands print it without a traceback and exit with 2.
    """
