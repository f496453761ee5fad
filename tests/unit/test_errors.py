"""Exit codes and messages."""

from __future__ import annotations

import pytest

from covey import errors
from covey.cli.output import tell_error


@pytest.mark.parametrize(
    ("codes", "code"),
    [([], 0), ([6, 4], 4), ([4, 3], 3), ([3, 1], 1), ([1, 5], 5), ([5, 2], 2), ([2, 130], 130), ([130, 70], 70)],
)
def test_the_worst_code_is_given(codes, code):
    assert errors.worst(codes) == code


def every(kind=errors.CoveyError):
    yield kind
    for inner in kind.__subclasses__():
        yield from every(inner)


def test_every_error_has_a_slug_of_its_own_and_is_in_the_drawn_tree():
    found = [kind for kind in every() if kind.__module__ == "covey.errors"]
    assert len({kind.slug for kind in found}) == len(found)
    for kind in found:
        assert f"{kind.__name__} " in errors.__doc__
        line = next(line for line in errors.__doc__.splitlines() if f"{kind.__name__} " in line)
        assert f" {kind.exit_code}  " in line


def test_an_error_says_what_and_the_cure(capsys):
    assert tell_error(errors.FormatError("is torn", path="a.info", line=3, hint="make it anew")) == 2
    assert capsys.readouterr().err == "error: a.info:3: is torn\n  make it anew\n"


def test_of_a_group_the_unexpected_one_is_told(capsys):
    group = ExceptionGroup("", [errors.AgentTimeout("late"), ExceptionGroup("", [ZeroDivisionError("x")])])
    assert tell_error(group) == 70
    assert "bug in covey" in capsys.readouterr().err


def test_a_missing_file_is_no_bug(capsys, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        (tmp_path / "gone").open()
    assert tell_error(caught.value) == 2
    assert "gone: No such file" in capsys.readouterr().err
