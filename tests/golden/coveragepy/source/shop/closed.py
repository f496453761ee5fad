"""Nothing imports this."""

HOURS = 0


def opens():
    return HOURS
