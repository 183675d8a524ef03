"""The words of the listener protocol, where programs that speak it by hand look for them."""


class PEventListenerDispatcher:
    """Only the tokens; what supervisord does with them is not here."""

    READY_FOR_EVENTS_TOKEN = b"READY\n"
    RESULT_TOKEN_START = b"RESULT "
    READY_FOR_EVENTS_LEN = len(READY_FOR_EVENTS_TOKEN)
    RESULT_TOKEN_START_LEN = len(RESULT_TOKEN_START)
