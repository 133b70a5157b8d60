# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of nodes: what is read is what VMoodle reads, and what is wrong is told by its line."""

from __future__ import annotations

import json
import string

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lms.moodle.plugins.module_utils.fleet.node_list import NodeList, read_csv, read_json, read_yaml
from ansible_collections.lms.moodle.plugins.module_utils.fleet.node_wish import problems

# As VMoodle's own template names them.
HEADER = (
    "vhostname;vtemplate;name;shortname;description;vdbtype;vdbhost;vdblogin;vdbpass;vdbname;vdbpersist;vdbprefix;vdatapath;mnet;services"
)
VALUES = "http://a.test;tpl;Law &#44 Order;law;;postgres;db;u;p;a_db;0;mdl_;/srv/data/a;3;default"


def says(found: NodeList) -> list[str]:
    return [str(finding) for finding in found.errors]


def test_vmoodles_list_is_read_with_its_ways() -> None:
    comments = "\ufeff# a comment\r\n\r\n/ another\n- and another\n"
    found = read_csv(f"{comments}{HEADER};config_theme;auth/cas|host;mod_x|n\r\n(none)\n{VALUES};a&#44b;x &#44 y;\r\n")
    assert found.findings == []
    ((line, wish),) = found.entries
    assert line == 7
    assert (wish.wwwroot, wish.template, wish.name, wish.dbtype, wish.dbuser, wish.mnet) == (
        "http://a.test",
        "tpl",
        "Law ; Order",
        "pgsql",
        "u",
        3,
    )
    assert wish.description is None, "an empty value is what nobody said"
    assert wish.config == {"theme": "a&#44b", "auth_cas|host": "x ; y"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "line 1: there is no header"),
        ("# only\n", "line 1: there is no header"),
        ("name;shortname\n", "line 1: the column 'vhostname' is missing"),
        ("vhostname;vhostname\n", "line 1: the column 'vhostname' is there more than once"),
        ("vhostname;colour\n", "line 1: the column 'colour' is not known"),
        ("vhostname;name\nhttp://a.test\n", "line 2: has 1 values, and the header 2 columns"),
        ("vhostname;name\nhttp://a.test;b;c\n", "line 2: has 3 values, and the header 2 columns"),
        ("vhostname;name\n;b\n", "line 2: has no address"),
        ('vhostname;name\nhttp://a.test;"b"\n', "line 2: 'name' stands in quotes"),
        ("vhostname;mnet\nhttp://a.test;NEW\n", "line 2: 'mnet' is NEW"),
        ("vhostname;enabled\nhttp://a.test;perhaps\n", "line 2: 'enabled' is perhaps"),
        ("vhostname;vdbtype\nhttp://a.test;oracle8\n", "line 2: 'dbtype' is none of"),
        ("vhostname\nhttp://a.test\n\nhttp://A.test\n", "line 4: has the same address as line 2"),
        ("vhostname;vdbname\nhttp://a.test;x\nhttp://b.test;X\n", "line 3: has the same database as line 2"),
        ("vhostname;vdatapath\nhttp://a.test;/srv/x\nhttp://b.test;/srv/x\n", "line 3: has the same data path as line 2"),
        ("vhostname\nhttp://a.test' OR 1=1\n", "line 2: 'wwwroot' is no plain http(s) address"),
        ("vhostname;vdbname\nhttp://a.test;--help\n", "line 2: 'dbname' is no name for a node's database"),
        ("vhostname;config_version\nhttp://a.test;1\n", "line 2: 'config' has 'version', by which Moodle itself keeps order"),
    ],
)
def test_what_is_wrong_with_vmoodles_list_is_told_by_its_line(text: str, wanted: str) -> None:
    assert any(finding.startswith(wanted) for finding in says(read_csv(text))), says(read_csv(text))


def test_a_semicolon_that_vmoodle_would_not_decode_is_mentioned() -> None:
    found = read_csv("vhostname;name\nhttp://a.test;x &#59 y\n")
    assert (found.errors, [finding.line for finding in found.findings]) == ([], [2])
    assert found.entries[0][1].name == "x &#59 y"


def test_our_own_list_has_defaults_that_each_node_may_change() -> None:
    text = """
defaults: {dbuser: u, mnet: 2, config: {theme: boost, a: 1}}
nodes:
  - wwwroot: http://a.test
  - wwwroot: http://b.test
    mnet: 0
    enabled: false
    config: {a: true}
"""
    found = read_yaml(text, yaml)
    assert found.findings == []
    (first, one), (second, two) = found.entries
    assert (first, second) == (4, 5)
    assert (one.dbuser, one.mnet, one.enabled, one.config) == ("u", 2, None, {"theme": "boost", "a": "1"})
    assert (two.dbuser, two.mnet, two.enabled, two.config) == ("u", 0, False, {"theme": "boost", "a": "1"})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "line 1: there is no list of nodes"),
        ("just: this", "line 1: 'just' is not known"),
        ("- a\n- [", "line 2: this is not YAML"),
        ("- !!python/object/apply:os.system [id]", "line 1: this is not YAML"),
        ("- wwwroot: http://a.test\n- text\n", "line 2: is no node"),
        ("- name: a\n", "line 1: has no address"),
        ("- wwwroot: http://a.test\n  colour: red\n", "line 1: 'colour' is not known"),
        ("- wwwroot: http://a.test\n  name: [a]\n", "line 1: 'name' is no text"),
        ("- wwwroot: http://a.test\n  enabled: 2\n", "line 1: 'enabled' is 2"),
        ("- wwwroot: http://a.test\n  mnet: x\n", "line 1: 'mnet' is x"),
        ("- wwwroot: http://a.test\n  config: x\n", "line 1: 'config' is no mapping"),
        ("- wwwroot: http://a.test\n  config: {a: [1]}\n", "line 1: 'config' is no mapping"),
        ('- wwwroot: "http://a.test\\n--option"\n', "line 1: 'wwwroot'"),
        ("- wwwroot: http://a.test\n  template: x\n  dump: /y\n", "line 1: 'template' and 'dump' cannot both"),
    ],
)
def test_what_is_wrong_with_our_list_is_told_by_its_line(text: str, wanted: str) -> None:
    assert any(finding.startswith(wanted) for finding in says(read_yaml(text, yaml))), says(read_yaml(text, yaml))


def test_json_says_the_same_without_a_reader_of_yaml() -> None:
    nodes = [{"wwwroot": "http://a.test", "mnet": 1}, {"wwwroot": "http://b.test", "enabled": False, "config": {"a": True}}]
    text = json.dumps({"defaults": {"dbuser": "u"}, "nodes": nodes}, indent=1)
    found = read_json(text)
    wishes = [wish for _line, wish in read_yaml(text, yaml).entries]
    assert (found.findings, found.entries) == ([], list(zip((7, 11), wishes)))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "line 1: this is not JSON"),
        ('[\n{"wwwroot": 1,}]', "line 2: this is not JSON"),
        ("[" * 100_000, "line 1: this is not JSON"),
        ("7", "line 1: there is no list of nodes"),
        ('{"nodes": {}}', "line 1: there is no list of nodes"),
        ('{"just": 1}', "line 1: 'just' is not known"),
        ('[{"wwwroot": "http://a.test"},\n "text"]', "line 1: is no node"),
        ('[\n{"wwwroot": "http://a.test", "colour": "red"}]', "line 2: 'colour' is not known"),
        ('[{"name": "a"}]', "line 1: has no address"),
    ],
)
def test_what_is_wrong_with_json_is_told_by_its_line(text: str, wanted: str) -> None:
    assert any(finding.startswith(wanted) for finding in says(read_json(text))), says(read_json(text))


@given(st.text())
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    for found in (read_csv(text), read_csv(f"vhostname;name;mnet\n{text}"), read_yaml(text, yaml), read_json(text)):
        wrong = {finding.line for finding in found.errors}
        assert wrong >= {line for line, wish in found.entries if list(problems(wish))}


PLAIN = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters=';&"'), min_size=1, max_size=20)


@given(st.dictionaries(st.text(string.ascii_lowercase, min_size=1, max_size=8), PLAIN, min_size=1, max_size=5), PLAIN)
def test_what_is_written_in_vmoodles_way_is_what_is_read(settings: dict[str, str], name: str) -> None:
    header = ";".join(["vhostname", "name", *(f"config_{setting}" for setting in settings)])
    found = read_csv("\n".join([header, ";".join(["http://a.test", f"{name} &#44 {name}", *settings.values()])]))
    ((_line, wish),) = found.entries
    assert wish.name == f"{name} ; {name}"
    assert wish.config == settings
