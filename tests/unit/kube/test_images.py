from __future__ import annotations

import anyio
import pytest

from covey.kube import images
from covey.kube.pods import Container
from covey.model.provenance import Image
from covey.oci import Resolution

A, B, INDEX, CONFIG = (f"sha256:{letter * 64}" for letter in "abcd")
SAME = "taken: the digest is the same"


def verdict(asked, spec, ran="", *, registry=None, any_version=False):
    """registry: reference -> digests that it stands for; None when it cannot be reached."""
    seen = []

    async def resolve(image):
        seen.append(str(image))
        found = None if registry is None else registry.get(str(image))
        return Resolution(None if found is None else frozenset(found), "" if found else "out of reach")

    running = images.runs(Container("app", spec, ran))
    found = anyio.run(lambda: images.match(Image.parse(asked), running, resolve, any_version=any_version))
    return ("taken" if found.taken else "near" if found.near else "no"), found.why, seen


@pytest.mark.parametrize(
    ("asked", "spec", "ran", "expected"),
    [
        # registry ports, short names, untagged references
        ("registry:5000/org/app", "registry:5000/org/app", "", "taken"),
        ("registry:5000/org/app", "registry:5000/org/app:v1", "", "taken"),
        ("registry:5000/org/app:v1", "registry:5000/org/app", "", "near"),
        ("registry:5000/org/app:latest", "registry:5000/org/app", "", "taken"),
        ("registry:5000/org/app:v1", "registry/org/app:v1", "", "no"),
        ("app:v1", "docker.io/library/app:v1", "", "taken"),
        ("docker.io/app:v1", "docker.io/library/app:v1", "", "no"),
        ("me/app:v1", "docker.io/me/app:v1", f"docker.io/me/app@{A}", "taken"),
        # a prefix is not the repository
        ("reg.io/org/app", "reg.io/org/app2:v1", "", "no"),
        ("reg.io/org/app", "reg.io/org/app/sub:v1", "", "no"),
        # digests, without a registry to ask
        (f"reg.io/app@{A}", "reg.io/app:v1", f"reg.io/app@{A}", "taken"),
        (f"reg.io/app:v9@{A}", "reg.io/app:v1", f"docker-pullable://reg.io/app@{A}", "taken"),
        (f"reg.io/app:v1@{A}", "reg.io/app:v1", f"reg.io/app@{B}", "near"),
        (f"reg.io/app@{A}", f"reg.io/app:v1@{A}", "", "taken"),
        (f"reg.io/app@{A}", "reg.io/app:v1", "", "near"),
        # an image that was loaded has the digest of its configuration: the tag decides
        ("reg.io/app:v1", "reg.io/app:v1", CONFIG, "taken"),
        ("reg.io/app:v1", "reg.io/app:v2", f"docker://{CONFIG}", "near"),
        (f"reg.io/app:v1@{A}", "reg.io/app:v1", CONFIG, "taken"),
        # a mirror stands in between: the status knows the name that was asked for
        ("reg.io/app:v1", "mirror.local/app:v1", f"reg.io/app@{A}", "taken"),
        # what is no reference at all
        ("reg.io/app:v1", "", "", "no"),
        ("reg.io/app:v1", "   ", "sha256:short", "no"),
    ],
)
def test_without_a_registry(asked, spec, ran, expected):
    assert verdict(asked, spec, ran)[0] == expected


@pytest.mark.parametrize(
    ("asked", "spec", "ran", "registry", "expected"),
    [
        ("r.io/app:v1", "r.io/app:v1", f"r.io/app@{A}", {"r.io/app:v1": {INDEX, A, B}}, SAME),
        ("r.io/app:v1", "r.io/app:v1", f"r.io/app@{A}", {"r.io/app:v1": {INDEX, B}}, "near: its tag has moved since"),
        ("r.io/app:v1", "r.io/app:other", f"r.io/app@{A}", {"r.io/app:v1": {A}}, SAME),
        ("r.io/app:v1", "r.io/app:other", f"r.io/app@{A}", {"r.io/app:v1": {B}}, "near: it runs another digest"),
        ("r.io/app:v1", "r.io/app:other", CONFIG, {"r.io/app:v1": {B, CONFIG}}, SAME),
        ("r.io/app:v1", "r.io/app:v1", CONFIG, {"r.io/app:v1": {INDEX, A}}, "taken: the tag is the same"),
        (f"r.io/app@{INDEX}", "r.io/app:x", f"r.io/app@{A}", {f"r.io/app@{INDEX}": {INDEX, A}}, SAME),
        (f"r.io/app@{A}", "r.io/app:x", f"r.io/app@{INDEX}", {f"r.io/app@{A}": {A}, f"r.io/app@{INDEX}": {INDEX, A}},
         "taken: the digest is one of the index that runs"),
    ],
)  # fmt: skip
def test_with_a_registry(asked, spec, ran, registry, expected):
    kind, why, _ = verdict(asked, spec, ran, registry=registry)
    assert f"{kind}: {why}" == expected


def test_the_registry_is_asked_only_when_it_matters():
    assert verdict("r.io/other:v1", "r.io/app:v1", f"r.io/app@{A}")[2] == []
    assert verdict(f"r.io/app@{A}", "r.io/app:v1", f"r.io/app@{A}")[2] == []
    assert verdict("r.io/app", "r.io/app:v1", f"r.io/app@{A}")[2] == []
    assert verdict("r.io/app:v9", "r.io/app:v1", f"r.io/app@{A}", any_version=True) == (
        "taken", "the repository is the same", []
    )  # fmt: skip
    assert verdict("r.io/app:v1", "r.io/app:v1", f"r.io/app@{A}")[1:] == (
        "the tag is the same (out of reach)", ["r.io/app:v1"]
    )  # fmt: skip
