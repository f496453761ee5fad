"""When something was recorded, as formats tell it: always in UTC, wherever covey runs."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from encoding import encode

from covey.errors import FormatError
from covey.formats.base import Input
from covey.formats.coveragepy import FORMAT as COVERAGEPY
from covey.formats.native import FORMAT as NATIVE
from covey.formats.segments import FORMAT as SEGMENTS
from covey.formats.sources import NoSources

TOLD = {
    "native": (NATIVE, '{"schema": "covey.report/1", "sources": [{"path": "n", "collected_at": "%s"}], "files": {}}'),
    "segments": (SEGMENTS, '{"schema": "covey.capture/1", "captured_at": "%s", "processes": []}'),
    "coverage.py": (COVERAGEPY, '{"meta": {"timestamp": "%s", "branch_coverage": false}, "files": {}}'),
}


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/New_York"], autouse=True)
def _zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def read(name, *moments):
    fmt, text = TOLD[name]
    return fmt.read([Input.of_bytes("x", (text % moment).encode()) for moment in moments], NoSources())


def told(name, moment):
    (source,) = read(name, moment).sources
    return source.collected_at


@pytest.mark.parametrize("name", TOLD)
def test_a_time_with_an_offset_is_turned_into_utc(name):
    when = told(name, "2026-11-21T12:00:00+01:00")
    assert (when, when.tzinfo) == (datetime(2026, 11, 21, 11, tzinfo=UTC), UTC)


@pytest.mark.parametrize("name", ["native", "segments"])
def test_a_time_without_an_offset_is_in_utc(name):
    for moment in ("2026-11-21T12:00:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59"):
        assert told(name, moment) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


def test_the_moment_of_a_clock_on_an_unknown_machine_is_not_known():
    for moment in ("2026-11-21T12:00:00.123456", "0001-01-01T00:00:00", "9999-12-31T23:59:59"):
        assert told("coverage.py", moment) is None


NO_TIMES = pytest.mark.parametrize("moment", ["yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])


@NO_TIMES
def test_a_capture_is_worth_more_than_its_time(moment):
    assert told("segments", moment) is None


@pytest.mark.parametrize("name", ["native", "coverage.py"])
@NO_TIMES
def test_what_is_no_time_is_refused(name, moment):
    with pytest.raises(FormatError, match="is no time") as refused:
        read(name, moment)
    assert refused.value.path == "x"


@pytest.mark.parametrize("out", ["clover", "cobertura"])
def test_times_with_and_without_an_offset_go_into_one_report(out):
    report = read("native", "2026-01-01T00:00:00", "2026-01-01T00:30:00+01:00")
    assert b'"1767225600000"' in encode(report, out)
