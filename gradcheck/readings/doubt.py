"""What rounding decides while a text is read: correct code may go either way, so that nothing is known of this problem."""

from gradcheck.errors import Unusable


class Doubt(Unusable):
    """Reading what is given in fewer bits may change what a text makes of it. Where nobody takes it for an unknown, a refusal."""
