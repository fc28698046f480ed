"""The instance metadata service: tokens, refusals, slowness, and what is no answer."""

from __future__ import annotations

import socket

import pytest
from support.fakeimds import FakeImds

from hookd.aws.imds import MetadataError, ask, endpoint

PUT = ("PUT", "/latest/api/token")
INSTANCE = ("GET", "/latest/meta-data/instance-id")
REGION = ("GET", "/latest/meta-data/placement/region")
IMAGE = ("GET", "/latest/meta-data/ami-id")
ALL = {
    "instance_id": "i-0123456789abcdef0",
    "region": "eu-west-1",
    "image_id": "ami-0fedcba9876543210",
}


@pytest.fixture
def service():
    with FakeImds() as found:
        yield found


def test_a_token_is_asked_for_once_and_sent_with_every_question(service):
    assert ask(service.url) == ALL
    assert service.requests == [PUT, INSTANCE, REGION, IMAGE]
    assert [h.get("x-aws-ec2-metadata-token") for h in service.headers[1:]] == ["token-1"] * 3
    assert service.headers[0]["x-aws-ec2-metadata-token-ttl-seconds"] == "60"


def test_no_proxy_and_nothing_of_the_environment_is_used(service, monkeypatch, tmp_path):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ask(service.url) == ALL
    assert not any("authorization" in h or "x-forwarded-for" in h for h in service.headers)


def test_a_token_that_expired_is_replaced(service):
    service.expires_after = 1
    assert ask(service.url) == ALL
    assert service.requests == [PUT, INSTANCE, REGION, PUT, REGION, IMAGE, PUT, IMAGE]


def test_a_token_that_is_never_good_ends_it(service):
    service.expires_after = 0
    with pytest.raises(MetadataError, match="the service answered 401"):
        ask(service.url)
    assert service.requests == [PUT, INSTANCE, PUT, INSTANCE]


def test_an_item_that_is_not_there_is_left_out(service):
    del service.items[IMAGE[1]]
    expected = {name: ALL[name] for name in ("instance_id", "region")}
    assert ask(service.url) == expected


@pytest.mark.parametrize("status", [400, 403, 404, 405, 301])
def test_without_a_token_nothing_is_asked(service, status):
    service.answers = [status]
    with pytest.raises(MetadataError, match=f"no token: the service answered {status}"):
        ask(service.url)
    assert service.requests == [PUT]


def test_a_service_that_is_off_says_so(service):
    service.is_off = True
    with pytest.raises(MetadataError, match="no token: the service answered 403"):
        ask(service.url)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_asked_once_more(service, status):
    service.answers = [status]
    assert ask(service.url) == ALL
    service.answers = [status, status]
    with pytest.raises(MetadataError):
        ask(service.url)


def test_a_redirect_is_not_followed(service):
    service.answers = [302]
    with pytest.raises(MetadataError):
        ask(service.url)
    assert ("GET", "/elsewhere") not in service.requests


@pytest.mark.parametrize(
    "text", ["", "i-1", "<html>", "i-0123456789abcdef0\nx", "x" * 4096, "\xff", "../../x"]
)
def test_what_has_not_the_shape_of_an_instance_id_is_none(service, text):
    service.items[INSTANCE[1]] = text
    with pytest.raises(MetadataError, match="the service has no instance id"):
        ask(service.url)


def test_the_first_version_is_asked_only_where_it_is_allowed(service):
    service.answers = [403]
    service.wants_token = False
    with pytest.raises(MetadataError):
        ask(service.url)
    service.answers = [403]
    assert ask(service.url, v1=True) == ALL
    assert "x-aws-ec2-metadata-token" not in service.headers[-1]


def test_the_first_version_is_no_way_around_a_service_that_wants_tokens(service):
    service.answers = [403, 401, 403, 401]
    with pytest.raises(MetadataError):
        ask(service.url, v1=True)


def test_time_runs_out(service):
    times = iter([0.0, 0.0, 0.1, 1.9])
    with pytest.raises(MetadataError, match="the service did not answer in time"):
        ask(service.url, now=lambda: next(times))
    assert service.requests == [PUT, INSTANCE]


def test_a_service_that_is_too_slow_is_not_waited_for(service):
    times = iter([0.0, 1.6])  # 0.2 s are left
    service.slow = 0.5
    with pytest.raises(MetadataError, match="not reached: ReadTimeout"):
        ask(service.url, now=lambda: next(times))


def test_nobody_there_is_no_service():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(MetadataError, match="not reached: ConnectionError"):
            ask(url)


@pytest.mark.parametrize("url", ["", "no url", "ftp://127.0.0.1", "http://[", "file:///etc"])
def test_an_endpoint_that_is_none_is_not_reached(url):
    with pytest.raises(MetadataError, match="not reached"):
        ask(url)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "http://169.254.169.254"),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1/"}, "http://127.0.0.1:1"),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}, "http://[fd00:ec2::254]"),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv4"}, "http://169.254.169.254"),
    ],
)
def test_the_endpoint_is_named_as_for_the_sdks(environment, expected):
    assert endpoint(environment) == expected
