#!/usr/bin/python
#
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vmoodle_cli

short_description: Run one Moodle script on many virtual nodes

version_added: 0.1.0

description:
  - Runs one script of the code on a selection of the virtual nodes of a VMoodle, several at a time, and judges each node by
    itself.
  - VMoodle's own scripts (C(local/vmoodle/cli/)) get their C(--host) option. Any other Moodle script runs unchanged, with a
    prepended file that tells VMoodle which node to be.
  - PHP is started once for each of the O(forks), and forks for each node; where it cannot, it is started for each node.
  - The exit code alone is not believed. A node is V(ok) only if the script ended with 0, ran for the address that was asked for,
    and on the database that the registry names for it. VMoodle itself ends with 0 on a node that it does not know.
  - While it runs, a line shows how far it is. When the play is stopped, the work on the host ends after the nodes that are being
    done. When the module itself is killed, all that it started is killed with it.

extends_documentation_fragment:
  - lms.moodle.attributes
  - lms.moodle.php

attributes:
  check_mode:
    support: full
    details:
      - Lists the nodes on which the script would run, with the verdict V(skipped). With O(read_only=true) the script does run.
  diff_mode:
    support: none
  idempotent:
    support: N/A
    details:
      - That depends on the script.

options:
  moodle:
    description:
      - The root of the code that the nodes run on, where C(config.php) is.
      - A node that a link in C(nodes) beside C(current) leads to another release runs on that one, and so does its script, when this
        is C(current) itself.
    type: path
    required: true
  script:
    description:
      - The script, by its path inside O(moodle), for example C(local/vmoodle/cli/purge_caches.php) or C(admin/cli/cfg.php).
    type: str
    required: true
  args:
    description:
      - Its arguments, one list item each. Ansible shows them, so no password belongs here.
      - The option C(--host) is not among them, since O(nodes) decides for whom the script runs.
    type: list
    elements: str
    default: []
  input:
    description:
      - What to answer where the script asks, one line for each question; for C(local/vmoodle/cli/reset_password.php) a user and the
        new password. The same for all nodes.
      - Kept out of Ansible's output and of every process list. What a script prints of it is in its log.
    type: str
  afterwards:
    description:
      - Scripts that are run on a node right after O(script), one after the other, each when the one before was V(ok). The node is
        V(ok) when all of them were; its record is that of the last one.
      - They are answered nothing, and have their logs in a folder of their own below O(log_dir), named after the script.
    type: list
    elements: dict
    default: []
    suboptions:
      script:
        description:
          - The script, as O(script).
        type: str
        required: true
      args:
        description:
          - The script's arguments.
        type: list
        elements: str
        default: []
      nodes:
        description:
          - Addresses or names of the nodes that it is for, when it is not for all of the run. V(@/path) stands for the lines of a file.
        type: list
        elements: str
  nodes:
    description:
      - The nodes to run on. A node is named by its address (with or without the scheme), its name or its short name. Shell
        patterns with C(*) and C(?) work on all of these.
      - An item V(@/path/of/a/file) stands for the lines of that file on the host, as O(retry_file) writes them.
      - When not set, all enabled nodes. An empty list, or an empty file, means no node at all.
      - A name that the registry does not know is reported as failed, and the other nodes are run.
    type: list
    elements: str
  select:
    description:
      - A JMESPath query over the registry's rows (a list) that returns the rows to run on, or their addresses. It narrows
        O(nodes) further.
      - A row has RV(nodes[].wwwroot), RV(nodes[].name), C(shortname), C(description), C(dbtype), C(dbhost), C(dbname),
        C(dbprefix), C(datapath), C(mnet), C(enabled), C(timecreated) and C(lastcron).
      - Needs the Python library jmespath on the host.
    type: str
  include_disabled:
    description:
      - Run on nodes that are disabled in the registry, too.
    type: bool
    default: false
  pending:
    description:
      - Of these nodes, run only on those with a pending upgrade. One PHP process asks the databases of all; the others are recorded
        as V(skipped), and those that cannot be asked as V(failed).
    type: bool
    default: false
  master:
    description:
      - Run on the master too, before all nodes, whatever O(nodes) and O(select) say.
    type: bool
    default: false
  forks:
    description:
      - How many nodes are worked on at the same time. When not set, as many as the host has processors.
    type: int
  timeout:
    description:
      - Seconds that one node may take. Then the script and all processes that it started are ended. V(0) means no limit.
    type: int
    default: 3600
  retries:
    description:
      - How often a node is tried again when what stopped the script may pass by itself, with a pause before each further try that
        doubles from five seconds on. That is when the database was out of reach before the script began its work, or when another
        process was at the same work.
    type: int
    default: 2
  repeatable:
    description:
      - Say that the script may be run again when it was stopped in the middle of its work. Then O(retries) holds too where the
        database was lost, or a deadlock or a lock ended a query.
      - With O(read_only=true) this is so.
    type: bool
    default: false
  canary:
    description:
      - So many nodes are run first, alone. If one of them fails, no other node is started.
    type: int
    default: 0
  batch:
    description:
      - Size of a batch; the next one begins when the last has ended. V(0) means one batch.
    type: int
    default: 0
  max_failures:
    description:
      - How many nodes may fail, as a count or as a share of all nodes (V(5%)). When more have failed, no other node is started and
        the task fails.
      - When not set, all nodes are run, and the task fails if any of them failed.
      - A name that the registry does not know counts at the end, but stops nothing before.
    type: str
  retry_file:
    description:
      - A file on the host in which the nodes that failed or were not reached are written, one a line. Empty when there are none.
      - Given back as O(nodes), with C(@) before it, only those are run again.
    type: path
  records:
    description:
      - A file on the host that receives each node's record as one line of JSON, at the moment the node has ended. Begun anew by
        each run, but for O(resume). Two runs cannot write the same file at once.
      - A file of the same name with C(.run) behind it says which run it is of.
    type: path
  resume:
    description:
      - Continue the run that wrote O(records), however it ended. Nodes that are V(ok) there are not run again and keep their record;
        a node that is tried again has a further line, and the last one counts.
      - Refused when the script, its arguments or the code are not the same. Without such a file the run begins anew.
    type: bool
    default: false
  results:
    description:
      - Which nodes RV(nodes) lists, V(all) or those that are not V(ok). For thousands of nodes the whole list is long, and
        O(records) holds it in any case.
    type: str
    choices: [all, not_ok]
    default: all
  progress:
    description:
      - A file on the host that holds, while it runs and afterwards, how far it is, as JSON with C(what), C(total), C(done),
        C(failed), C(seconds), C(rate) a second, C(left) in seconds, and C(over). Replaced twice a second at the most.
    type: path
  log_dir:
    description:
      - A folder on the host for one log per node with all that the script printed. Made when missing.
      - When not set, no logs are kept.
    type: path
  log_keep:
    description:
      - How many older logs of a node are kept beside it, as C(.1) (the newest), C(.2) and so on.
    type: int
    default: 4
  read_only:
    description:
      - Say that the script changes nothing. Then the task never reports a change, and the script is run in check mode too.
    type: bool
    default: false
  nice:
    description:
      - How far to step back behind the host's other work, from V(0) to V(19).
    type: int
    default: 0
  ionice:
    description:
      - How far to step back behind others who use the disk; needs C(ionice) on the host.
    type: str
    choices: [best-effort, idle]

notes:
  - Run it as the user of the web server (C(become_user)), or the files that Moodle writes belong to somebody else.

author:
  - the lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: Purge the caches of all enabled nodes, four at a time
  lms.moodle.vmoodle_cli:
    moodle: /srv/campus/current
    script: local/vmoodle/cli/purge_caches.php
    forks: 4
  become: true
  become_user: www-data

- name: Upgrade all nodes, one of them first, and stop when more than five in a hundred fail
  lms.moodle.vmoodle_cli:
    moodle: /srv/campus/current
    script: local/vmoodle/cli/upgrade.php
    args: [--non-interactive]
    pending: true
    canary: 1
    max_failures: 5%
    log_dir: /var/log/moodle/upgrade
    records: /var/log/moodle/upgrade.jsonl
    retry_file: /var/log/moodle/upgrade.retry

- name: Upgrade nodes that are closed, and open each as soon as it is done
  lms.moodle.vmoodle_cli:
    moodle: /srv/campus/current
    script: local/vmoodle/cli/upgrade.php
    args: [--non-interactive]
    pending: true
    afterwards:
      - script: local/vmoodle/cli/maintenance.php
        args: [--disable]

- name: Give the administrator of two nodes a new password
  lms.moodle.vmoodle_cli:
    moodle: /srv/campus/current
    script: local/vmoodle/cli/reset_password.php
    input: "admin\n{{ new_password }}"
    nodes: [v1.example.org, v2.example.org]

- name: Try again those that failed
  lms.moodle.vmoodle_cli:
    moodle: /srv/campus/current
    script: local/vmoodle/cli/upgrade.php
    args: [--non-interactive]
    nodes: ["@/var/log/moodle/upgrade.retry"]

- name: Go on where a run was cut short, with what is left
  lms.moodle.vmoodle_cli:
    moodle: /srv/campus/current
    script: local/vmoodle/cli/upgrade.php
    args: [--non-interactive]
    records: /var/log/moodle/upgrade.jsonl
    resume: true

- name: Read a setting of all nodes whose name begins with A
  lms.moodle.vmoodle_cli:
    moodle: /srv/campus/current
    script: admin/cli/cfg.php
    args: [--name=theme]
    select: "[?starts_with(name, 'A')]"
    read_only: true
"""

RETURN = r"""
nodes:
  description: One record per node, in the order in which they ended; with O(results=not_ok) without those that are V(ok).
  returned: always, except when nothing could be started at all
  type: list
  elements: dict
  contains:
    wwwroot:
      description: The node's address; the name that was asked for, when the registry does not know it.
      type: str
      sample: https://v1.example.org
    name:
      description: The node's name.
      type: str
      sample: Virtual 1
    verdict:
      description: V(ok), V(failed), V(timeout), or V(skipped) when the script was not started.
      type: str
      sample: ok
    rc:
      description: The exit code; negative for a signal; null when the script was not started or was stopped at its time limit.
      type: int
      sample: 0
    reason:
      description: Why the node is not ok.
      type: str
      sample: "ended with 0, but ran for another site: https://campus.example.org"
    seconds:
      description: How long it took.
      type: float
      sample: 0.341
    log:
      description: The node's log on the host, with O(log_dir).
      type: str
      sample: /var/log/moodle/upgrade/v1.example.org.log
    output:
      description: The end of what the script printed, at most 2 kB, only where the verdict is not V(ok).
      type: str
      sample: ""
summary:
  description: The run in figures.
  returned: always, except when nothing could be started at all
  type: dict
  contains:
    total:
      description: All nodes of the run.
      type: int
      sample: 5
    ok:
      description: Those that did it.
      type: int
      sample: 4
    failed:
      description: Those that failed.
      type: int
      sample: 1
    timeout:
      description: Those that were stopped at the time limit.
      type: int
      sample: 0
    skipped:
      description: Those on which the script was not started.
      type: int
      sample: 0
    seconds:
      description: How long the run took.
      type: float
      sample: 1.61
    rate:
      description: Nodes per second.
      type: float
      sample: 2.48
"""

import contextlib
import functools
import os
import typing as t
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.conclusion import conclude
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput, MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.opcache import opcache_folder
from ansible_collections.lms.moodle.plugins.module_utils.common.php import ARGUMENTS, Php
from ansible_collections.lms.moodle.plugins.module_utils.fleet.execution import Execution, Record, Step, Wish, not_run, run_in_turn
from ansible_collections.lms.moodle.plugins.module_utils.fleet.keyboard import typed
from ansible_collections.lms.moodle.plugins.module_utils.fleet.nodes import Node, Refusal, Selection, choose
from ansible_collections.lms.moodle.plugins.module_utils.fleet.pace import Budget, waves
from ansible_collections.lms.moodle.plugins.module_utils.fleet.priority import IO_CLASSES, make_way
from ansible_collections.lms.moodle.plugins.module_utils.fleet.records import Records
from ansible_collections.lms.moodle.plugins.module_utils.fleet.registry import Registry, State, matching, names_from_files
from ansible_collections.lms.moodle.plugins.module_utils.fleet.routes import Routes
from ansible_collections.lms.moodle.plugins.module_utils.fleet.run import FleetRun, make_log_dir, try_retry_file, write_retry_file
from ansible_collections.lms.moodle.plugins.module_utils.fleet.script import Script

_NICEST = 19


class VmoodleCli:
    """One script on a selection of nodes."""

    def __init__(self, parameters: dict[str, t.Any], check_mode: bool, background: Background) -> None:
        self.parameters = parameters
        self.background = background
        self.only_list = check_mode and not parameters["read_only"]
        for name in ("forks", "timeout", "retries", "canary", "batch", "log_keep"):
            if (parameters[name] or 0) < 0:
                raise BadInput(f"'{name}' is {parameters[name]}: it cannot be less than 0.")
        if not 0 <= parameters["nice"] <= _NICEST:
            raise BadInput(f"'nice' is {parameters['nice']}: it goes from 0 to {_NICEST}.")
        if parameters["resume"] and not parameters["records"]:
            raise BadInput("'resume' continues the run that wrote 'records': say which file that is.")
        self.routes = Routes.from_root(parameters["moodle"])
        code = self.routes.code
        opcache = opcache_folder(code) if parameters["opcache"] else None
        self.php = Php(parameters["php"], Path(parameters["_php"] or ""), parameters["php_options"], opcache)
        self.wish = Wish(
            Script.find(code, parameters["script"], parameters["args"]),
            code,
            timeout=parameters["timeout"] or None,
            retries=parameters["retries"],
            keys=None if parameters["input"] is None else typed(parameters["input"]),
            repeatable=parameters["repeatable"] or parameters["read_only"],
            log_dir=Path(parameters["log_dir"]) if parameters["log_dir"] else None,
            log_keep=parameters["log_keep"],
        )
        self.further = [self._further(step) for step in parameters["afterwards"]]

    def _further(self, step: dict[str, t.Any]) -> tuple[Wish, str, Collection[str] | None]:
        script = Script.find(self.wish.code, step["script"], step["args"])
        folder = self.wish.log_dir and self.wish.log_dir / script.path.stem
        only = None if step["nodes"] is None else frozenset(names_from_files(step["nodes"]))
        return replace(self.wish, script=script, keys=None, log_dir=folder), step["script"], only

    def run(self) -> dict[str, t.Any]:
        """Run the script, or say where it would run; the module's result."""
        make_way(self.parameters["nice"], self.parameters["ionice"])
        selection = self._select()
        wish = self.parameters
        # What cannot be is found before the records of the last run are gone.
        budget = Budget.parse(wish["max_failures"], len(selection.nodes) + len(selection.refused))
        wishes = [self.wish, *(further for further, _name, _only in self.further)]
        for folder in (one.log_dir for one in wishes):
            if folder and not self.only_list:
                make_log_dir(folder)
        if wish["retry_file"] and not self.only_list:
            try_retry_file(wish["retry_file"])
        run = "-".join(one.script.fingerprint() for one in wishes)
        written = Records(wish["records"], run, resume=wish["resume"], only_look=self.only_list)
        with written as records:
            fleet = self._go_through(selection, budget, records)
        result = {
            "changed": not self.parameters["read_only"] and (bool(selection.nodes) if self.only_list else fleet.started()),
            "nodes": fleet.records(),
            "summary": fleet.summary(),
        }
        if fleet.failed():
            raise MoodleError(fleet.complaint(), **result)
        return result

    def _go_through(self, selection: Selection, budget: Budget, records: Records) -> FleetRun:
        forks = self.parameters["forks"] or os.cpu_count() or 1
        fleet = FleetRun(
            forks=1 if self.only_list else forks,
            budget=budget,
            background=Background(None) if self.only_list else self.background,
            records=records,
            keep_ok=self.parameters["results"] == "all",
        )
        before = [not_run(refusal, refusal.verdict, refusal.reason) for refusal in selection.refused]
        before += [records.done[node.wwwroot] for node in selection.nodes if node.wwwroot in records.done]
        left = [node for node in selection.nodes if node.wwwroot not in records.done]
        plan = list(waves(left, canary=self.parameters["canary"], batch=self.parameters["batch"]))
        if self.only_list:
            fleet.run(_would_run, plan, before)
            return fleet
        with contextlib.ExitStack() as stack:

            def workers(wish: Wish, code: Path, name: str) -> Execution:
                there = wish if code == wish.code else replace(wish, script=Script.find(code, name, wish.script.arguments), code=code)
                php = self.php.for_code(code)
                return stack.enter_context(Execution(there, php, forks=min(forks, len(left)), must_stop=fleet.must_stop))

            crews: dict[str, Callable[[Node], Record]] = {}
            for code, nodes in self.routes.by_code(left).items():
                steps = [Step(workers(wish, code, name), name, only) for wish, name, only in self.further]
                crew = functools.partial(run_in_turn, workers(self.wish, code, self.parameters["script"]), steps)
                crews.update((node.wwwroot, crew) for node in nodes)
            fleet.run(lambda node: crews[node.wwwroot](node), plan, before)
        if self.parameters["retry_file"]:
            write_retry_file(self.parameters["retry_file"], fleet.unfinished)
        return fleet

    def _select(self) -> Selection:
        nodes, query, pending = self.parameters["nodes"], self.parameters["select"], self.parameters["pending"]
        wanted = None if nodes is None else names_from_files(nodes)
        with Registry.open(self.php, self.wish.code, states=pending) as registry:
            selection = choose(
                registry.nodes,
                wanted=wanted,
                matching=matching(query, registry.nodes) if query else None,
                include_disabled=self.parameters["include_disabled"],
                master=self.parameters["master"],
            )
            selection = self.routes.lead(selection)
            return _only_pending(selection, self.routes.states(registry, selection.nodes, self.php)) if pending else selection


def _only_pending(selection: Selection, states: Iterable[tuple[Node, State]]) -> Selection:
    nodes, refused = [], list(selection.refused)
    for node, state in states:
        if not state["reachable"]:
            refused.append(Refusal(node.wwwroot, node.name, "failed", f"its database could not be asked: {state['error']}"))
        elif state["upgrade_pending"]:
            nodes.append(node)
        else:
            refused.append(Refusal(node.wwwroot, node.name, "skipped", "no upgrade is pending"))
    return Selection(nodes, refused)


def _would_run(node: Node) -> Record:
    return not_run(node, "skipped", "check mode: the script would run")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "moodle": {"type": "path", "required": True},
            "script": {"type": "str", "required": True},
            "args": {"type": "list", "elements": "str", "default": []},
            "input": {"type": "str", "no_log": True},
            "afterwards": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "script": {"type": "str", "required": True},
                    "args": {"type": "list", "elements": "str", "default": []},
                    "nodes": {"type": "list", "elements": "str"},
                },
            },
            "nodes": {"type": "list", "elements": "str"},
            "select": {"type": "str"},
            "include_disabled": {"type": "bool", "default": False},
            "pending": {"type": "bool", "default": False},
            "master": {"type": "bool", "default": False},
            "forks": {"type": "int"},
            "timeout": {"type": "int", "default": 3600},
            "retries": {"type": "int", "default": 2},
            "repeatable": {"type": "bool", "default": False},
            "canary": {"type": "int", "default": 0},
            "batch": {"type": "int", "default": 0},
            "max_failures": {"type": "str"},
            "retry_file": {"type": "path"},
            "records": {"type": "path"},
            "resume": {"type": "bool", "default": False},
            "results": {"type": "str", "choices": ["all", "not_ok"], "default": "all"},
            "progress": {"type": "path"},
            "log_dir": {"type": "path"},
            "log_keep": {"type": "int", "default": 4},
            "read_only": {"type": "bool", "default": False},
            "nice": {"type": "int", "default": 0},
            "ionice": {"type": "str", "choices": list(IO_CLASSES)},
            **ARGUMENTS,
        },
        supports_check_mode=True,
    )
    progress = module.params["progress"]
    background = Background(module.params["_background"], shown=Path(progress) if progress else None)
    conclude(module, background, lambda: VmoodleCli(module.params, module.check_mode, background).run(), module.params["moodle"])


if __name__ == "__main__":
    main()
