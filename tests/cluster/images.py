"""Builds the example's image for each Python, as its Containerfile says, and loads it into the cluster."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cluster.containerfile import Stage, read_stage
from cluster.kube import BOX, CACHE, NOT_HERE, Cluster, NoCluster, box

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples/flask-service"
PYTHONS = {"probes": "3.11", "monitoring": "3.13"}  # core of the agent -> Python of a base image


@dataclass
class Images:
    """Builds each image once a content and loads it once a cluster; all names are under covey.test/."""

    cluster: Cluster
    scratch: Path

    def example(self, python: str, stage: str = "test", name: str = "flask-service") -> str:
        """The example's image; returns its reference."""
        context = self.scratch / "context"
        if not context.exists():
            copy_example(context)
        wanted = read_stage(context / "Containerfile", stage)
        agent = context / "agent"
        if not agent.exists() and any(source.startswith("agent/") for source, _ in wanted.copies):
            write_agent(agent)
        return self.build(wanted, context, python, name)

    def base(self, python: str) -> str:
        """The image of Python with nothing in it."""
        return self.build(Stage(cmd=("python3",)), self.scratch, python, "python-only")

    def build(self, stage: Stage, context: Path, python: str, name: str) -> str:
        made_of = [python, (CACHE / "images" / f"python{python}.tar").stat().st_mtime_ns, repr(stage)]
        layers = [(context / source, place) for source, place in stage.copies]
        installed = f"/usr/local/lib/python{python}/dist-packages"
        layers += [(packages(context / file, python), installed) for file in stage.requirements]
        digest = hashlib.sha256(json.dumps(made_of).encode())
        for source, _ in layers:
            digest.update(content(source))
        reference = f"covey.test/{name}:py{python}-{digest.hexdigest()[:12]}"
        if not self.cluster.knows(reference):
            self.load(reference, stage, layers, python)
        return reference

    def load(self, reference: str, stage: Stage, layers: Iterable[tuple[Path, str]], python: str) -> None:
        if self.cluster.load is None:
            raise NoCluster(
                "images cannot be brought into the cluster that COVEY_TEST_KUBECONFIG names; set COVEY_TEST_LOAD"
                " to a command that loads an archive, as 'kind load image-archive'"
            )
        archive = self.scratch / "image.tar"
        options = [f"--layer={source}:{place}" for source, place in layers]
        options += [f"--env={key}={value}" for key, value in stage.env.items()]
        options += [f"--workdir={stage.workdir}", f"--user={stage.user}", "--cmd", json.dumps(stage.cmd)]
        box("image", archive, "--name", reference, "--from", f"python{python}", *options)
        self.cluster.load(archive)
        archive.unlink()


def prepare() -> None:
    """Makes the base images; NoCluster with a reason where this machine cannot."""
    done = subprocess.run([BOX / "build", "images"], capture_output=True, text=True)
    if done.returncode == NOT_HERE:
        raise NoCluster("no images: " + done.stderr.strip().removeprefix("cluster: "))
    assert done.returncode == 0, done.stderr


def copy_example(to: Path) -> Path:
    """A checkout of the example, without what running it left there."""
    left = shutil.ignore_patterns("__pycache__", ".pytest_cache", ".coverage*[0-9]", "coverage-output", "agent")
    return Path(shutil.copytree(EXAMPLE, to, ignore=left))


def write_agent(folder: Path) -> None:
    """The agent's files, by the command that a user has for it."""
    command = [Path(sys.executable).with_name("covey"), "agent", "python", "-o", folder]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def packages(requirements: Path, python: str) -> Path:
    """The requirements, installed for an image's Python with bytecode compiled; kept in the cache."""
    kept = CACHE / "packages" / f"{python}-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]}"
    if kept.exists():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=kept.parent))
    command = [find_uv(), "pip", "install", "--quiet", "--require-hashes", "--only-binary=:all:", "--no-config"]
    command += ["--python-version", python, "--python-platform", "x86_64-manylinux_2_28", "--target", new]
    subprocess.run([*command, "-r", requirements], check=True)
    place = f"/usr/local/lib/python{python}/dist-packages"
    compiling = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", new, "-p", place, new]
    box("image-python", python, *compiling)
    if kept.exists():  # another run was faster
        shutil.rmtree(new)
    else:
        new.rename(kept)
    return kept


def find_uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise NoCluster("uv is needed to install the example's packages for images: run `make setup`")
    return found


def content(source: Path) -> bytes:
    """A digest of a file, or of a folder's names and files."""
    files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    digest = hashlib.sha256()
    for path in files:
        digest.update(str(path.relative_to(source)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.digest()
