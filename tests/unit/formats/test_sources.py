from __future__ import annotations

import hashlib
import os

import pytest

from covey.formats.sources import CheckoutSources, NoSources, walk
from covey.model.paths import Alias


@pytest.fixture
def root(tmp_path):
    for name in (
        "a.py",
        "pkg/b.py",
        "pkg/sub/b.py",
        ".git/hooks/c.py",
        "node_modules/d.py",
        "v/pyvenv.cfg",
        "v/lib/e.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    return tmp_path


def test_walk_leaves_out_what_is_not_the_repositorys(root):
    (root / "loop").symlink_to(root)
    (root / "odd\n.py").touch()
    assert walk(root) == ["a.py", "pkg/b.py", "pkg/sub/b.py"]


def test_listing_is_by_suffix(root):
    sources = CheckoutSources(root)
    assert sources.listing(".py") == ("a.py", "pkg/b.py", "pkg/sub/b.py")
    assert sources.listing(".c") == ()


def test_the_content_decides_between_equally_good_places(root):
    sources = CheckoutSources(root)
    ran = "sha256:" + hashlib.sha256(b"# pkg/sub/b.py\n").hexdigest()
    assert not sources.locate("/elsewhere/b.py").mapped
    place = sources.locate("/elsewhere/b.py", ran)
    assert (place.path, place.same, place.text) == ("pkg/sub/b.py", True, b"# pkg/sub/b.py\n")
    assert sources.locate("/srv/pkg/sub/b.py", "sha256:00").same is False
    assert sources.locate("/srv/pkg/sub/b.py").same is None


def test_given_rules_are_used(root):
    sources = CheckoutSources(root, [Alias("/x", "")])
    assert sources.locate("/x/a.py").rule == "--map /x -> ."


def test_text_is_read_from_inside_only(root, tmp_path_factory):
    secret = tmp_path_factory.mktemp("outside") / "secret.py"
    secret.write_text("password = 1\n")
    (root / "leak.py").symlink_to(secret)
    (root / "ok.py").symlink_to(root / "a.py")
    os.mkfifo(root / "pipe.py")
    sources = CheckoutSources(root)
    assert sources.locate("leak.py").text is None
    assert sources.locate("ok.py").text == b"# a.py\n"
    assert sources.locate("pipe.py").text is None
    assert sources.text("../secret.py") is None
    assert sources.text("gone.py") is None


def test_nowhere_there_is_nothing():
    place = NoSources().locate("/app/../x/a.py", "sha256:00")
    assert (place.path, place.mapped, place.text, place.same) == ("x/a.py", False, None, None)
    assert place.why
    assert NoSources().listing(".py") == ()
