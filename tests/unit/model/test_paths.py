"""Where recorded paths end up, rule by rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.model.paths import Alias, PathMap, normal, relative

FILES = ["app.py", "shop/cart.py", "shop/__init__.py", "tools/cart.py", "tools/app.py", "lib/deep/x.py"]


@pytest.mark.parametrize(
    ("recorded", "path", "rule"),
    [
        ("/srv/shop/cart.py", "shop/cart.py", "suffix"),
        ("/app/app.py", "app.py", "suffix"),
        ("shop/cart.py", "shop/cart.py", "relative"),
        ("./shop/../shop/cart.py", "shop/cart.py", "relative"),
        ("/home/ci/checkout/tools/app.py", "tools/app.py", "inside"),
        ("C:\\work\\shop\\cart.py", "shop/cart.py", "suffix"),
    ],
)
def test_automatic_rules(recorded, path, rule):
    mapped = PathMap(FILES, root="/home/ci/checkout").map(recorded)
    assert (mapped.path, mapped.rule) == (path, rule)


def test_two_equally_good_places_are_no_place():
    mapped = PathMap(["a/x/cart.py", "b/x/cart.py"]).map("/srv/x/cart.py")
    assert mapped.path is None
    assert "equally well" in mapped.why


def test_a_copy_that_a_build_made_is_not_meant():
    paths = PathMap(["src/pkg/mod.py", "build/lib/pkg/mod.py"])
    assert paths.map("/usr/lib/python3/site-packages/pkg/mod.py").path == "src/pkg/mod.py"
    assert paths.map("/app/lib/pkg/mod.py").path == "build/lib/pkg/mod.py"  # the longer tail
    assert not PathMap(["build/pkg/mod.py", "out/pkg/mod.py"]).map("/x/pkg/mod.py").path


def test_the_content_that_ran_decides_between_equal_places():
    mapped = PathMap(["a/x/cart.py", "b/x/cart.py"]).map("/srv/x/cart.py", lambda path: path.startswith("b/"))
    assert mapped.path == "b/x/cart.py"


def test_a_base_name_alone_is_not_enough_but_its_content_is():
    paths = PathMap(["lib/deep/x.py"])
    assert paths.map("/app/x.py").why == "only the base name fits"
    assert paths.map("/app/x.py", lambda path: True).path == "lib/deep/x.py"


@pytest.mark.parametrize(
    ("recorded", "folder"),
    [
        ("/app/node_modules/dep/src/index.js", "node_modules"),
        ("node_modules/a/node_modules/@b/c/src/index.js", "node_modules"),
        ("/usr/local/cargo/registry/src/index.crates.io-6f17d22bba15001f/serde-1.0.1/src/lib.rs", "cargo/registry/src"),
        ("/home/me/.cargo/git/checkouts/dep-1/abc/src/lib.rs", ".cargo/git/checkouts"),
        (f"/rustc/{'0a' * 20}/library/core/src/lib.rs", f"rustc/{'0a' * 20}"),
        ("/go/pkg/mod/example.com/dep@v1.0.0/src/lib.rs", "go/pkg/mod"),
    ],
)
def test_files_of_others_packages_are_none_of_the_repository(recorded, folder):
    files = ["src/index.js", "src/lib.rs"]
    mapped = PathMap(files).map(recorded)
    assert (mapped.path, mapped.why) == (None, f"it is a file of another's package, in {folder}")
    assert PathMap(files).map(recorded, lambda path: True).path is not None
    assert PathMap([*files, recorded.lstrip("/")]).map("/builder" + "/" * (recorded[0] != "/") + recorded).path
    lead = recorded.rpartition("/src/")[0]
    assert PathMap(files, [Alias(lead, "")]).map(recorded).path == recorded.removeprefix(f"{lead}/")


def test_a_folder_that_is_called_as_one_of_a_package_manager_may_be_the_repository_s():
    assert PathMap(["pkg/mod/src/lib.rs"]).map("/go/pkg/mod/src/lib.rs").path is not None
    assert PathMap(["src/lib.rs"]).map("/go/pkg/model/src/lib.rs").path is not None


@pytest.mark.parametrize(
    ("alias", "recorded", "path"),
    [
        ("/opt/site=", "/opt/site/shop/cart.py", "shop/cart.py"),
        ("/opt/*/src=lib", "/opt/v12/src/deep/x.py", "lib/deep/x.py"),
        ("*/src=lib", "/a/b/c/src/deep/x.py", "lib/deep/x.py"),
        ("/opt/**/src=lib", "/opt/a/b/src/deep/x.py", "lib/deep/x.py"),
        ("build=tools", "build/cart.py", "tools/cart.py"),
    ],
)
def test_aliases(alias, recorded, path):
    mapped = PathMap(FILES, [Alias.parse(alias)]).map(recorded)
    assert mapped.path == path
    assert mapped.rule.startswith("--map")


def test_an_alias_matches_whole_components_only():
    assert PathMap(["cart.py"], [Alias.parse("/app=")]).map("/apple/cart.py").rule == "suffix"


@pytest.mark.parametrize("text", ["", "=x", "/app", "/app=../x", "/app=/etc"])
def test_an_alias_stays_inside_the_repository(text):
    with pytest.raises(ValueError, match="FROM=TO"):
        Alias.parse(text)


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ("/a//b/./c.py", "a/b/c.py"),
        ("../../etc/passwd", "etc/passwd"),
        ("/", "unnamed"),
        ("", "unnamed"),
        ("..", "unnamed"),
    ],
)
def test_what_no_rule_maps_is_shown_inside_the_repository(recorded, shown):
    assert relative(recorded) == shown
    assert not normal(recorded).startswith("//")


@given(st.text(st.sampled_from("ac/.\\: \0"), max_size=12))
def test_what_is_shown_stays_as_it_is_when_it_is_read_again(recorded):
    shown = relative(recorded)
    assert relative(shown) == shown
    assert not {"", ".", ".."}.intersection(shown.split("/"))


def test_many_stars_take_no_longer_than_the_path_is_long():
    alias = Alias.parse(f"**/{'*a' * 30}zz=src")
    assert alias.apply("/x/" + "a" * 3000 + "/b.py") is None
    assert alias.apply("/x/" + "a" * 3000 + "zz/b.py") == "src/b.py"


@pytest.mark.parametrize(
    ("pattern", "recorded", "path"),
    [
        ("/x*y**z", "/x1y2z3y/4z/a.py", "a.py"),
        ("**/a*b**c*d", "/0/ab1b/cd/c1d2d/f.py", "f.py"),
        ("/a*b*c/d", "/abbcc/d/f.py", "f.py"),
        ("/a*b*c", "/abcb/f.py", None),
        ("/**a**b**c", "/a/c/b/f.py", None),
    ],
)
def test_stars_find_what_any_choice_would_find(pattern, recorded, path):
    assert Alias.parse(f"{pattern}=.").apply(recorded) == path


@pytest.mark.parametrize("alias", [r"C:\proj\foo=src", "C:/proj/foo=src", "/proj/foo=src", r"\proj\foo=src"])
def test_the_letter_of_a_drive_is_as_good_as_none(alias):
    paths = PathMap(["src/x.ts"], [Alias.parse(alias)])
    for recorded in (r"C:\proj\foo\x.ts", "c:/proj/foo/x.ts", "/proj/foo/x.ts"):
        assert paths.map(recorded).rule.startswith("--map")
    assert not PathMap(["src/x.ts"], [Alias(r"C:\other", "src", "[paths]")]).map("/proj/x.ts").rule
