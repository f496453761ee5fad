"""The settings file: found upwards, checked by name, and each value with its origin."""

from __future__ import annotations

import io
import json
import re

import pytest
from click.testing import CliRunner

from covey import config, plugins
from covey.cli import app
from covey.errors import ConfigError, UsageError
from covey.model.paths import Alias
from covey.model.report import Report

FLAGS = {"collect": frozenset({"port", "namespace"}), "report": frozenset({"show_missing"})}


def test_no_file_means_nothing_is_set(tmp_path):
    (tmp_path / ".git").mkdir()
    assert config.load(tmp_path, FLAGS) == config.Config()


def test_the_nearest_file_upwards_holds(tmp_path):
    (tmp_path / "covey.toml").write_text("[collect]\nport = 1\n")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.covey.collect]\nport = 2\n")
    assert config.load(inner, FLAGS).verbs == {"collect": {"port": 2}}


def test_a_pyproject_without_covey_is_passed_by_but_not_the_repositorys_root(tmp_path):
    (tmp_path / "covey.toml").write_text("[collect]\nport = 1\n")
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    (repository / "pyproject.toml").write_text("[tool.other]\n")
    assert config.find(repository) is None


def test_paths_become_aliases(tmp_path):
    (tmp_path / "covey.toml").write_text('[paths]\n"/app" = "src"\n"*/x" = "."\n')
    aliases = config.load(tmp_path, FLAGS).aliases
    assert aliases == (Alias("/app", "src"), Alias("*/x", ""))
    assert config.load_paths(tmp_path) == aliases


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[colect]\nport = 1\n", "no setting 'colect'", "collect"),
        ("[collect]\nprot = 1\n", "no setting 'collect.prot'", "collect.port"),
        ("collect = 3\n", "must be a table", ""),
        ("[paths]\na = 1\n", "must be a table of text", '"/app" = "src"'),
        ('[paths]\na = "../b"\n', "FROM=TO", ""),
        ("[collect\n", "is not TOML", ""),
        ("a = " + "[" * 50_000, "is not TOML", ""),
        ("#" * (config.LARGEST + 1), "larger than", ""),
    ],
)
def test_what_is_wrong_is_named_with_its_cure(tmp_path, text, message, hint):
    (tmp_path / "covey.toml").write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        config.load(tmp_path, FLAGS)
    assert hint in caught.value.hint


def test_every_value_tells_where_it_comes_from(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "covey.toml").write_text('[report]\nprecision = 2\ntitle = "file"\n')
    monkeypatch.setenv("COVEY_REPORT_TITLE", "environment")
    result = CliRunner().invoke(app.cli, ["config", "report", "--json"], prog_name="covey", auto_envvar_prefix="COVEY")
    assert result.exit_code == 0, result.output
    rows = {row["setting"]: (row["value"], row["from"]) for row in json.loads(result.stdout)["settings"]}
    assert rows["report.precision"] == (2, str(tmp_path / "covey.toml"))
    assert rows["report.title"] == ("environment", "environment")
    assert rows["report.how"] == ("sum", "default")


def test_the_file_is_obeyed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text(
        '{"schema": "covey.report/1", "files": {"a.py": {"mode": "set", "lines": {"1": 1, "2": 0, "3": 0}}}}'
    )
    (tmp_path / "covey.toml").write_text("[report]\nprecision = 3\n")
    result = CliRunner().invoke(app.cli, ["report", "a.json"], prog_name="covey", auto_envvar_prefix="COVEY")
    assert "33.333%" in result.stdout


@pytest.mark.parametrize("text", ["tool = 5\n", "[tool]\nother = 1\n"])
def test_a_pyproject_that_is_not_about_covey(tmp_path, text):
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text(text)
    assert config.find(tmp_path) is None


def test_a_pyproject_that_says_nonsense_about_covey(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool]\ncovey = 5\n")
    with pytest.raises(ConfigError, match="must be a table"):
        config.load(tmp_path, FLAGS)


def ask(*arguments, **variables):
    return CliRunner(env=variables).invoke(app.cli, arguments, prog_name="covey", auto_envvar_prefix="COVEY")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text('{"schema": "covey.report/1", "files": {"a.py": {"lines": {"1": 1}}}}')
    return tmp_path


def test_a_setting_has_its_flags_name(here):
    (here / "covey.toml").write_text('[report]\nformat = "markdown"\npart = "unit=a.json"\n')
    assert "### Coverage" in ask("report").stdout
    (here / "covey.toml").unlink()
    assert "### Coverage" in ask("report", "a.json", COVEY_REPORT_FORMAT="markdown").stdout
    assert '"covey.report/1"' in ask("merge", "a.json", COVEY_MERGE_FROM="native").stdout


def test_one_value_stands_for_a_list_of_one(here):
    (here / "covey.toml").write_text('[collect]\nnamespace = "staging"\npods = ["a", "b"]\nurl = "localhost:1"\n')
    rows = {row["setting"]: row["value"] for row in json.loads(ask("config", "collect", "--json").stdout)["settings"]}
    assert (rows["collect.namespace"], rows["collect.pods"], rows["collect.url"]) == (
        ["staging"], ["a", "b"], ["localhost:1"],
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["title = {a = 1}", "title = [1]", "part = [{}]", "skip-covered = 3", "precision = true", "title = 2020-01-01"],
)
def test_a_value_of_another_kind_is_refused(here, text):
    (here / "covey.toml").write_text(f"[report]\n{text}\n")
    error = ask("report", "a.json").exception
    assert isinstance(error, ConfigError)
    assert "must be" in error.what


def test_a_number_may_be_text(here):
    (here / "covey.toml").write_text("[report]\noutput = 3\ntitle = 5\n")
    assert ask("report", "a.json", "--format", "json").exit_code == 0
    assert (here / "3").is_file()


@pytest.mark.parametrize("verb", ["report", "merge"])
@pytest.mark.parametrize("name", ["output", "checkout"])
@pytest.mark.parametrize("place", ["/", "{outside}/x", "../x", "link/x", "a/../../x", ".git/hooks", "sub/.GIT/hooks"])
def test_a_checkout_never_chooses_a_place_outside(here, tmp_path_factory, verb, name, place):
    outside = tmp_path_factory.mktemp("outside")
    (here / ".git/hooks").mkdir(parents=True)
    (here / "link").symlink_to(outside)
    (here / "covey.toml").write_text(f'[{verb}]\n{name} = "{place.format(outside=outside)}"\n')
    error = ask(verb, "a.json").exception
    assert isinstance(error, ConfigError)
    assert "from a settings file" in error.what
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("place", ["x.json", "sub/../x.json", "../x.json"])
def test_a_checkout_chooses_a_place_inside(here, monkeypatch, place):
    (here / ".git").mkdir()
    (here / "sub").mkdir()
    (here / "covey.toml").write_text(f'[report]\noutput = "{place}"\n')
    if place.startswith(".."):
        monkeypatch.chdir(here / "sub")
    assert ask("report", str(here / "a.json")).exit_code == 0
    assert (here / "x.json").is_file()


@pytest.mark.parametrize(
    ("verb", "text"),
    [
        ("collect", 'kubeconfig = "evil.yaml"'),
        ("reset", 'agent_token_file = "/run/secrets/token"'),
        ("demo", 'python = "./evil"'),
        ("run", 'python = "./evil"'),
        ("collect", 'url = "evil.example:80"'),
        ("collect", 'url = ["localhost:9095", "http://evil.example"]'),
    ],
)
def test_a_checkout_never_chooses_programs_secrets_or_who_is_sent_them(here, verb, text):
    (here / "covey.toml").write_text(f"[{verb}]\n{text}\n")
    error = ask(verb).exception
    assert isinstance(error, ConfigError)
    assert "from a settings file" in error.what


def test_what_config_prints_is_a_settings_file_that_says_the_same(here):
    (here / ".git").mkdir()
    (here / "covey.toml").write_text(
        '[paths]\n"*/a \\"b\\"" = "src"\n[report]\ntitle = "it\'s \\u007f = 1\\n"\nthreshold = 80\n'
        'exclude = ["a/", "b"]\n'
    )
    variables = {"COVEY_REPORT_SHOW_MISSING": "1", "COVEY_COLLECT_KUBECONFIG": "k"}
    before = json.loads(ask("config", "--json", **variables).stdout)
    printed = ask("config", **variables).stdout
    assert 'exclude = ["a/", "b"]' in printed
    assert "show_missing = true  # environment" in printed
    assert '# kubeconfig = "k"  # environment; not taken from a settings file' in printed
    (here / "covey.toml").write_text(printed)
    after = json.loads(ask("config", "--json", COVEY_COLLECT_KUBECONFIG="k").stdout)
    assert after["paths"] == before["paths"] == {'*/a "b"': "src"}
    values = [{row["setting"]: row["value"] for row in found["settings"]} for found in (before, after)]
    assert values[0] == values[1]
    assert ask("report", "a.json").exit_code == 0


def test_config_of_an_unknown_verb_names_those_there_are():
    error = ask("config", "reprot").exception
    assert "did you mean report?" in error.hint
    assert "collect" in error.hint


def test_plugins_tell_what_is_written():
    rows = {row["name"]: row["does"] for row in json.loads(ask("plugins", "--json").stdout)["plugins"]}
    assert (rows["lcov"], rows["v8"], rows["html"], rows["python"]) == (["reads", "writes"], ["reads"], ["writes"], [])
    assert re.search(r"formats +lcov +reads and writes +covey", ask("plugins").stdout)


@pytest.mark.parametrize("name", plugins.names("formats"))
def test_what_is_only_read_refuses_to_be_written(name):
    fmt = plugins.load("formats", name)
    assert (name in plugins.ONLY_READ) == bool(fmt.only_read)
    if fmt.only_read:
        with pytest.raises(UsageError):
            fmt.write(Report(), io.BytesIO())
    else:
        fmt.write(Report(), io.BytesIO())
