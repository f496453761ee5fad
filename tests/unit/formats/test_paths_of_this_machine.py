"""What this machine knows of a recorded path comes before what its tail may mean."""

from __future__ import annotations

import pytest

from covey.formats.sources import CheckoutSources


@pytest.fixture
def shop(tmp_path):
    """A checkout with src/index.js, a library's file of the same tail, a link to a folder; and a machine around it."""
    root = tmp_path / "shop"
    for path, text in {
        "src/index.js": "ours\n",
        ".tox/lib/src/index.js": "theirs\n",
        "real/x.ts": "x\n",
        "../include/src/index.js": "the system's\n",
        "../build/src/index.js": "ours\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "lnk").symlink_to("real")
    (root / "node_modules" / "own").mkdir(parents=True)
    (root / "node_modules" / "own" / "x.ts").symlink_to(root / "real" / "x.ts")
    (root / "other").symlink_to("../include")
    return root


@pytest.mark.parametrize("recorded", ["{root}/.tox/lib/src/index.js", ".tox/lib/src/index.js"])
def test_a_library_s_file_in_the_checkout_is_its_own(shop, recorded):
    place = CheckoutSources(shop).locate(recorded.format(root=shop))
    assert (place.mapped, place.path) == (False, ".tox/lib/src/index.js")
    assert "not in the repository" in place.why


@pytest.mark.parametrize("recorded", ["{root}/../include/src/index.js", "{root}/other/src/index.js"])
def test_so_is_one_elsewhere_on_this_machine(shop, recorded):
    assert not CheckoutSources(shop).locate(recorded.format(root=shop)).mapped


def test_a_copy_of_the_repository_s_file_is_that_file(shop):
    assert CheckoutSources(shop).locate(f"{shop.parent}/build/src/index.js").path == "src/index.js"


def test_what_is_not_on_this_machine_goes_by_its_tail(shop):
    for recorded in ("/app/src/index.js", f"{shop}/gone/src/index.js", "/app\0/src/index.js", "/srv/src/index.js/"):
        place = CheckoutSources(shop).locate(recorded)
        assert place.mapped or "\0" in recorded, recorded
        assert place.path in ("src/index.js", "app/src/index.js")


@pytest.mark.parametrize("recorded", ["{root}/lnk/x.ts", "lnk/x.ts", "node_modules/own/x.ts"])
def test_a_path_through_a_link_is_the_file_it_leads_to(shop, recorded):
    place = CheckoutSources(shop).locate(recorded.format(root=shop))
    assert (place.path, place.rule, place.text) == ("real/x.ts", "link", b"x\n")


def test_a_device_is_not_read(shop):
    (shop / "src" / "dev").mkdir()
    (shop / "src" / "dev" / "zero").write_text("")
    assert CheckoutSources(shop).locate("/dev/zero").path == "src/dev/zero"
