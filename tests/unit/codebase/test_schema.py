# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an editor marks with the schema is what the module refuses, wherever a schema can say so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration import checks, manifest
from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.yaml_file import read_yaml
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "roles/codebase/files/codebase.schema.json").read_text(encoding="utf-8"))


class EditorLoader(yaml.SafeLoader):
    """YAML 1.2, as editors read it: 4.5 is a number, yes is a word, a date is a word."""


EditorLoader.yaml_implicit_resolvers = {}
for name, form, first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    EditorLoader.add_implicit_resolver(f"tag:yaml.org,2002:{name}", re.compile(f"(?:{form})$"), list(first))


def as_javascript(_validator: Any, pattern: str, value: object, _schema: object) -> Iterator[jsonschema.ValidationError]:
    """In JavaScript the $ is the end, and not also the place before a last line break."""
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern}")


# Many editors do not go beyond draft 7: there the schema must mean the same.
EDITORS = [
    jsonschema.validators.extend(draft, {"pattern": as_javascript})
    for draft in (jsonschema.Draft202012Validator, jsonschema.Draft7Validator)
]


def editors_accept(text: str) -> bool:
    data = yaml.load(text, Loader=EditorLoader)  # noqa: S506 - a SafeLoader
    newer, older = (editor(SCHEMA).is_valid(data) for editor in EDITORS)
    assert newer == older
    return bool(newer)


def the_module_accepts(text: str) -> bool:
    data, lines = read_yaml(text, "codebase.yml")
    try:
        manifest.parse_manifest(data, "codebase.yml", lines, "/srv/build")
    except BadInput:
        return False
    return True


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_patterns_are_those_of_the_module() -> None:
    def pattern(form: re.Pattern[str]) -> str:
        return f"^(?:{form.pattern})$"

    core, plugin, overlay = (SCHEMA["$defs"][name]["properties"] for name in ("moodle", "plugin", "overlay"))
    assert SCHEMA["properties"]["project"]["pattern"] == pattern(manifest.PROJECT)
    assert list(SCHEMA["properties"]["plugins"]["patternProperties"]) == [pattern(manifest.COMPONENT)]
    for entry, version in ((core, manifest.CORE_VERSION), (plugin, manifest.PLUGIN_VERSION)):
        forms = {"source": manifest.SOURCE, "version": version, "tag": manifest.REF, "branch": manifest.REF, "commit": manifest.COMMIT}
        assert {key: entry[key]["pattern"] for key in forms} == {key: pattern(form) for key, form in forms.items()}
        assert entry["patches"]["items"]["pattern"] == pattern(checks.PATH)
    assert plugin["zip"]["pattern"] == pattern(manifest.ZIP)
    assert plugin["sha256"]["pattern"] == pattern(manifest.SHA256)
    assert plugin["force"]["anyOf"][1]["pattern"] == pattern(checks.TRUTH)
    assert overlay["path"]["pattern"] == pattern(checks.PATH)
    assert overlay["to"]["pattern"] == pattern(manifest.PLACE)


def test_the_keys_are_those_of_the_module_and_each_is_explained() -> None:
    levels = {
        manifest.TOP_KEYS: SCHEMA,
        manifest.CORE_KEYS: SCHEMA["$defs"]["moodle"],
        manifest.PLUGIN_KEYS: SCHEMA["$defs"]["plugin"],
        manifest.OVERLAY_KEYS: SCHEMA["$defs"]["overlay"],
    }
    for keys, level in levels.items():
        assert set(level["properties"]) == set(keys)
        assert level["additionalProperties"] is False
        for entry in level["properties"].values():
            assert (SCHEMA["$defs"][entry["$ref"].rpartition("/")[2]] if "$ref" in entry else entry)["description"]


@pytest.mark.parametrize("document", ["README.md", "docs/how-to/code-base-file.md"])
def test_the_examples_in_the_documentation_are_right(document: str) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    examples = [block for block in blocks if "project:" in block]
    assert examples
    for example in examples:
        assert the_module_accepts(example)
        assert editors_accept(example)


HEAD = "project: campus\nmoodle:\n  version: 4.5+\n"
SHA256 = "0a" * 32


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        f"{HEAD}plugins:\noverlays:\n",
        "project: 2024\nmoodle: {version: 4.5}",
        "project: campus\nmoodle: {version: 4.5.1, patches: [a.patch, /srv/b.patch]}",
        "project: campus\nmoodle: {version: , tag: v4.5.0-beta, source: /srv/git/moodle.git, patches: }",
        "project: campus\nmoodle: {branch: 2024}",
        f"project: campus\nmoodle: {{commit: {'c0' * 20}}}",
        f"{HEAD}plugins: {{mod_x: , moodle-mod_y: {{}}, mod_z: {{source: }}}}",
        f"{HEAD}plugins: {{mod_x: {{name: 3, source: 'git@git.example.org:x.git', maturity: alpha}}}}",
        f"{HEAD}plugins: {{mod_x: {{version: 2024050305.01, maturity: rc, force: true}}}}",
        f"{HEAD}plugins: {{mod_x: {{version: 1.2 (Build 3), force: Yes}}}}",
        f"{HEAD}plugins: {{mod_x: {{tag: v1, force: no, patches: [./a, b]}}}}",
        f"{HEAD}plugins: {{mod_x: {{force: false}}}}",
        f"{HEAD}plugins: {{mod_x: {{zip: zips/x.zip, sha256: {SHA256}, force: 'yes', name: , tag: }}}}",
        f"{HEAD}plugins: {{mod_x: {{zip: 'https://host/x.zip?a=../b', sha256: {SHA256.upper()}}}}}",
        f"{HEAD}overlays: [{{path: own}}, {{path: /srv/own, to: theme/boost}}, {{path: ., to: ''}}, {{path: own, to: }}]",
    ],
)
def test_what_is_right_is_right_to_both(text: str) -> None:
    assert the_module_accepts(text)
    assert editors_accept(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- project",
        "project: campus",
        "moodle: {version: 4.5}",
        "project: \nmoodle: {version: 4.5}",
        "project: a/b\nmoodle: {version: 4.5}",
        "project: a.lock\nmoodle: {version: 4.5}",
        "project: a.\nmoodle: {version: 4.5}",
        "project: -1\nmoodle: {version: 4.5}",
        "project: [a]\nmoodle: {version: 4.5}",
        f"{HEAD}plugin: {{}}",
        "project: campus\nmoodle: 4.5",
        "project: campus\nmoodle: {}",
        "project: campus\nmoodle: {version: 4.5beta}",
        "project: campus\nmoodle: {version: [4.5]}",
        "project: campus\nmoodle: {version: 4.5, tag: v4.5.0}",
        "project: campus\nmoodle: {version: 4.5, source: ../moodle}",
        "project: campus\nmoodle: {version: 4.5, force: true}",
        "project: campus\nmoodle: {branch: -x}",
        "project: campus\nmoodle: {branch: 'a b'}",
        'project: campus\nmoodle: {branch: "a\\n"}',
        "project: campus\nmoodle: {branch: a.lock}",
        "project: campus\nmoodle: {commit: c0ffee}",
        "project: campus\nmoodle: {version: 4.5, patches: a.patch}",
        "project: campus\nmoodle: {version: 4.5, patches: [a/../b]}",
        "project: campus\nmoodle: {version: 4.5, patches: [[]]}",
        f"{HEAD}plugins: [mod_x]",
        f"{HEAD}plugins: {{Mod_x: }}",
        f"{HEAD}plugins: {{mod: }}",
        f"{HEAD}plugins: {{mod_x: v1}}",
        f"{HEAD}plugins: {{mod_x: {{ref: v1}}}}",
        f"{HEAD}plugins: {{mod_x: {{name: [x]}}}}",
        f"{HEAD}plugins: {{mod_x: {{tag: v1, branch: main}}}}",
        f"{HEAD}plugins: {{mod_x: {{version: ' 1'}}}}",
        f"{HEAD}plugins: {{mod_x: {{maturity: gold}}}}",
        f"{HEAD}plugins: {{mod_x: {{maturity: beta, tag: v1}}}}",
        f"{HEAD}plugins: {{mod_x: {{force: true}}}}",
        f"{HEAD}plugins: {{mod_x: {{force: yes, tag: }}}}",
        f"{HEAD}plugins: {{mod_x: {{force: 1, tag: v1}}}}",
        f"{HEAD}plugins: {{mod_x: {{force: on, tag: v1}}}}",
        f"{HEAD}plugins: {{mod_x: {{zip: x.zip}}}}",
        f"{HEAD}plugins: {{mod_x: {{sha256: {SHA256}}}}}",
        f"{HEAD}plugins: {{mod_x: {{zip: x.zip, sha256: {SHA256[1:]}}}}}",
        f"{HEAD}plugins: {{mod_x: {{zip: x.zip, sha256: {SHA256}, source: /srv/x}}}}",
        f"{HEAD}plugins: {{mod_x: {{zip: x.zip, sha256: {SHA256}, version: 1}}}}",
        f"{HEAD}plugins: {{mod_x: {{zip: x.zip, sha256: {SHA256}, maturity: rc}}}}",
        f"{HEAD}plugins: {{mod_x: {{zip: 'ftp://host/x.zip', sha256: {SHA256}}}}}",
        f"{HEAD}plugins: {{mod_x: {{zip: '../x.zip', sha256: {SHA256}}}}}",
        f"{HEAD}plugins: {{mod_x: {{tag: v1, patches: [a, a]}}}}",
        f"{HEAD}overlays: {{path: own}}",
        f"{HEAD}overlays: [own]",
        f"{HEAD}overlays: [{{to: theme}}]",
        f"{HEAD}overlays: [{{path: }}]",
        f"{HEAD}overlays: [{{path: own, from: x}}]",
        f"{HEAD}overlays: [{{path: own, to: /theme}}]",
        f"{HEAD}overlays: [{{path: own, to: theme/..}}]",
        f"{HEAD}overlays: [{{path: own, to: .Git/hooks}}]",
    ],
)
def test_what_is_wrong_is_wrong_to_both(text: str) -> None:
    assert not the_module_accepts(text)
    assert not editors_accept(text)


PATHS = ["own/a", "a.patch", "/srv/a", "../a", "a/..", "a/../b", "", ".", "a\nb", "~/a"]
REFS = ["main", "v1.0", "a..b", "-x", "a b", "x.lock", "a/", "", None, 7]
POOLS: dict[str, list[object]] = {
    "name": ["Own", 3, None, [], True],
    "source": ["https://host/x.git", "/srv/x", "x", "git@host:x", "ext::sh", "", None, 3],
    "tag": REFS,
    "branch": REFS,
    "commit": ["c0" * 20, "C0" * 20, "c0", None],
    "maturity": ["alpha", "beta", "rc", "stable", "gold", None, 50],
    "force": [True, False, "yes", "no", "True", "on", "maybe", None, 1],
    "patches": [[], ["a", "b"], None, "a", *([one] for one in PATHS), ["a", "a"], {}],
    "zip": [*PATHS, "https://host/x.zip", "http://host/a/../x", "ftp://host/x", None],
    "sha256": ["0a" * 32, "0A" * 32, "0a" * 31, None],
    "path": [*PATHS, None, []],
    "to": ["theme/boost", "/theme", "..", "a/.git", ".github", ".GIT", "", ".", None, []],
    "junk": ["x", None],
}
CORE_VERSIONS = ["4.5", "4.5+", "4.5.1", "4", "4.5.1.2", "4.5+1", "v4.5", "", None, "4.5 "]
PLUGIN_VERSIONS = ["2024050305.01", 2024050305, "v1 (beta)", " 1", "1 ", "", "a\tb", None, "1"]


def entries(keys: tuple[str, ...], versions: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Mostly right: the first values of each pool are good ones."""
    pools = {key: [*pool[:2] * 8, *pool] for key, pool in {**POOLS, "version": versions}.items()}
    return st.lists(st.sampled_from([*keys * 3, "junk"]), max_size=3, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({key: st.sampled_from(pools[key]) for key in chosen})
    )


PLUGINS = st.dictionaries(
    st.sampled_from(["mod_x", "moodle-mod_y", "local_w1_", "tool_v", "Mod_z", "mod"]),
    entries(manifest.PLUGIN_KEYS, PLUGIN_VERSIONS) | st.sampled_from([None, {}, [], "v1"]),
    max_size=2,
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "project": st.just("campus") | st.sampled_from(["a.b", "a..b", "", None, 2024, "x.lock", "-x"]),
        "moodle": entries(manifest.CORE_KEYS, CORE_VERSIONS) | st.just({"version": "4.5"}),
    },
    optional={
        "plugins": PLUGINS | st.sampled_from([None, [], {}]),
        "overlays": st.lists(entries(manifest.OVERLAY_KEYS, [None]), max_size=2) | st.sampled_from([None, {}, [None]]),
        "junk": st.none(),
    },
)


class WithoutAnchors(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def written(data: object) -> str:
    return str(yaml.dump(data, Dumper=WithoutAnchors, sort_keys=False))


@settings(deadline=None)
@given(DOCUMENTS)
def test_editor_and_module_agree_on_any_document(data: dict[str, Any]) -> None:
    # A schema cannot know that ./a and a are one file; none of the values here are of that kind.
    text = written(data)
    assert editors_accept(text) == the_module_accepts(text), text


@settings(deadline=None)
@given(PLUGINS)
def test_editor_and_module_agree_on_plugins(plugins: dict[str, Any]) -> None:
    text = written({"project": "campus", "moodle": {"version": "4.5"}, "plugins": plugins})
    assert editors_accept(text) == the_module_accepts(text), text
