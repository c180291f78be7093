"""Fetching what a verification needs: https only, no redirects, no private addresses, bounded in time and size. Where it is
fetched from is what a stranger wrote."""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from .errors import LegationError

MAX_BYTES = 4 << 20
TIMEOUT = 10.0

#: Gives the bytes at a URL, or raises.
Fetch = Callable[[str], bytes]

#: Networks that are not of the open internet (IANA special-purpose registries, RFC 6890). What `ipaddress` itself says of them differs
#: from one version of Python to the next.
_SPECIAL = [
    ipaddress.ip_network(one)
    for one in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "2001::/23", "2001:db8::/32", "3fff::/20",
    )
]
#: RFC 4291 §2.4: beyond this nothing is assigned to anybody.
_GLOBAL = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _inside(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this address reach in the end: mapped, 6to4, NAT64."""
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour


def is_public(address: str) -> bool:
    """Whether an address is of the open internet."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inside = _inside(ip)
        if inside is None and ip not in _GLOBAL:
            return False
        ip = inside or ip
    return not any(ip in network for network in _SPECIAL if network.version == ip.version)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("it took too long")
    return left


class _Reader(io.RawIOBase):
    def __init__(self, timed: _Timed) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        return self._timed.ready().recv_into(into)


class _Timed:
    """A socket as `http.client` uses it. Each wait ends at the same moment: a timeout of its own for each would let a server that sends
    a byte now and then go on for ever."""

    def __init__(self, sock: ssl.SSLSocket, until: float) -> None:
        self._sock, self._until = sock, until

    def ready(self) -> ssl.SSLSocket:
        self._sock.settimeout(_left(self._until))
        return self._sock

    def sendall(self, data: Any) -> None:
        left = memoryview(data)
        while left:
            left = left[self.ready().send(left) :]

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        # `http.client` lets go of it while the answer is still read; `end` closes it.
        pass

    def end(self) -> None:
        self._sock.close()


class _Guarded(http.client.HTTPSConnection):
    """Connects to the very address that was judged: a name that gives another one when asked again gains nothing by it."""

    allow_private = False
    until = 0.0
    timed: _Timed | None = None

    def connect(self) -> None:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        open_ones = [one for one in found if self.allow_private or is_public(str(one[4][0]))]
        if not open_ones:
            raise LegationError("address_refused", f"`{self.host}` has no address of the open internet")
        family, kind, protocol, _, address = open_ones[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(_left(self.until))
            sock.connect(address)
            context: ssl.SSLContext = self._context  # type: ignore[attr-defined]
            sock = wrapped = context.wrap_socket(sock, server_hostname=self.host, do_handshake_on_connect=False)
            wrapped.settimeout(_left(self.until))
            # OpenSSL's own loop: this timeout is that of the whole handshake.
            wrapped.do_handshake()
        except BaseException:
            sock.close()
            raise
        self.sock = self.timed = _Timed(wrapped, self.until)

    def end(self) -> None:
        self.close()
        if self.timed is not None:
            self.timed.end()


def ask(url: str, body: bytes | None, context: ssl.SSLContext, allow_private: bool, until: float | None = None) -> bytes:
    """Gets what is at a URL, or posts to it: for at most `TIMEOUT`, and not beyond `until`, of `time.monotonic`."""
    target = urlsplit(url)
    if target.scheme != "https" or not target.hostname:
        raise LegationError("url_refused", f"`{url}` is not https")
    connection = _Guarded(target.hostname, target.port or 443, context=context)
    own = time.monotonic() + TIMEOUT
    connection.allow_private, connection.until = allow_private, own if until is None else min(own, until)
    try:
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        headers = {"accept": "application/did+json, application/vc+jwt, */*;q=0.1"}
        if body is not None:
            headers["content-type"] = "application/json"
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise LegationError("fetch_failed", f"`{url}` answered {answer.status}")
        got = bytearray()
        while piece := answer.read(64 << 10):
            got += piece
            if len(got) > MAX_BYTES:
                raise LegationError("input_too_large", f"`{url}` has more than {MAX_BYTES} bytes")
        return bytes(got)
    except TimeoutError:
        raise LegationError("fetch_failed", f"`{url}` took longer than there was time for, at most {TIMEOUT} s") from None
    finally:
        connection.end()


class Fetcher:
    """What fetches evidence. `by` is the moment at which it has to be done."""

    def __init__(self, context: ssl.SSLContext, allow_private: bool) -> None:
        self._context, self._allow_private = context, allow_private

    def __call__(self, url: str, by: float | None = None) -> bytes:
        return ask(url, None, self._context, self._allow_private, by)


def fetcher(*, context: ssl.SSLContext | None = None, allow_private: bool = False) -> Fetcher:
    """What fetches evidence. `context` and `allow_private` are for own networks."""
    return Fetcher(context or ssl.create_default_context(), allow_private)


def poster(*, context: ssl.SSLContext | None = None, allow_private: bool = False) -> Callable[[str, bytes], bytes]:
    """What carries the messages of a handshake."""
    known = context or ssl.create_default_context()
    return lambda url, body: ask(url, body, known, allow_private)


def bring(look: Any, needs: list[dict[str, Any]], fetch: Fetch, now: int, until: float) -> None:
    """Brings what is needed to a look. What can't be had by `until` is brought as a failure: it is denied then, and says why."""
    for need in needs:
        name = need.get("statusList") or need["did"]
        url = need.get("statusList") or need["url"]
        try:
            if url is None:
                raise LegationError("fetch_failed", "no document of this DID method is fetched here")
            _left(until)
            body = fetch(url, until) if isinstance(fetch, Fetcher) else fetch(url)
            if "statusList" in need:
                look.add_status_list(url, body.decode("utf-8", "replace"), now)
            else:
                look.add_document(name, body, now)
        except Exception as error:  # whatever a fetcher raises is why it can't be had
            look.add_failure(name, str(error)[:200].encode("utf-8", "replace").decode(), now)
