"""Which files are the application's."""

from __future__ import annotations

import hashlib
import os
import sys

import agent_runs
import pytest

settings = agent_runs.agent_module("settings")
sources = agent_runs.agent_module("sources")


def rule(main="", **asked):
    return sources.Sources(settings.read({f"COVEY_AGENT_{name}": value for name, value in asked.items()}), main)


def test_by_default_the_application():
    wanted = rule().wanted
    assert wanted("/app/app.py")
    assert wanted("/app/site_packages.py")
    assert not wanted("/app/page.html")
    assert not wanted(os.__file__)
    assert not wanted("/usr/lib/python3/dist-packages/x.py")
    assert not wanted("/app/.venv/lib/python3.12/site-packages/flask/app.py")
    assert not wanted(sources.__file__)
    assert not wanted(str(agent_runs.AGENT / "sitecustomize.py"))


def test_a_script_without_an_ending(tmp_path):
    script = tmp_path / "serve"
    script.write_text("x = 1\n")
    assert rule(str(script)).wanted(str(script))
    assert not rule().wanted(str(script))
    starter = os.path.join(os.path.dirname(sys.executable), "python")
    assert not rule(starter).wanted(starter)


def test_folders_asked_for():
    wanted = rule(SOURCE="/app:/usr/lib/python3/dist-packages/shop").wanted
    assert wanted("/app/a.py")
    assert wanted("/app/deep/b.py")
    assert wanted("/usr/lib/python3/dist-packages/shop/c.py")
    assert not wanted("/apple/a.py")
    assert not wanted("/other/a.py")
    assert not wanted("/app/venv/lib/python3.12/site-packages/x.py")
    assert not rule(SOURCE="/").wanted(os.__file__)
    assert rule(SOURCE=os.path.dirname(os.__file__)).wanted(os.__file__)


def test_packages_asked_for(tmp_path, monkeypatch):
    place = tmp_path / "site-packages"
    (place / "shop" / "cart").mkdir(parents=True)
    for name in ("shop/__init__.py", "shop/cart/__init__.py", "shop/cart/items.py", "single.py", "shopping.py"):
        (place / name).write_text("raise SystemExit('not to be imported')\n")
    wanted = rule(SOURCE="shop.cart,single").wanted
    assert not wanted(str(place / "single.py"))  # nobody knows yet where it is
    monkeypatch.syspath_prepend(str(place))
    assert wanted(str(place / "single.py"))
    assert wanted(str(place / "shop" / "cart" / "items.py"))
    assert not wanted(str(place / "shop" / "__init__.py"))
    assert not wanted(str(place / "shopping.py"))


class Editable:
    """As setuptools' finder of an editable install."""

    def __init__(self, folder):
        self.folder = folder

    def find_spec(self, name, path=None, target=None):
        from importlib.util import spec_from_file_location

        place = str(self.folder / "__init__.py")
        return spec_from_file_location(name, place) if name == "shop_editable" else None


class Broken:
    def find_spec(self, name, path=None, target=None):
        raise ValueError


def test_packages_of_an_editable_install(tmp_path, monkeypatch):
    (tmp_path / "cart").mkdir()
    for name in ("__init__.py", "cart/__init__.py"):
        (tmp_path / name).write_text("raise SystemExit('not to be imported')\n")
    wanted, part = rule(SOURCE="shop_editable").wanted, rule(SOURCE="shop_editable.cart").wanted
    assert not wanted(str(tmp_path / "a.py"))
    monkeypatch.setattr(sys, "meta_path", [Broken(), object(), *sys.meta_path, Editable(tmp_path)])
    assert wanted(str(tmp_path / "a.py"))
    assert wanted(str(tmp_path / "cart" / "b.py"))
    assert part(str(tmp_path / "cart" / "b.py"))
    assert not part(str(tmp_path / "a.py"))


def test_a_package_that_is_not_found_is_told_of(lab):
    lab.write("shop/__init__.py", "x = 1\n")
    lab.write("app.py", "import shop\n")
    lab.write("other/app.py", "x = 1\n")
    env = {"COVEY_AGENT_SOURCE": "shop,shopp.cart"}
    for script in ("other/app.py", "app.py"):
        assert lab.run(lab.folder / script, env=env).stderr == ""
    capture = agent_runs.agent_module("capture")
    (folder,) = lab.spool.glob("u*")

    def warnings():
        steps = capture.gather(str(folder), None)
        try:
            while True:
                next(steps)
        except StopIteration as done:
            return done.value.warnings

    told = ["shopp.cart, which COVEY_AGENT_SOURCE names, was not found: nothing of it is recorded"]
    assert warnings() == told
    folds = agent_runs.agent_module("folding").fold(str(folder))
    assert len(list(folds)) == 2
    assert warnings() == told


@pytest.mark.parametrize(
    ("pattern", "path", "left_out"),
    [
        ("*/tests/*", "/app/tests/a.py", True),
        ("*/tests/*", "/app/tested/a.py", False),
        ("/app/gen_*.py", "/app/gen_a.py", True),
        ("/app/gen_*.py", "/app/sub/gen_a.py", False),
        ("gen.py", os.path.abspath("gen.py"), True),
        ("*_pb2.py:*/x.py", "/y/x.py", True),
    ],
)
def test_omit(pattern, path, left_out):
    assert rule(OMIT=pattern).wanted(path) is not left_out


def test_omit_of_a_folder(tmp_path):
    assert not rule(OMIT=str(tmp_path)).wanted(str(tmp_path / "a.py"))


def test_reading_a_source(tmp_path):
    path = tmp_path / "a.py"
    path.write_bytes(b"a\r\nb\rc\n")
    source = sources.read(str(path))
    assert source.digest == hashlib.sha256(path.read_bytes()).digest()
    assert source.lines == 4  # the empty one at the end counts: an upper bound
    assert sources.read(str(tmp_path / "none.py")) is None


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("# covey: off\nx = 1\n", True),
        ("x = 1\n   # covey: off  \n", True),
        ("x = '# covey: off'\n", False),
        ("", False),
    ],
)
def test_the_mark_that_switches_a_file_off(text, off):
    assert sources.Source.of(text.encode()).is_off() is off


def test_source_in_an_archive_comes_from_the_loader():
    class Loader:
        def get_data(self, path):
            return b"x = 1\n"

    assert sources.read("/app/app.pyz/mod.py", Loader()).data() == b"x = 1\n"
    assert sources.read("/app/app.pyz/mod.py", object()) is None


def test_what_an_earlier_process_found_out_is_used_while_the_file_is_the_same(tmp_path):
    facts = agent_runs.agent_module("facts")
    folder = agent_runs.agent_module("spool").find(settings.read({"COVEY_AGENT_SPOOL": str(tmp_path / "spool")})).folder
    path, off = tmp_path / "a.py", tmp_path / "off.py"
    path.write_text("x = 1\n")
    off.write_text("# covey: off\n")
    for one in (path, off):
        os.utime(one, (1, 1))
    first = facts.Facts(folder, 1 << 20)
    for one in (path, off):
        assert sources.read(str(one), facts=first).digest == hashlib.sha256(one.read_bytes()).digest()
    # Changed a moment ago: its time of change may be coarser than that, so it is not remembered.
    assert first.get(str(path), facts.stamp_of(path.stat())) is None
    for one in (path, off):
        source = sources.read(str(one))
        aged = (*source.stamp[:3], source.stamp[3] - 10**10)
        first.put(str(one), aged, source.digest, source.lines)
    first.flush()
    second = facts.Facts(folder, 1 << 20)
    stamp = facts.stamp_of(path.stat())
    aged = (*stamp[:3], stamp[3] - 10**10)
    digest = hashlib.sha256(b"x = 1\n").digest()
    head = agent_runs.agent_module("segment").record_head(os.fsencode(path), digest, 2)
    assert second.get(str(path), aged)[1:] == (digest, 2, head)
    assert second.get(str(path), stamp) is None
    assert second.get(str(off), (*facts.stamp_of(off.stat())[:3], off.stat().st_ctime_ns - 10**10))[2] == 0


@pytest.mark.parametrize(
    "damage", [b"garbage", b"COVEYSF2\xff\xff\xff\xff", b"COVEYSF2\x40\0\0\0\0\0\0\0\xff\xff\xff\x7f"]
)
def test_damaged_facts_are_none(tmp_path, damage):
    facts = agent_runs.agent_module("facts")
    folder = agent_runs.agent_module("spool").find(settings.read({"COVEY_AGENT_SPOOL": str(tmp_path / "spool")})).folder
    with open(os.path.join(folder, "sources.cache"), "wb") as file:
        file.write(damage)
    os.chmod(os.path.join(folder, "sources.cache"), 0o600)
    assert facts.Facts(folder, 1 << 20).get("/a.py", (1, 2, 3, 4)) is None


def test_source_that_has_changed_since_it_was_remembered_is_not_given(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    remembered = sources.Source(hashlib.sha256(b"x = 2\n").digest(), 2, None, None, str(path))
    with pytest.raises(ValueError, match="has changed"):
        remembered.data()
