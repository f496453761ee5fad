"""Runs a good part of copies of standard-library modules, the same way whenever it is run. The copies are in `copied`."""
import contextlib
import importlib
import io
import sys
import typing  # noqa: F401 - copied code asks whether it is loaded, which coverage.py does


def run_textwrap(m):
    m.fill("several words of a longer text " * 5, 20, initial_indent="* ")
    m.dedent("  a\n   b\n"), m.indent("a\n\nb", "  "), m.shorten("much too long", 8)


def run_configparser(m):
    parser = m.ConfigParser(allow_no_value=True)
    parser.read_string("[a]\nx = 1\ny: %(x)s2\n long\nflag\n[b]\nz = yes\n")
    parser.getint("a", "x"), parser["b"].getboolean("z"), parser.get("a", "y"), parser.write(io.StringIO())
    for text in ("[a]\n[a]\n", "x = 1\n", "[a]\nx = 1\nx = 2\n"):
        with contextlib.suppress(m.Error):
            m.ConfigParser().read_string(text)
    with contextlib.suppress(m.Error):
        parser.get("a", "missing")


def run_csv(m):
    m.Sniffer().sniff("a;b;c\n1;2;3\n4;5;6\n"), list(m.DictReader(["a,b", "1,2,3", "", "4"]))
    writer = m.DictWriter(io.StringIO(), ["a"], extrasaction="raise")
    writer.writeheader()
    with contextlib.suppress(ValueError):
        writer.writerow({"b": 1})


def run_difflib(m):
    list(m.unified_diff("a\nb\nc\n".splitlines(), "a\nx\nc\nd\n".splitlines()))
    list(m.ndiff(["one\n", "two\n"], ["one\n", "tow\n"])), m.get_close_matches("aple", ["apple", "ape"])
    m.HtmlDiff().make_table(["a", "b"], ["a", "c"])


def run_fractions(m):
    m.Fraction("3/4") + m.Fraction(1, 3) * 2 - 0.5, m.Fraction(1.25).limit_denominator(3), m.Fraction(-7, 2) // 2
    for bad in ("x", (1, 0)):
        with contextlib.suppress(ValueError, ZeroDivisionError):
            m.Fraction(*bad) if isinstance(bad, tuple) else m.Fraction(bad)


def run_statistics(m):
    m.mean([1, 2, 3]), m.median([3, 1, 2]), m.stdev([1, 2, 3.5]), m.quantiles([1, 2, 3, 4]), m.multimode("aab")
    m.NormalDist(1, 2).cdf(3)
    with contextlib.suppress(m.StatisticsError):
        m.mean([])


def run_shlex(m):
    m.split("a 'b c' \"d\\\"e\" # f", comments=True), m.quote("a b"), list(m.shlex("x=1;y"))
    with contextlib.suppress(ValueError):
        m.split("'open")


def run_calendar(m):
    m.TextCalendar().formatyear(2024), m.HTMLCalendar().formatmonth(2024, 2), m.monthrange(2023, 2), m.isleap(2000)
    with contextlib.suppress(ValueError):
        m.monthrange(2023, 13)


def run_heapq(m):
    m.nlargest(2, [3, 1, 2]), m.nsmallest(2, [3, 1, 2], key=lambda x: -x), list(m.merge([1, 4], [2, 3], reverse=False))


def run_colorsys(m):
    m.rgb_to_hsv(0.2, 0.4, 0.4), m.hsv_to_rgb(0.5, 0.5, 0.4), m.rgb_to_hls(1, 0, 0), m.hls_to_rgb(0.1, 0.5, 0.5)


def run_pprint(m):
    m.pformat({"a": list(range(40)), "b": {1, 2}, "c": ("x" * 90, b"y" * 90)}, width=40), m.saferepr([1, "a"])
    m.isrecursive([])


def run_dataclasses(m):
    made = m.make_dataclass("Made", [("x", int), ("y", list, m.field(default_factory=list))], frozen=True, order=True)
    one = made(1)
    m.asdict(one), m.astuple(one), m.replace(one, x=2), hash(made), repr(one), one < made(2)
    with contextlib.suppress(m.FrozenInstanceError):
        one.x = 3
    with contextlib.suppress(TypeError):
        m.make_dataclass("Bad", [("x", int, 1), ("y", int)])


def run_graphlib(m):
    list(m.TopologicalSorter({"a": {"b"}, "b": {"c"}}).static_order())
    with contextlib.suppress(m.CycleError):
        m.TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


def run_ipaddress(m):
    network = m.ip_network("10.0.0.0/29")
    list(network.hosts()), m.ip_address("::ffff:1.2.3.4").ipv4_mapped, list(network.subnets(new_prefix=30))
    list(m.collapse_addresses([m.ip_network("10.0.0.0/30"), m.ip_network("10.0.0.4/30")])), m.ip_interface("fe80::1/64")
    for bad in ("1.2.3", "1::2::3", "10.0.0.1/29"):
        with contextlib.suppress(ValueError):
            m.ip_network(bad)


def run_plistlib(m):
    data = {"a": [1, 2.5, True, b"x", "y"], "d": {"e": "f"}}
    m.loads(m.dumps(data)), m.loads(m.dumps(data, fmt=m.FMT_BINARY))
    with contextlib.suppress(m.InvalidFileException):
        m.loads(b"nothing")


def run_optparse(m):
    parser = m.OptionParser(usage="%prog")
    parser.add_option("-a", type="int", default=2, help="number")
    parser.add_option("--flag", action="store_true")
    parser.parse_args(["-a", "3", "--flag", "rest"]), parser.format_help()
    with contextlib.suppress(SystemExit), contextlib.redirect_stderr(io.StringIO()):
        parser.parse_args(["-a", "x"])


def run_argparse(m):
    parser = m.ArgumentParser(prog="p", exit_on_error=False)
    commands = parser.add_subparsers(dest="command")
    one = commands.add_parser("one", help="first")
    group = one.add_mutually_exclusive_group()
    group.add_argument("-a", type=int)
    group.add_argument("--bee", action="append")
    one.add_argument("rest", nargs="*")
    parser.parse_args(["one", "-a", "3", "x", "y"]), parser.format_help(), one.format_usage()
    for bad in (["one", "-a", "x"], ["two"], ["one", "-a", "1", "--bee", "2"]):
        with contextlib.suppress(SystemExit, m.ArgumentError), contextlib.redirect_stderr(io.StringIO()):
            parser.parse_args(bad)


def run_string(m):
    m.Template("$a ${b} $$").substitute(a=1, b=2), m.Formatter().format("{0!r:>5} {x[0]}", "a", x=[1]), m.capwords("a b")
    with contextlib.suppress(ValueError, KeyError):
        m.Template("$a $").substitute(a=1)


def run_json(m):
    decoder, encoder = importlib.import_module("copied.json.decoder"), importlib.import_module("copied.json.encoder")
    m.loads('{"a": [1, 2.5, null, true, "\\u00e9\\ud834\\udd1e"]}', parse_int=int), m.dumps({"a": [1, (2,), None]}, indent=2)
    decoder.py_scanstring('a\\n\\u00e9"', 0), list(encoder.JSONEncoder(sort_keys=True).iterencode({"b": 1, "a": [1.5]}))
    for bad in ("[1,", '{"a" 1}', '"\\x"', "[1] 2"):
        with contextlib.suppress(ValueError):
            m.loads(bad)


def run_html(m):
    parser = importlib.import_module("copied.html.parser")

    class Reader(parser.HTMLParser):
        def handle_starttag(self, tag, attributes):
            self.seen = tag, attributes

    Reader().feed("<p class='x' y>text &amp; &#65; <br/><!-- c --><!DOCTYPE html></p><script>a<b</script>")
    m.escape("<a&b>"), m.unescape("&lt;&nosuch;&#x41;&#1;")


MODULES = ["argparse", "calendar", "colorsys", "configparser", "csv", "dataclasses", "difflib", "fractions", "graphlib",
           "heapq", "html", "ipaddress", "json", "optparse", "plistlib", "pprint", "shlex", "statistics", "string",
           "textwrap"]


def copy(folder):
    """Copies the modules into `folder/copied`."""
    import os
    import shutil

    os.makedirs(folder + "/copied", exist_ok=True)
    open(folder + "/copied/__init__.py", "w").close()
    for name in MODULES:
        place = importlib.import_module(name).__file__
        if place.endswith("__init__.py"):
            shutil.copytree(os.path.dirname(place), folder + "/copied/" + name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(place, folder + "/copied/" + name + ".py")


def main():
    if sys.argv[1:2] == ["copy"]:
        copy(sys.argv[2])
        return
    for name in MODULES:
        module = importlib.import_module("copied." + name)
        globals()["run_" + name](module)


main()
