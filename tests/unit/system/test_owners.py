"""Files that units use find the changed package that owns them, whatever the update renamed."""

from __future__ import annotations

import pytest

from hookd.system.packages.owners import owners

FILES = {
    "glibc.x86_64": ["/lib64/libc-2.28.so", "/lib64/libc.so.6"],
    "openssl-libs.x86_64": ["/usr/lib64/libssl.so.1.0.2m", "/usr/lib64/libssl.so.10"],
    "httpd.x86_64": ["/usr/sbin/httpd", "/usr/lib/systemd/system/httpd.service"],
}


@pytest.mark.parametrize(
    ("used", "owner"),
    [
        ("/usr/sbin/httpd", "httpd.x86_64"),
        ("/sbin/httpd", "httpd.x86_64"),
        ("/usr/sbin/httpd (deleted)", "httpd.x86_64"),
        ("/lib/systemd/system/httpd.service", "httpd.x86_64"),
        ("/usr/lib64/libc.so.6", "glibc.x86_64"),
        ("/usr/lib64/libc-2.26.so", "glibc.x86_64"),
        ("/usr/lib64/libssl.so.1.0.2k", "openssl-libs.x86_64"),
        ("/lib64/libssl.so.1.0.2k;5fbe1a2b", "openssl-libs.x86_64"),
    ],
)
def test_a_file_is_found_by_its_path_or_as_a_library_that_was_renamed(used, owner):
    assert owners([used], FILES, lambda _path: False) == {used: owner}


@pytest.mark.parametrize(
    "used",
    [
        "/usr/lib64/libssl3.so",
        "/opt/lib64/libssl.so.1.0.2k",
        "/usr/lib64/libssl",
        "/usr/sbin/httpd2",
        "",
    ],
)
def test_another_name_or_place_is_not_owned(used):
    assert owners([used], FILES, lambda _path: False) == {}


def test_a_library_of_another_version_that_is_still_there_belongs_to_another_package():
    assert owners(["/usr/lib64/libssl.so.3"], FILES, lambda _path: True) == {}
