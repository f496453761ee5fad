"""Reports of several packages, and of libraries beside the repository's own files: each file in its own place."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.flows import merge
from covey.flows.checkout import checkout_sources
from covey.flows.explain import document, explain
from covey.model.paths import Alias


def lcov(**files):
    """A tracefile. files: path -> hits of the lines from 1."""
    text = ""
    for path, hits in files.items():
        rows = "".join(f"DA:{line},{count}\n" for line, count in enumerate(hits, 1))
        text += f"SF:{path}\n{rows}end_of_record\n"
    return text


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Makes files of a checkout, "" for those whose content does not matter, and goes there."""
    monkeypatch.chdir(tmp_path)

    def make(**files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return tmp_path

    return make


def load(*names, maps=()):
    aliases = [Alias.parse(text) for text in maps]
    return merge.load(names, merge.Reading(checkout_sources(Path(), aliases), maps=aliases))


def shown(report):
    return {path: (file.totals.lines.covered, file.totals.lines.total) for (_, path), file in report.files.items()}


def test_relative_paths_begin_at_the_folder_that_has_them_above_the_report(project):
    sources = dict.fromkeys(("packages/a/src/index.ts", "packages/b/src/index.ts", "src/index.ts", "src/other.ts"), "")
    project(**sources, **{
        "packages/a/coverage/lcov.info": lcov(**{"src/index.ts": [1, 1, 1, 0]}),
        "packages/b/coverage/lcov.info": lcov(**{"src/index.ts": [0] * 8}),
        "coverage/lcov.info": lcov(**{"src/index.ts": [1], "packages/b/src/index.ts": [1], "./src/other.ts": [0]}),
    })  # fmt: skip
    names = ["packages/a/coverage/lcov.info", "packages/b/coverage/lcov.info", "coverage/lcov.info"]
    assert shown(load(*names)) == {
        "packages/a/src/index.ts": (3, 4), "packages/b/src/index.ts": (1, 8), "src/index.ts": (1, 1),
        "src/other.ts": (0, 1),
    }  # fmt: skip


@pytest.mark.parametrize("dots", ["", "./", "../src/", "../../a/src/", "gone/../"])
def test_a_path_beside_a_report_may_take_turns(project, dots):
    project(**dict.fromkeys(("a/src/x.ts", "b/src/x.ts"), ""))
    project(**{"a/src/in.info": lcov(**{f"{dots}x.ts": [1, 0], f"{dots}missing.ts": [1]})})
    found = shown(load("a/src/in.info"))
    assert found.pop("a/src/x.ts") == (1, 2)
    assert [path.rpartition("/")[2] for path in found] == ["missing.ts"]  # no file of the checkout has this name


@pytest.mark.parametrize("dots", ["x.ts/.", "x.ts/gone/..", "x.ts/"])
def test_nor_does_a_path_need_to_end_with_its_name(project, dots):
    project(**dict.fromkeys(("a/src/x.ts", "b/src/x.ts"), ""), **{"a/src/in.info": lcov(**{dots: [1, 0]})})
    assert shown(load("a/src/in.info")) == {"a/src/x.ts": (1, 2)}


def test_no_tool_begins_at_the_copies_of_a_build(project):
    project(**dict.fromkeys(("src/x.c", "build/src/x.c"), ""), **{"build/lcov.info": lcov(**{"src/x.c": [1]})})
    assert shown(load("build/lcov.info")) == {"src/x.c": (1, 1)}


def test_a_mapping_comes_before_the_folder_of_the_report(project):
    project(**{"a/src/x.ts": "", "b/src/x.ts": "", "a/lcov.info": lcov(**{"src/x.ts": [1]})})
    report = load("a/lcov.info", maps=["src=b/src"])
    assert shown(report) == {"b/src/x.ts": (1, 1)}


CLASS = '<class name="A" filename="{}"><methods/><lines>{}</lines></class>'
COBERTURA = (
    '<coverage line-rate="1" version="1"><sources><source>{}</source></sources><packages><package name="p">'
    "<classes>{}</classes></package></packages></coverage>"
)


def cobertura(source, filename, hits):
    rows = "".join(f'<line number="{line}" hits="{count}"/>' for line, count in enumerate(hits, 1))
    return COBERTURA.format(source, CLASS.format(filename, rows))


@pytest.mark.parametrize("root", ["{here}/svc-a", "/ci/repo/svc-a"])
def test_what_a_report_says_of_its_root_counts_before_a_file_of_that_name_elsewhere(project, root):
    here = project(**dict.fromkeys(("app/main.py", "svc-a/app/main.py", "svc-b/app/main.py"), ""))
    (here / "a.xml").write_text(cobertura(root.format(here=here), "app/main.py", [1, 0, 0]))
    (here / "root.xml").write_text(cobertura(here, "app/main.py", [1]))
    report = load("a.xml", "root.xml")
    if "{here}" in root:
        assert shown(report) == {"svc-a/app/main.py": (1, 3), "app/main.py": (1, 1)}
    else:  # it may be of either, so it is of none
        assert shown(report) == {"ci/repo/svc-a/app/main.py": (1, 3), "app/main.py": (1, 1)}


JACOCO = (
    '<report name="{}"><package name="com/acme"><sourcefile name="Application.java">{}</sourcefile></package></report>'
)


def jacoco(name, hits):
    rows = (f'<line nr="{line}" mi="{1 - ran}" ci="{ran}" mb="0" cb="0"/>' for line, ran in enumerate(hits, 1))
    return JACOCO.format(name, "".join(rows))


@pytest.mark.parametrize("report", ["{}/target/site/jacoco/jacoco.xml", "artifacts/{}.xml"])
def test_a_class_of_several_modules_is_that_of_the_report_s_module(project, report):
    source = "{}src/main/java/com/acme/Application.java"
    project(
        **dict.fromkeys((source.format(module) for module in ("orders/", "billing/", "")), ""),
        **{report.format("orders"): jacoco("orders", [1, 1, 0]), report.format("billing"): jacoco("billing", [0] * 5)},
    )
    found = shown(load(report.format("orders"), report.format("billing")))
    assert found == {source.format("orders/"): (2, 3), source.format("billing/"): (0, 5)}


def test_a_class_of_several_modules_whose_module_nothing_tells_has_no_place(project):
    source = "{}/src/main/java/com/acme/Application.java"
    project(**dict.fromkeys(map(source.format, ("orders", "billing")), ""), **{"x.xml": jacoco("all", [1])})
    assert shown(load("x.xml")) == {"com/acme/Application.java": (1, 1)}


OWN = {f"/w/repo/src/{name}.cpp": [1] for name in ("main", "till", "card")}


@pytest.mark.parametrize(
    ("own", "foreign", "like"),
    [
        (
            {"src/tokens/Mine.sol": [1], "src/tokens/ERC20.sol": [1, 0, 0]},
            "lib/solmate/src/tokens/ERC20.sol",
            "src/tokens/ERC20.sol",
        ),
        ({"src/a.rs": [1], "src/b.rs": [1]}, "crates/gone/src/lib.rs", "src/lib.rs"),
        (OWN, "/w/repo/build/_deps/yaml-cpp-src/src/parser.cpp", "src/parser.cpp"),
        (OWN | {"/w/repo/src/parser.cpp": [0]}, "/home/me/.conan2/p/b/x/src/parser.cpp", "src/parser.cpp"),
        (OWN | {"/w/repo/src/parser.cpp": [0]}, "/usr/lib/python3/site-packages/yaml/src/parser.cpp", "src/parser.cpp"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_library_s_file_is_not_the_repository_s_of_the_same_tail(project, own, foreign, like, first):
    names = {path.removeprefix("/w/repo/") for path in own}
    project(**dict.fromkeys(names | {like}, ""))
    files = {foreign: [1, 1, 1, 1], **own} if first else {**own, foreign: [1, 1, 1, 1]}
    others = {f"{foreign.rpartition('/')[0]}/more{number}.x": [1] for number in range(3)}
    project(**{"in.info": lcov(**files, **others)})
    found = shown(load("in.info"))
    assert found[foreign.lstrip("/")] == (4, 4)
    assert {path: found[path] for path in names} == {
        path.removeprefix("/w/repo/"): (sum(hits), len(hits)) for path, hits in own.items()
    }


def test_files_of_two_builds_are_not_one_for_their_tail_alone(project):
    project(**{"index.js": "", "in.info": lcov(**{f"/w/repo/packages/{name}/dist/index.js": [1] for name in "ab"})})
    assert set(shown(load("in.info"))) == {f"w/repo/packages/{name}/dist/index.js" for name in "ab"}


def test_a_copy_of_many_files_is_the_repository_all_the_same(project):
    names = [f"pkg/{name}.py" for name in "abc"]
    project(**dict.fromkeys((f"src/{name}" for name in names), ""))
    roots = ("src", "/app/src", ".tox/py312/lib/site-packages")
    project(**{"in.info": lcov(**{f"{root}/{name}": [1] for root in roots for name in names})})
    assert set(shown(load("in.info"))) == {f"src/{name}" for name in names}


def test_files_of_an_image_beside_its_libraries_keep_their_places(project):
    names = [f"pkg/{name}.py" for name in "ab"]
    project(**dict.fromkeys(names, ""))
    libraries = {f"/app/lib/python3/dep{number}/x{number}.py": [1] for number in range(20)}
    project(**{"in.info": lcov(**{f"/app/{name}": [1] for name in names}, **libraries)})
    assert set(names) < set(shown(load("in.info")))


def test_a_map_that_leads_nowhere_says_so_and_nothing_else_is_tried(project):
    project(**dict.fromkeys(("config.py", "services/other/utils/helpers.py", "services/shop/app.py"), ""))
    project(**{"in.info": lcov(**{f"/app/{name}.py": [1] for name in ("config", "utils/helpers", "app")})})
    report = load("in.info", maps=["/app=services/shop"])
    assert set(shown(report)) == {"app/config.py", "app/utils/helpers.py", "services/shop/app.py"}
    assert any("--map /app=services/shop leads" in note for note in report.notes)


def test_every_input_s_path_is_explained(project):
    project(**dict.fromkeys(("svc-a/app/x.py", "svc-b/app/x.py"), ""))
    for name in "ab":
        project(**{f"{name}.xml": cobertura(f"/ci/svc-{name}", "app/x.py", [1])})
    reading = merge.Reading(checkout_sources(Path()))
    report = merge.load(["a.xml", "b.xml"], reading)
    rows = document(explain(reading.sources, report))["paths"]
    assert [(row["recorded"], row["path"]) for row in rows] == [
        ("app/x.py", "svc-a/app/x.py"), ("app/x.py", "svc-b/app/x.py"),
    ]  # fmt: skip


@pytest.mark.parametrize("data", [".coverage", ".coverage.{}"])
def test_coverage_py_s_relative_paths_begin_at_the_folder_of_the_data(project, data):
    from coverage import CoverageData

    project(**{f"{name}/app/main.py": "a = 1\nb = 2\n" for name in ("svc", "web")})
    for name, ran in (("svc", [1, 2]), ("web", [1])):
        recorded = CoverageData(basename=f"{name}/{data.format(name)}")
        recorded.add_lines({"app/main.py": ran})
        recorded.close(force=True)
    names = [f"{name}/{data.format(name)}" for name in ("svc", "web")]
    expected = {"svc/app/main.py": (2, 2), "web/app/main.py": (1, 2)}
    assert shown(load(*names)) == expected
    joined = merge.united(names, merge.Reading(checkout_sources(Path())), "coveragepy")
    with Path("all.coverage").open("wb") as out:
        joined.write(out)
    assert shown(load("all.coverage")) == expected
