"""`except*`: Python 3.11 and later."""


def groups(errors):
    try:
        if errors:
            raise ExceptionGroup("several", errors)
    except* ValueError as group:
        found = len(group.exceptions)
    except* (TypeError,
             KeyError):
        found = "type"
    except* OSError:
        found = "os"
    else:
        found = "none"
    finally:
        done = True
    return found, done


def unhandled():
    try:
        groups([ZeroDivisionError()])
    except ExceptionGroup:
        return "through"


def expression_fails():
    try:
        try:
            raise ValueError
        except* missing:  # noqa: F821
            pass
    except NameError:
        return "no name"
    except BaseExceptionGroup:
        return "group"


groups([])
groups([ValueError(), TypeError()])
unhandled()
try:
    expression_fails()
except BaseException:
    pass
