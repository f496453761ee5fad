"""Reading one HTTP request out of bytes, and making one reply. Small on purpose, and strict about sizes.

One request a connection: every reply says `Connection: close`, has a `Content-Length` and is never chunked.
"""

from __future__ import annotations

MAX_HEADER = 8 << 10
MAX_BODY = 8 << 10
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT")
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    411: "Length Required",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Refused(Exception):
    """The request cannot be served; `status` and text for the reply."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Request:
    """method: upper case; path: decoded, without the query; query: name -> first value; fields: the header's, by name
    in lower case; body: bytes."""

    __slots__ = ("body", "fields", "method", "path", "query")

    def __init__(self, method: str, target: str, fields: dict[bytes, bytes], body: bytes) -> None:
        self.method = method
        path, _, query = target.partition("?")
        self.path = decoded(path)
        self.query: dict[str, str] = {}
        for pair in query.split("&"):
            name, _, value = pair.partition("=")
            self.query.setdefault(decoded(name.replace("+", " ")), decoded(value.replace("+", " ")))
        self.fields = fields
        self.body = body

    def is_of_a_page(self) -> bool:
        """Whether a browser sent it for somebody's page: from elsewhere, or by a name that was made to lead here. Who
        means an agent without a token speaks to this machine by its own name or number."""
        if b"origin" in self.fields or self.fields.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin"):
            return True
        host = self.fields.get(b"host", b"").lower()
        name = host.split(b":")[0]
        local = name in (b"", b"localhost") or name.endswith(b".localhost") or name.replace(b".", b"").isdigit()
        return not local and not host.startswith(b"[")


def parse(data: bytes) -> Request | None:
    """The request in the bytes received so far; None while it is not whole. Raises Refused."""
    end = data.find(b"\r\n\r\n")
    if end < 0 and b"\n\n" in data:
        raise Refused(400, "lines must end with CR LF")
    if end > MAX_HEADER or (end < 0 and len(data) > MAX_HEADER):
        raise Refused(431, f"the request's header is more than {MAX_HEADER} bytes")
    if not _may_begin(data):
        raise Refused(400, "this is no HTTP request")
    if end < 0:
        return None
    first, *lines = data[:end].split(b"\r\n")
    method, target = _request_line(first)
    fields = _fields(lines)
    length = _length(fields)
    body = data[end + 4 :]
    if len(body) < length:
        return None
    return Request(method, target, fields, body[:length])


def _may_begin(data: bytes) -> bool:
    """Whether these first bytes may become a request, so that garbage is answered before it is long."""
    word = data[:8].split(b" ")[0]
    return any(method.encode().startswith(word) for method in _METHODS)


def _request_line(line: bytes) -> tuple[str, str]:
    parts = line.split(b" ")
    if len(parts) != 3 or not parts[2].startswith(b"HTTP/1.") or not parts[1].startswith(b"/"):
        raise Refused(400, "this is no HTTP/1 request")
    try:
        return parts[0].decode("ascii"), parts[1].decode("ascii")
    except UnicodeDecodeError:
        raise Refused(400, "the request line is not ASCII") from None


def _fields(lines: list[bytes]) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            raise Refused(400, "a header line is malformed")
        name = name.lower()
        if name == b"content-length" and name in fields:
            raise Refused(400, "two Content-Length")
        fields[name] = value.strip()
    return fields


def _length(fields: dict[bytes, bytes]) -> int:
    if b"transfer-encoding" in fields:
        raise Refused(411, "a body needs a Content-Length here")
    text = fields.get(b"content-length", b"0")
    if not text.isdigit() or len(text) > 18:
        raise Refused(400, "the Content-Length is no number")
    if int(text) > MAX_BODY:
        raise Refused(413, f"the body is more than {MAX_BODY} bytes")
    return int(text)


def decoded(text: str) -> str:
    """Percent-decoding; what is no UTF-8 becomes U+FFFD, what is no `%XX` stays."""
    if "%" not in text:
        return text
    first, *parts = text.encode("ascii", "replace").split(b"%")
    out = bytearray(first)
    for part in parts:
        try:
            out += bytes.fromhex(part[:2].decode("ascii")) + part[2:] if len(part[:2].strip()) == 2 else b"%" + part
        except ValueError:
            out += b"%" + part
    return out.decode("utf-8", "replace")


def reply(status: int, headers: list[tuple[str, str]], kind: str = "", body: bytes = b"") -> bytes:
    """The bytes of a reply. `headers` are the identity's; `kind` is the content type, empty for none."""
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}"]
    if kind:
        lines.append("Content-Type: " + kind)
    lines.append(f"Content-Length: {len(body)}")
    lines.append("Connection: close")
    if status == 401:
        lines.append('WWW-Authenticate: Bearer realm="covey"')
    lines.extend("{}: {}".format(*header) for header in headers)
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body
