"""The instance metadata service (IMDSv2): who this instance is, within two seconds or not at all.

EC2 User Guide, "Use the Instance Metadata Service": a PUT gives a token that every GET then needs;
401 asks for a new one, 403 says that the service is off, 404 that there is no such item. With
system/expect/http alone with requests, and imported by the short-lived `hookd identity` only.
"""

from __future__ import annotations

import re
from typing import Callable, Mapping

import requests
import urllib3

from hookd import __version__
from hookd.core.host import IMAGE_ID, INSTANCE_ID, REGION
from hookd.system import clock

ENDPOINT = "http://169.254.169.254"
ENDPOINT_IPV6 = "http://[fd00:ec2::254]"
WITHIN_S = 1.8
_ONE_S = 1.0
_LONGEST = 256
_TOKEN_TTL_S = "60"
_TRIES = 2
_ITEMS = {
    "instance_id": ("meta-data/instance-id", INSTANCE_ID),
    "region": ("meta-data/placement/region", REGION),
    "image_id": ("meta-data/ami-id", IMAGE_ID),
}
_TOKEN = re.compile(r"[\x21-\x7e]{1,256}")
_UNAUTHORIZED, _NOT_FOUND, _OK = 401, 404, 200
_PASSING = (429, 500, 502, 503, 504)


class MetadataError(Exception):
    """The service is not there, is off, or answers nothing that can be used."""


def endpoint(environment: Mapping[str, str]) -> str:
    """Return where the service is asked, by the variables that AWS's SDKs have for it."""
    given = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "").rstrip("/")
    if given:
        return given
    mode = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "").lower()
    return ENDPOINT_IPV6 if mode == "ipv6" else ENDPOINT


def ask(base: str, *, v1: bool = False, now: Callable[[], float] = clock.up_s) -> dict[str, str]:
    """Return instance_id, region and image_id as far as the service has them.

    `v1`: ask without a token where it gives none. Raises MetadataError.
    """
    with requests.Session() as session:
        session.trust_env = False  # no proxy, no .netrc: the service is on this machine
        session.headers["User-Agent"] = f"hookd/{__version__}"
        return _Service(session, base, now, v1=v1).items()


class _Service:
    def __init__(
        self, session: requests.Session, base: str, now: Callable[[], float], *, v1: bool
    ) -> None:
        self._session = session
        self._base = base
        self._now = now
        self._until = now() + WITHIN_S
        self._v1 = v1

    def items(self) -> dict[str, str]:
        token = self._token()
        found: dict[str, str] = {}
        for name, (path, shape) in _ITEMS.items():
            status, text = self._get(path, token)
            if status == _UNAUTHORIZED:  # the token has expired
                token = self._token()
                status, text = self._get(path, token)
            if status == _OK and shape.fullmatch(text):
                found[name] = text
            elif status not in (_OK, _NOT_FOUND):
                raise MetadataError(f"{path}: the service answered {status}")
        if "instance_id" not in found:
            raise MetadataError("the service has no instance id")
        return found

    def _token(self) -> str:
        headers = {"X-aws-ec2-metadata-token-ttl-seconds": _TOKEN_TTL_S}
        try:
            status, text = self._ask("PUT", "api/token", headers)
        except MetadataError:
            if not self._v1:
                raise
            return ""
        if status == _OK and _TOKEN.fullmatch(text):
            return text
        if self._v1:
            return ""
        raise MetadataError(f"no token: the service answered {status}")

    def _get(self, path: str, token: str) -> tuple[int, str]:
        headers = {"X-aws-ec2-metadata-token": token} if token else {}
        return self._ask("GET", path, headers)

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
        """Return (status, first line) of one request; one that may pass is asked once more."""
        for left in reversed(range(_TRIES)):
            status, text = self._once(method, f"{self._base}/latest/{path}", headers)
            if status not in _PASSING or not left:
                break
        return status, text

    def _once(self, method: str, url: str, headers: Mapping[str, str]) -> tuple[int, str]:
        left = self._until - self._now()
        if left <= 0:
            raise MetadataError("the service did not answer in time")
        limit = min(left, _ONE_S)
        try:
            with self._session.request(
                method,
                url,
                headers=dict(headers),
                timeout=(limit, limit),
                allow_redirects=False,
                stream=True,
            ) as answer:
                data = answer.raw.read(_LONGEST + 1, decode_content=False)
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            raise MetadataError(f"not reached: {type(error).__name__}") from None
        text = data.decode("ascii", "replace").strip()
        return answer.status_code, "" if len(data) > _LONGEST else text
