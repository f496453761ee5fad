"""Places by tails alone: copies of the repository hold, accidents do not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from covey.model.tails import Root, refuted


def test_a_root_is_what_is_before_the_common_tail():
    assert Root.of("/app/shop/x.py", "src/shop/x.py") == Root("/app", "src")
    assert Root.of("shop/x.py", "src/shop/x.py") == Root("", "src")
    assert Root.of("/app/x.py", "x.py") == Root("/app", "")


def test_alone_every_tail_holds():
    assert refuted(["/app/x.py"], {}, {"/app/x.py": "x.py"}) == {}
    assert refuted(["/lib/x.py", "y.py"], {"y.py": "y.py"}, {"/lib/x.py": "x.py"}) == {}


def test_a_better_rule_has_the_place():
    found = refuted(["/lib/x.py", "x.py"], {"x.py": "x.py"}, {"/lib/x.py": "x.py"})
    assert list(found) == ["/lib/x.py"]
    assert "x.py" in found["/lib/x.py"]


def test_the_tail_that_more_files_have_wins():
    places = {"/app/src/lib.rs": "src/lib.rs", "/app/src/a.rs": "src/a.rs", "/dep/src/lib.rs": "src/lib.rs"}
    assert list(refuted(list(places), {}, places)) == ["/dep/src/lib.rs"]
    assert list(refuted([*places, *(f"/app/dep/{number}.rs" for number in range(9))], {}, places)) == [
        "/dep/src/lib.rs"
    ]


def test_below_a_known_folder_what_is_not_there_is_nowhere():
    own = {f"/w/src/{name}.c": f"src/{name}.c" for name in "abc"}
    places = own | {"/w/deps/z/src/d.c": "src/d.c"}
    others = [f"/w/deps/z/other/{name}.c" for name in "abc"]
    assert list(refuted([*places, *others], {}, places)) == ["/w/deps/z/src/d.c"]
    assert list(refuted(list(places), {}, places)) == ["/w/deps/z/src/d.c"]  # one alone is no folder that was copied
    two = places | {"/w/deps/z/src/c.c": "src/c.c"}
    assert refuted(list(two), {}, two) == {}
    inside = {"/w/README.c": "README.c"}
    foreign = {"/w/deps/z/src/d.c": "src/d.c"}
    assert list(refuted([*inside, *foreign, *others], inside, foreign)) == ["/w/deps/z/src/d.c"]


names = st.sampled_from("abcd")
folders = st.lists(names, max_size=3)
recorded = st.builds(
    lambda lead, path: lead + "/".join(path), st.sampled_from(["", "/"]), st.lists(names, min_size=1, max_size=4)
)


@given(st.dictionaries(recorded, st.tuples(folders, st.integers(0, 3)), max_size=8), st.randoms())
def test_the_order_of_paths_does_not_matter_and_only_tails_are_refuted(found, random):
    exact, by_tail = {}, {}
    for path, (folder, shared) in found.items():
        if shared:
            by_tail[path] = "/".join([*folder, *path.lstrip("/").split("/")[-shared:]])
        elif folder:
            exact[path] = "/".join(folder)
    paths = list(found)
    expected = refuted(paths, exact, by_tail)
    assert expected.keys() <= by_tail.keys()
    shuffled = [[*items] for items in (paths, exact.items(), by_tail.items())]
    for items in shuffled:
        random.shuffle(items)
    assert refuted(shuffled[0], dict(shuffled[1]), dict(shuffled[2])).keys() == expected.keys()
