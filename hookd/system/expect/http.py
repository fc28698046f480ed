"""Asks an address once. With aws/imds alone with requests, and imported by the child only."""

from __future__ import annotations

import ipaddress
import os
import ssl
from typing import Any, Iterator
from urllib.parse import urlsplit

import requests
import urllib3

from hookd import __version__
from hookd.core.expect import LARGEST_BYTES, HttpExpectation, by_answer
from hookd.core.node import Expected

_MOST_REDIRECTS = 5


def attempt(url: str, expected: HttpExpectation, within_s: float) -> Expected:
    """Return how `url` answers: directly if it is this machine, else by the proxy that is set.

    Never by .netrc. The certificates of the system are believed, not those that a library brings.
    """
    if expected.insecure:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    with requests.Session() as session:
        session.trust_env = False
        session.max_redirects = _MOST_REDIRECTS
        session.headers["User-Agent"] = f"hookd/{__version__}"
        session.headers["Accept-Encoding"] = "identity"  # a text is searched as it was sent
        session.proxies = {} if _is_here(url) else requests.utils.get_environ_proxies(url)
        try:
            with session.get(
                url,
                timeout=(within_s, within_s),
                allow_redirects=expected.follow_redirects,
                verify=not expected.insecure and _authorities(),
                stream=True,
            ) as answer:
                body = _body(answer) if expected.contains else b""
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            why = _why(error, within_s)
            return Expected("http", url, is_met=False, expected=expected.wanted, found=why)
    whole = len(body) < LARGEST_BYTES
    return by_answer(url, expected, answer.status_code, body, is_whole=whole)


def _body(answer: requests.Response) -> bytes:
    body = b""
    while len(body) < LARGEST_BYTES:
        data = answer.raw.read(LARGEST_BYTES - len(body), decode_content=False)
        if not data:
            break
        body += data
    return body


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() in ("localhost", "localhost.localdomain", "localhost6")


def _authorities() -> str | bool:
    """Return the file or directory of the system's certificates; True is the library's own."""
    paths = ssl.get_default_verify_paths()
    directory = paths.capath if paths.capath and os.path.isdir(paths.capath) else ""
    return paths.cafile or directory or True


def _why(error: BaseException, within_s: float) -> str:
    """Return what went wrong without the address, which may hold a password."""
    if isinstance(error, requests.exceptions.Timeout):
        return f"no answer within {within_s:g} s"
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return f"more than {_MOST_REDIRECTS} redirects"
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return getattr(cause, "verify_message", "") or cause.reason or "TLS failed"
        if isinstance(cause, OSError) and cause.errno and cause.strerror:
            return cause.strerror[:1].lower() + cause.strerror[1:]
    return type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what it wraps, in any of the ways that requests and urllib3 wrap."""
    todo: list[Any] = [error]
    seen: set[int] = set()
    while todo:
        one = todo.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            todo += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
