# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a web server is told to answer to: plain names alone, each with its own port and certificate."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.lms.moodle.plugins.filter.fleet import fleet_behind, fleet_servers
from ansible_collections.lms.moodle.plugins.module_utils.fleet.names import name_of

ALL = ("/etc/ssl/campus.pem", "/etc/ssl/campus.key")
EACH = ("/etc/ssl/{name}/cert.pem", "/etc/ssl/{name}/key.pem")


def entry(port: int, *names: str, certificate: str = "", key: str = "", redirect: bool = False) -> dict[str, object]:
    return {"names": [*names], "port": port, "certificate": certificate, "key": key, "redirect": redirect}


def test_names_with_one_certificate_are_one_entry_and_their_http_leads_to_it() -> None:
    nodes = ["https://law.test", "https://Art.test", "http://bio.test", "http://odd.test:8080"]
    assert fleet_servers(nodes, *ALL, {}) == [
        entry(80, "bio.test"),
        entry(80, "art.test", "law.test", redirect=True),
        entry(443, "art.test", "law.test", certificate=ALL[0], key=ALL[1]),
        entry(8080, "odd.test"),
    ]


def test_each_node_may_have_a_certificate_of_its_own_by_its_name_or_by_exception() -> None:
    own = {"ART.test": {"certificate": "/srv/art.pem", "key": "/srv/art.key"}}
    _led, *found = fleet_servers(["https://law.test", "https://art.test"], *EACH, own)
    assert found == [
        entry(443, "law.test", certificate="/etc/ssl/law.test/cert.pem", key="/etc/ssl/law.test/key.pem"),
        entry(443, "art.test", certificate="/srv/art.pem", key="/srv/art.key"),
    ]


def test_without_a_certificate_https_ends_before_the_web_server() -> None:
    nodes = ["https://law.test", "https://art.test:8443", "http://bio.test"]
    assert fleet_servers(nodes, "", "", {}) == [entry(80, "art.test", "bio.test", "law.test")]
    assert fleet_behind(nodes, "", "", {}) == nodes[:2]
    assert fleet_behind(nodes, *ALL, {}) == []


def test_a_name_with_http_of_its_own_is_not_led_to_https() -> None:
    found = fleet_servers(["https://law.test", "http://law.test"], *ALL, {})
    assert [(one["port"], one["redirect"]) for one in found] == [(80, False), (443, False)]


def test_nodes_in_sub_directories_have_no_name_of_their_own() -> None:
    assert fleet_servers(["http://campus.test/law"], "", "", {}) == []


@pytest.mark.parametrize(
    "hostile",
    [
        *(
            "http://law.test; return 200",
            "http://law.test\n}",
            "http://law.test{",
            "http://~.*",
            "http://*.test",
            "http://.test",
            "http://a..b",
        ),
        *("http://-law.test", "http://law.test.", "http://[::1]", "http://[x", "http://law.test:99999", "http://law.test:0", "http://:80"),
        *(
            "ftp://law.test",
            "law.test",
            "http://law.test#x",
            "http://law.test?x",
            "http://u@law.test",
            'http://"law.test"',
            "http://$host",
            "",
        ),
    ],
)
def test_what_is_no_plain_name_never_becomes_configuration(hostile: str) -> None:
    assert name_of(hostile) == ""
    assert fleet_servers([hostile, hostile.replace("http:", "https:")], *ALL, {}) == []


@pytest.mark.parametrize("path", ["relative.pem", "/etc/ssl/a b.pem", "/etc/ssl/a;b", "/etc/$x", "/etc/{other}.pem", '/etc/"x"'])
def test_a_certificate_that_is_no_plain_path_is_refused(path: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"The certificate of law.test has the path .* an absolute one"):
        fleet_servers(["https://law.test"], path, "/etc/key.pem", {})


def test_a_certificate_without_its_key_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="needs both"):
        fleet_servers(["https://law.test"], "/etc/cert.pem", "", {})
    with pytest.raises(AnsibleFilterError, match="certificate: PATH, key: PATH"):
        fleet_servers(["https://law.test"], "", "", {"law.test": {"certificate": "/x"}})
