"""The reference pages say what the code does: each verb, error, setting and plug-in has its place."""

from __future__ import annotations

import inspect
import re
import runpy
import tomllib
from pathlib import Path

import pytest

from covey import plugins
from covey.cli import app
from covey.client import CoverageClient
from covey.errors import CoveyError
from covey.flows import show

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def headings(page):
    return re.findall(r"^#+ (.+)$", (REFERENCE / page).read_text(), re.MULTILINE)


def kinds(kind=CoveyError):
    yield kind
    for inner in kind.__subclasses__():
        yield from kinds(inner)


def test_the_command_lines_page_is_current():
    generated = runpy.run_path(str(ROOT / "docs" / "generate.py"))["text"]()
    assert (REFERENCE / "cli.md").read_text() == generated, "renew it with `make docs`"


def test_each_error_has_its_heading():
    slugs = {kind.slug for kind in kinds() if kind.__module__ == "covey.errors"}
    assert slugs <= set(headings("errors.md"))


def test_each_format_has_its_heading():
    text = "\n".join(headings("formats.md"))
    assert [name for name in plugins.names("formats") if name not in text] == []


def test_each_name_of_an_output_is_told():
    text = (REFERENCE / "formats.md").read_text()
    rows = re.findall(r"^\| (`.*`) \| `(\w+)`", text.split("## Names of outputs")[1].split("\n## ")[0], re.MULTILINE)
    told = {name.removeprefix("*"): form for names, form in rows for name in re.findall("`([^`]+)`", names)}
    assert told == {**show.SUFFIXES, "junit*.xml": "junit", ".coverage.*": "coveragepy"}


def test_each_method_of_the_client_has_its_heading_with_its_arguments():
    def parts(signature):
        return [str(one).split(":")[0].split("=")[0].strip() for one in signature.parameters.values()]

    found = {heading.strip("`").split("(")[0].split(".")[-1]: heading for heading in headings("client.md")}
    methods = {name: one for name, one in vars(CoverageClient).items() if name[0] != "_"}
    for name, method in {**methods, "CoverageClient": CoverageClient.__init__}.items():
        arguments = parts(inspect.signature(getattr(method, "__func__", method)))
        told = re.findall(r"\b(\w+)(?:=[^,)]+)?[,)]", found[name].split("(", 1)[1])
        assert told == [one for one in arguments if one != "self"]


@pytest.mark.parametrize("verb", sorted(app.VERBS))
def test_each_verb_has_help_with_an_example_and_says_the_same_in_the_list(verb):
    command = app.command_of(verb)
    assert f"covey {verb}" in (command.epilog or "")
    assert " ".join((command.help or "").split()).startswith(app.VERBS[verb][1])


def test_links_between_pages_lead_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    dead = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert dead == []


def test_requirements_are_those_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {*project["dependencies"], *project["optional-dependencies"]["k8s"]}
    listed = {
        line for line in (ROOT / "requirements" / "runtime.in").read_text().splitlines() if line and line[0] != "#"
    }
    assert {line.replace("[ws]", "") for line in listed} == {line.replace("[ws]", "") for line in wanted}


def test_the_seeds_page_names_tests_that_exist():
    text = (REFERENCE / "seeds.md").read_text()
    named = re.findall(r"`(tests/[\w/.-]+\.py)(?:::(\w+))?`", text)
    assert len(named) > 20
    dead = []
    for file, function in named:
        path = ROOT / file
        if not path.exists() or (function and f"def {function}(" not in path.read_text()):
            dead.append(f"{file}::{function}")
    assert dead == []
