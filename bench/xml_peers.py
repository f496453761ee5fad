"""What a script on lxml or expat would do with a report, as peers: python xml_peers.py READER FORMAT FILE.

Reads every line, its hits and branches, and every method into columns, a file at a time, and writes nothing.
READER: lxml (iterparse, elements freed as they end) or expat. FORMAT: cobertura or jacoco.
"""

from __future__ import annotations

import re
import sys
from array import array
from xml.parsers import expat

_SHARE = re.compile(r"\((\d+)/(\d+)\)")
Columns = tuple["array[int]", "array[int]", list[tuple[int, int, int]], list[tuple[str, int, int]]]


def lxml_cobertura(path: str) -> dict[str, Columns]:
    from lxml import etree

    files: dict[str, Columns] = {}
    for _, one in etree.iterparse(path, tag="class"):
        lines, hits, arms, methods = array("i"), array("q"), [], []
        for row in one.find("lines"):
            number = int(row.get("number"))
            lines.append(number)
            hits.append(int(row.get("hits")))
            share = row.get("condition-coverage")
            if share:
                found = _SHARE.search(share)
                arms.append((number, int(found[1]), int(found[2])))
        for method in one.find("methods"):
            row = method[0][0]
            methods.append((method.get("name"), int(row.get("number")), int(row.get("hits"))))
        files[one.get("filename")] = lines, hits, arms, methods
        one.clear()
    return files


def lxml_jacoco(path: str) -> dict[str, Columns]:
    from lxml import etree

    files: dict[str, Columns] = {}
    methods: list[tuple[str, int, int]] = []
    for _, one in etree.iterparse(path, tag=("class", "sourcefile")):
        if one.tag == "class":
            for method in one:
                ran = [int(row.get("covered")) for row in method if row.get("type") == "METHOD"]
                methods.append((method.get("name") + method.get("desc"), int(method.get("line")), ran[0]))
        else:
            lines, hits, arms = array("i"), array("q"), []
            for row in one.iterchildren("line"):
                number, missed, taken = int(row.get("nr")), int(row.get("mb")), int(row.get("cb"))
                lines.append(number)
                hits.append(int(row.get("ci")) > 0)
                if missed or taken:
                    arms.append((number, taken, missed + taken))
            files[f"{one.getparent().get('name')}/{one.get('name')}"] = lines, hits, arms, methods
            methods = []
        one.clear()
    return files


def expat_cobertura(path: str) -> dict[str, Columns]:
    files: dict[str, Columns] = {}
    inside: list[str] = [""]  # the method that is being read

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "line":
            lines, hits, arms, methods = files[next(reversed(files))]
            number, count = int(attributes["number"]), int(attributes["hits"])
            if inside[0]:
                methods.append((inside[0], number, count))
                return
            lines.append(number)
            hits.append(count)
            found = _SHARE.search(attributes.get("condition-coverage", ""))
            if found:
                arms.append((number, int(found[1]), int(found[2])))
        elif tag == "class":
            files[attributes["filename"]] = array("i"), array("q"), [], []
        elif tag in ("method", "lines"):
            inside[0] = attributes.get("name", inside[0])

    def end(tag: str) -> None:
        if tag == "method":
            inside[0] = ""

    _expat(path, start, end)
    return files


def expat_jacoco(path: str) -> dict[str, Columns]:
    files: dict[str, Columns] = {}
    method: list[tuple[str, int]] = []
    ran: list[tuple[str, int, int]] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "line":
            lines, hits, arms, _ = files[next(reversed(files))]
            number, missed, taken = int(attributes["nr"]), int(attributes["mb"]), int(attributes["cb"])
            lines.append(number)
            hits.append(int(attributes["ci"]) > 0)
            if missed or taken:
                arms.append((number, taken, missed + taken))
        elif tag == "counter" and method and attributes["type"] == "METHOD":
            ran.append((*method[0], int(attributes["covered"])))
        elif tag == "method":
            method[:] = [(attributes["name"] + attributes["desc"], int(attributes["line"]))]
        elif tag == "sourcefile":
            files[f"{len(files)}/{attributes['name']}"] = array("i"), array("q"), [], list(ran)
            ran.clear()

    def end(tag: str) -> None:
        if tag == "method":
            method.clear()

    _expat(path, start, end)
    return files


def _expat(path: str, start, end) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    with open(path, "rb") as stream:
        parser.ParseFile(stream)


if __name__ == "__main__":
    read = globals()[f"{sys.argv[1]}_{sys.argv[2]}"](sys.argv[3])
    print(len(read), sum(len(lines) for lines, *_ in read.values()))
