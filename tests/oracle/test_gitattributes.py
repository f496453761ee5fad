"""Attributes of paths as git itself tells them: `git check-attr` on made-up files of every odd shape."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.model.attributes import AttributeFile, Attributes

WANTED = ("linguist-generated", "coverage-excluded", "m", "n", "diff")
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed: apt-get install git")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1", "HOME": "/nonexistent",
    "XDG_CONFIG_HOME": "/nonexistent",
}  # fmt: skip
PATHS = (
    "a", "b.go", "a.go", "ab", "x y", "ü.go", "a/b.go", "a/a/b.go", "a/b/c.go", "vendor/a/b.go", "a/vendor/b.go",
    "zz_generated.a.go", "a/[x].go", "a/*.go", "a/b-c.go", "a]b", "!a", "#a", '"a"', "-", "a\\b", "a/b/a/b/c.go",
)  # fmt: skip
FOLDERS = ("", "a/", "a/b/", "vendor/", "info")

piece = st.sampled_from([
    "a", "b", "c", ".go", "x y", "/", "/", "*", "*", "**", "**/", "/**", "?", "[ab]", "[!a]", "[^b]", "[a-c]",
    "[[:alpha:]]", "[]a]", "[", "]", "[a-", "[[:no:]]", "[[:alpha:]", "\\*", "\\", "vendor", "zz_generated", "*.go",
    "ü", "!", "#", "-", "[attr]m", "[attr]n",
])  # fmt: skip
pattern = st.lists(piece, min_size=1, max_size=5).map("".join)
quoted = st.one_of(
    pattern.map(lambda text: '"' + text.replace("\\", "\\\\") + '"'),
    st.sampled_from(['"\\303\\274.go"', '"a\\tb"', '"a', '"a"b', '""', '"\\8"', '"x y"', '"a\\"b"', '"\\777"', '"!a"']),
)
attribute = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "", "-", "!", "--"]),
    st.sampled_from([*WANTED, *WANTED[:4], "binary", "a*b", ""]),
    st.sampled_from(["", "", "", "=true", "=false", "=", "=a=b", "=x"]),
)
blank = st.sampled_from([" ", "\t", "  ", " \r "])
line = st.builds(
    lambda lead, first, gap, given, end: lead + first + gap + " ".join(given) + end,
    st.sampled_from(["", "", "", " ", "\t", "#", "\ufeff"]),
    st.one_of(pattern, pattern, quoted, st.sampled_from(["[attr]m", "[attr]n", "[attr]coverage-excluded", "[attr] m"])),
    blank,
    st.lists(attribute, max_size=3),
    st.sampled_from(["", "", "\r", " ", "\0x"]),
)
text = st.lists(line, max_size=6).map("\n".join)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", folder], check=True, env=ENVIRONMENT)
    for name in FOLDERS[1:4]:
        (folder / name).mkdir()
    (folder / ".git/info").mkdir(exist_ok=True)
    return folder


def place(repository, folder):
    return repository / (".git/info/attributes" if folder == "info" else f"{folder}.gitattributes")


def told_by_git(repository):
    """Path -> attribute -> "set", "unset" or the value; what is unspecified is left out."""
    done = subprocess.run(
        ["git", "check-attr", "-z", "--stdin", *WANTED], input="\0".join(PATHS).encode(), capture_output=True,
        check=True, cwd=repository, env=ENVIRONMENT,
    )  # fmt: skip
    fields = done.stdout.decode().split("\0")
    told = {path: {} for path in PATHS}
    for path, name, value in zip(fields[0::3], fields[1::3], fields[2::3], strict=False):
        if value != "unspecified":
            told[path][name] = value
    return told


def told_by_us(texts):
    read = {
        folder: AttributeFile.parse(data, folder.rstrip("/") if folder != "info" else "", macros=folder in ("", "info"))
        for folder, data in texts.items()
    }
    info = read.pop("info")
    attributes = Attributes({folder.rstrip("/"): file for folder, file in read.items()}, info, WANTED)
    words = {True: "set", False: "unset"}
    return {path: {name: words.get(state, state) for name, state in attributes.of(path).items()} for path in PATHS}


@settings(
    max_examples=1500 if os.environ.get("COVEY_PROVE") else 100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.tuples(*[text] * len(FOLDERS)))
def test_attributes_are_those_of_git(repository, texts):
    data = dict(zip(FOLDERS, (one.encode() for one in texts), strict=True))
    for folder, content in data.items():
        place(repository, folder).write_bytes(content)
    assert told_by_us(data) == told_by_git(repository)


@pytest.mark.parametrize(
    "lines",
    [
        "* coverage-excluded\n!a -coverage-excluded",
        "a/ coverage-excluded\na/** linguist-generated",
        "foo**/b.go m\n**/b.go n\na/**/c.go diff",
        "[attr]m linguist-generated -coverage-excluded n=7\n*.go m\nb.go -m",
        "*.go coverage-excluded\nb.go !coverage-excluded\na.go coverage-excluded=false",
        f"{'a' * 2040} m\n*.go {'n ' * 1100}\nb.go n",
    ],
)
def test_cases_that_went_wrong_elsewhere(repository, lines):
    data = dict.fromkeys(FOLDERS, b"") | {"": lines.encode()}
    for folder, content in data.items():
        place(repository, folder).write_bytes(content)
    assert told_by_us(data) == told_by_git(repository)
