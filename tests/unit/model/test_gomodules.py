"""Import paths onto the checkout's modules, and back."""

from __future__ import annotations

import pytest

from covey.model.gomodules import GoModules
from covey.model.paths import Alias, PathMap

FILES = [
    "go.mod", "main.go", "pkg/a.go",
    "pkg/testdata/x/go.mod", "pkg/testdata/x/a.go", "libs/log/go.mod", "libs/log/log.go",
    "svc/go.mod", "svc/cmd/main.go", "api/go.mod", "api/v2.go", "vendor/example.org/dep/dep.go", "fmt/print.go",
    "tools/go.mod", "tools/main.go", "other/go.mod", "other/main.go",
]  # fmt: skip
TEXTS = {
    "go.mod": '// a comment\nmodule "example.com/m" // the root\n\ngo 1.21\n\n'
    "replace (\n\texample.com/log v1.0.0 => ./libs/log\n"
    "\texample.com/far => ../../far\n\texample.com/fork => example.com/other v1.2.3\n)\n",
    "pkg/testdata/x/go.mod": "module example.com/m/pkg\n",
    "libs/log/go.mod": "module internal.example/log\n",
    "svc/go.mod": "module example.com/m/svc\n",
    "api/go.mod": "module (\n\texample.com/m/api/v2\n)\n",
    "tools/go.mod": "module example.com/tools",
    "other/go.mod": "module example.com/tools",
}
MODULES = GoModules.of(TEXTS)
PATHS = PathMap(FILES, (Alias.parse("example.com/old=pkg"),), "/srv/repo")


@pytest.mark.parametrize(
    ("name", "path", "rule"),
    [
        ("example.com/m/main.go", "main.go", "go.mod example.com/m -> ."),
        ("example.com/m/pkg/a.go", "pkg/a.go", "go.mod example.com/m -> ."),
        ("example.com/m//pkg/./a.go", "pkg/a.go", "go.mod example.com/m -> ."),
        ("example.com/m/svc/cmd/main.go", "svc/cmd/main.go", "go.mod example.com/m/svc -> svc"),
        ("example.com/m/api/v2/v2.go", "api/v2.go", "go.mod example.com/m/api/v2 -> api"),
        ("example.com/log/log.go", "libs/log/log.go", "go.mod replace example.com/log -> libs/log"),
        ("internal.example/log/log.go", "libs/log/log.go", "go.mod internal.example/log -> libs/log"),
        ("example.org/dep/dep.go", "vendor/example.org/dep/dep.go", "vendor of example.com/m"),
        ("example.com/m/vendor/example.org/dep/dep.go", "vendor/example.org/dep/dep.go", "go.mod example.com/m -> ."),
        ("example.com/old/a.go", "pkg/a.go", "--map example.com/old -> pkg"),
        ("./pkg/a.go", "pkg/a.go", "relative"),
        ("_/srv/repo/pkg/a.go", "pkg/a.go", "inside"),
        ("command-line-arguments/main.go", "main.go", "relative"),
    ],
)
def test_maps_import_paths(name, path, rule):
    mapped = PATHS.map_imported(name, MODULES)
    assert (mapped.path, mapped.rule) == (path, rule)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("fmt/print.go", "belongs to no module"),  # though the repository has a file of that very path
        ("example.com/far/far.go", "belongs to no module"),
        ("example.com/fork/main.go", "belongs to no module"),
        ("example.com/m/pkg/made.go", "its module has no pkg/made.go"),
        ("example.com/mm/main.go", "belongs to no module"),
        ("example.com/tools/main.go", "several modules"),
    ],
)
def test_leaves_what_has_no_place(name, why):
    mapped = PATHS.map_imported(name, MODULES)
    assert mapped.path is None
    assert why in mapped.why


def test_a_workspace_decides_between_modules_of_one_name():
    modules = GoModules.of(TEXTS | {"go.work": "go 1.21\n\nuse (\n\t.\n\t./other\n)\n"})
    mapped = PATHS.map_imported("example.com/tools/main.go", modules)
    assert (mapped.path, mapped.rule) == ("other/main.go", "go.work example.com/tools -> other")
    assert PATHS.map_imported("example.com/m/main.go", modules).rule == "go.work example.com/m -> ."


def test_without_modules_the_tail_decides():
    assert PATHS.map_imported("example.com/m/pkg/a.go", GoModules()).rule == "suffix"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("pkg/a.go", "example.com/m/pkg/a.go"),
        ("svc/cmd/main.go", "example.com/m/svc/cmd/main.go"),
        ("api/v2.go", "example.com/m/api/v2/v2.go"),
        ("vendor/example.org/dep/dep.go", "example.org/dep/dep.go"),
    ],
)
def test_names_files_as_go_does(path, name):
    assert MODULES.import_path(path) == name
    assert PATHS.map_imported(name, MODULES).path == path


def test_a_file_outside_of_modules_has_no_import_path():
    assert GoModules.of({"a/go.mod": "module m"}).import_path("b/x.go") is None


@pytest.mark.parametrize(
    "text", ["", "module", "module (", "replace =>", "replace a =>", "=> => =>", 'module "', "\0\n)"]
)
def test_what_is_no_directive_is_passed_over(text):
    GoModules.of({"go.mod": text, "go.work": "use\nuse ../..\n" + text})


@pytest.mark.parametrize("quote", ['"', "`", '"\\', pytest.param('"\\' * 30_000, id="many")])
def test_a_quote_that_nothing_closes_takes_the_rest_of_its_line(quote):
    text = f"use (\n./a {quote}\n./b\n{quote} ./c\n)\n"
    modules = GoModules.of({"go.work": text} | {f"{name}/go.mod": f"module {name}" for name in "abc"})
    assert {module.folder: module.rank for module in modules.modules} == {"a": 0, "b": 0, "c": 2}


def test_directives_without_words_are_passed_over():
    modules = GoModules.of({"go.mod": "replace\nmodule\nuse\nmodule example.com/m\nreplace =>\nreplace a =>\n"})
    assert [module.path for module in modules.modules] == ["example.com/m"]
