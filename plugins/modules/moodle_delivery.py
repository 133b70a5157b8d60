#!/usr/bin/python
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: moodle_delivery
short_description: Deliver a code base by one atomic swap, with a way back
version_added: 0.1.0
description:
  - Keeps complete, sealed releases side by side below O(path) and switches the link C(current) between them by one rename.
  - Every release is a copy of a commit. It is verified against the commit, file by file, before it is served and before it is gone back to.
  - Hot fixes found in what is served become a commit and a release of their own; they are reported, never lost.
  - Each state implies those before it; asking for the state that holds changes nothing.
  - Every step is written to a journal before it is taken, and after a kill at any point the next call goes on from there.
options:
  path:
    description: The delivery root. The web server serves C(<path>/current).
    type: path
    required: true
  state:
    description:
      - V(secured) compares what is served with its commit, keeps hot fixes, and pins it as C(safe) when it was good.
      - V(delivering) opens the work directory, V(updated) brings it to O(revision), V(live) switches to it.
      - V(rolled_back) goes back to the safe release or to O(release_id), V(abandoned) drops what is being prepared.
    type: str
    required: true
    choices: [secured, delivering, updated, live, rolled_back, abandoned]
  repository:
    description:
      - Where the code comes from, as this host reaches it. With V(git) of O(source_control) the path or URL of the repository.
      - With V(svn) the URL of the directory to deliver (C(svn://), C(svn+ssh://), C(https://), C(http://), C(file://)), such as
        C(svn://svn.example.org/moodle/trunk). Passwords are taken from Subversion's own store.
      - With V(cvs) the root and the module, C(CVSROOT#module), such as C(:ext:deploy@cvs.example.org:/srv/cvs#moodle);
        the methods C(:local:), C(:ext:) and C(:pserver:) are known.
      - With V(archive) the absolute path of a tar (plain, gz, bz2, xz) or zip file on the host.
    type: str
  source_control:
    description:
      - What keeps the code. All but V(git) is imported into the delivery's own Git repository, as a commit that is the same on every host.
      - V(svn) and V(cvs) need that program on the host; a directory with C(svn:externals) is refused.
      - Files come as they are stored, without keywords expanded or line ends converted.
      - V(archive) takes the content of the top folder where there is exactly one. An archive is refused as a whole when one of its
        paths or links leads out of it, when it holds a device or a C(.git), or when it unpacks to more than there is room for.
    type: str
    choices: [git, svn, cvs, archive]
    default: git
  bundle:
    description: A Git bundle on the host, for hosts that reach no repository.
    type: path
  revision:
    description:
      - Tag, branch or commit to deliver. For O(state=live) it may be left out when O(state=updated) was reached before.
      - With V(svn) of O(source_control) a number, V(HEAD) or a date such as V({2026-11-21}) or V({2026-11-21T06:00:00+01:00}),
        in UTC where no zone is said. With V(cvs) a tag, a branch, V(HEAD) or such a date.
      - With V(archive) its SHA-256, which is verified; it may be left out.
      - The commit that an import has made, RV(revision), is taken too; nobody is asked for it again.
    type: str
  release_id:
    description:
      - Name of the release being made. By default it is made from the content, so that all hosts find the same name.
      - With O(state=rolled_back) the kept release to go back to.
    type: str
  shared_files:
    description: Files that are put into each release beside what comes from Git. New content means a new release.
    type: list
    elements: dict
    default: []
    suboptions:
      src:
        description: The rendered file on the host.
        type: path
      link:
        description:
          - Instead of a file, a link in the release that leads to this relative path inside it. A node of a VMoodle in a sub-directory
            needs one to V(.), for C(http://host/law) one with the O(shared_files[].dest) V(law).
        type: str
      dest:
        description: Its place in the release, relative to the release's root.
        type: str
        required: true
      mode:
        description: Its mode; the right to write is taken away, as a release is sealed.
        type: str
        default: '0644'
  component:
    description:
      - Path of a directory of the code, such as V(mod/attendance) or V(theme), for partial work.
      - With O(state=updated) and O(state=live) this directory alone is brought to O(revision), in what is being prepared or else in what is
        served. Several updates of this kind may follow each other before O(state=live).
      - With O(state=secured) only hot fixes in it are reported, and stop with O(drift=fail); those found elsewhere are kept all the same.
    type: str
  supersafe:
    description:
      - With O(state=secured), and states that imply it, also make a third copy of the safe release that shares no file with any other.
      - With O(state=rolled_back), go back to that copy.
    type: bool
    default: false
  adopt:
    description:
      - The code directory of a site that was put together by hand. Where nothing is served yet, the first release is made of it;
        it is good, as it is what was served.
      - The directory is not changed. Its C(config.php) is kept beside the release rather than in Git, unless O(shared_files) brings
        one; what version control keeps in it is left out.
    type: path
  nodes:
    description:
      - Host names of virtual nodes of a VMoodle, as a web server hears them (small letters, without a port). With O(state=live) or
        O(state=rolled_back) only these are switched, each by a link of its own in C(nodes) beside C(current); everybody else is
        served what was served before. The web server has to read these links, as the role C(site) configures it.
      - With O(state=live) and an empty list the release is made complete, and nobody is served it. With O(release_id) it is a
        kept release that they are switched to, and no O(revision) is needed.
      - When C(current) is switched to the same release, these nodes follow C(current) again, see O(join). A node whose link names
        another release keeps it, which is told as a warning; so does each that was set back by O(state=rolled_back).
    type: list
    elements: str
  join:
    description:
      - With O(state=live), let virtual nodes whose links name the release that is served to all now follow it from then on, when all
        others go on or back.
      - Say V(false) as long as the switch may be taken back, which those nodes, whose databases are upgraded already, must not follow.
    type: bool
    default: true
  drift:
    description: Whether hot fixes found in what is served are kept and reported, or stop the delivery.
    type: str
    choices: [keep, fail]
    default: keep
  backport:
    description: Branch of O(repository) to which hot fixes are pushed that were found in what is served. That this fails is a warning.
    type: str
  good:
    description:
      - The release that is served after this call has been seen to work, so that it may be gone back to.
      - Say so after a health check, with O(state=live); only good releases become C(safe).
    type: bool
    default: false
  comment:
    description: Why the step is taken, for the journal.
    type: str
  holder:
    description: Who delivers. By default the user, and the address that the user came from.
    type: str
  wait:
    description: Seconds to wait for another call that works in the same root at this moment, and for another holder's delivery to end.
    type: int
    default: 0
  expiry:
    description: Seconds after which another holder may take over a delivery that was left open.
    type: int
    default: 14400
  keep_releases:
    description:
      - Releases that stay after O(state=live). Those that are served, safe, or served a moment ago always stay, and as long as it does
        so, one that a process of the host stands in or was started from, as far as the user who runs the module may see that.
      - The next release is made over one that would not stay, so that the same number belongs to O(state=updated) and O(state=delivering).
    type: int
    default: 5
  grace:
    description: Seconds that a release stays after it was served, since requests may still run in it.
    type: int
    default: 900
  owner:
    description:
      - User that the releases belong to. The web server's user needs to read them, and must not be this one.
      - Become this user for the module rather than root, so that all that it makes belongs to one user.
    type: str
  group:
    description: Group that the releases belong to. Whoever is not root must be one of its members.
    type: str
requirements:
  - git and GNU find
  - subversion (svn, svnrdump) or cvs, where O(source_control) names it
extends_documentation_fragment:
  - lms.moodle.attributes
attributes:
  check_mode:
    details:
      - The files that would change are known where the commit is already in the delivery's own repository.
      - Which commit a revision from V(svn) or V(archive) of O(source_control) would become is known only when it was imported before.
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: lms.moodle.moodle_delivery_info
author:
  - The lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: Prepare the release on every web host, while the old one goes on being served
  lms.moodle.moodle_delivery:
    path: /srv/moodle
    state: updated
    repository: https://git.example.org/moodle/campus.git
    revision: campus-20261121T060000Z
    release_id: 20261121T060500Z
    shared_files:
      - {src: /srv/moodle/shared/config.php, dest: config.php, mode: '0640'}

- name: Prepare what stands in Subversion at this moment
  lms.moodle.moodle_delivery:
    path: /srv/moodle
    state: updated
    source_control: svn
    repository: https://svn.example.org/moodle/trunk
    revision: HEAD

- name: Prepare an archive that was copied to the host
  lms.moodle.moodle_delivery:
    path: /srv/moodle
    state: updated
    source_control: archive
    repository: /srv/moodle/incoming/campus.tar.gz

- name: Switch to it
  lms.moodle.moodle_delivery:
    path: /srv/moodle
    state: live

- name: Let one virtual node follow a release that is prepared, before all others
  lms.moodle.moodle_delivery:
    path: /srv/moodle
    state: live
    nodes: [law.example.org]

- name: Go back to the release that was good
  lms.moodle.moodle_delivery:
    path: /srv/moodle
    state: rolled_back
"""

RETURN = r"""
state:
  description: Where the delivery stands now. V(live) when none is open, V(empty) when nothing was ever delivered.
  returned: success
  type: str
  sample: live
release:
  description: The release being prepared, or else the one that is served. Empty in check mode when only an import can tell its name.
  returned: success
  type: str
  sample: 20261121T060500Z
previous:
  description: The release that was served before the last switch.
  returned: success
  type: str
  sample: 20261114T060500Z
safe:
  description: The release that served last and was good.
  returned: success
  type: str
  sample: 20261114T060500Z
supersafe:
  description: The third copy.
  returned: success
  type: str
  sample:
nodes:
  description: The virtual nodes that have a release of their own, by host name.
  returned: success
  type: dict
  sample: {"law.example.org": "20261121T060500Z"}
revision:
  description: The commit of RV(release). Empty in check mode when only an import can tell it.
  returned: success
  type: str
  sample: 0f4c2d1a7b9e8c6d5f4a3b2c1d0e9f8a7b6c5d4e
tree:
  description: The tree of RV(release). Empty in check mode when the commit is not here yet.
  returned: success
  type: str
  sample: 8a7b6c5d4e0f4c2d1a7b9e8c6d5f4a3b2c1d0e9f
drift:
  description: How what is served differed from what was delivered.
  returned: success
  type: dict
  contains:
    modified: {description: Files with other content., type: list, elements: str, sample: [lib/moodlelib.php]}
    missing: {description: Files that are gone., type: list, elements: str, sample: []}
    unexpected: {description: Files that nobody delivered., type: list, elements: str, sample: [phpinfo.php]}
hot_fix:
  description: The commit of what was changed by hand in what is served, and its patch on the host. Nothing where nothing was.
  returned: success
  type: dict
  contains:
    commit: {description: Its commit., type: str, sample: 5b1e0c9a7d3f2e8b6c4a0d1f9e7b5c3a2d8f6e4b}
    patch: {description: Path of the patch., type: str, sample: /srv/moodle/.delivery/hotfixes/20261114T060500Z-hotfix-8a7b6c5d.patch}
files:
  description: The files by which the release differs from the one that was served.
  returned: success
  type: dict
  contains:
    added: {description: New files., type: list, elements: str, sample: [mod/attendance/version.php]}
    modified: {description: Changed files., type: list, elements: str, sample: [version.php]}
    removed: {description: Files that go., type: list, elements: str, sample: []}
swapped:
  description: Whether this call switched C(current).
  returned: success
  type: bool
  sample: true
journal:
  description: The lines that this call wrote to the journal.
  returned: success
  type: list
  elements: dict
  sample: [{"time": "2026-11-21T06:05:00+00:00", "event": "done", "step": "switch", "release": "20261121T060500Z", "by": "deploy"}]
"""

import contextlib
import grp
import os
import pwd
import time
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput, MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.holder import default_holder
from ansible_collections.lms.moodle.plugins.module_utils.common.process import secrets_in
from ansible_collections.lms.moodle.plugins.module_utils.delivery import cvs
from ansible_collections.lms.moodle.plugins.module_utils.delivery.archive_file import checksum
from ansible_collections.lms.moodle.plugins.module_utils.delivery.delivery import Delivery, Held
from ansible_collections.lms.moodle.plugins.module_utils.delivery.disk import Ownership
from ansible_collections.lms.moodle.plugins.module_utils.delivery.layout import Layout
from ansible_collections.lms.moodle.plugins.module_utils.delivery.wish import Request


class DeliveryModule:
    """Turns the module's parameters into one call of the delivery."""

    def __init__(self, module: AnsibleModule) -> None:
        self.check_mode: bool = module.check_mode
        self.params: dict[str, t.Any] = module.params
        self.layout = Layout.at(self.params["path"])

    def run(self) -> dict[str, t.Any]:
        request, deadline = self.request(), time.monotonic() + self.params["wait"]
        while True:
            try:
                with self.lock(request):
                    return Delivery(self.layout, request, self.check_mode).run()
            except Held:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(1)

    def request(self) -> Request:
        if self.params["bundle"] and self.params["source_control"] != "git":
            raise BadInput(f"bundle: it holds commits of Git, while source_control is {self.params['source_control']}: give 'repository'.")
        same = (
            "state",
            "release_id",
            "shared_files",
            "drift",
            "comment",
            "expiry",
            "keep_releases",
            "good",
            "component",
            "supersafe",
            "nodes",
            "join",
        )
        more = ("source_control", "backport", "grace")
        return Request(
            **{key: self.params[key] for key in (*same, *more)},
            holder=self.params["holder"] or default_holder(),
            source=self.params["bundle"] or self.params["repository"],
            repository=self.params["repository"] if self.params["source_control"] == "git" else None,
            adopt=Path(self.params["adopt"]) if self.params["adopt"] else None,
            revision=self.revision(),
            owner=self.ownership(),
        )

    def revision(self) -> str | None:
        """An archive is its own revision; it need not be told."""
        revision, archive = self.params["revision"], self.params["source_control"] == "archive" and self.params["repository"]
        if archive and not revision and self.params["state"] in ("updated", "live"):
            return checksum(archive)
        return t.cast("str | None", revision)

    def ownership(self) -> Ownership:
        """Only root may give files away, others may choose between their own groups."""
        owner, group = self.params["owner"], self.params["group"]
        uid, gid = user_id(owner), group_id(group)
        if os.geteuid() != 0:
            user = pwd.getpwuid(os.geteuid()).pw_name
            if uid not in (None, os.geteuid()):
                raise BadInput(f"owner: {user} cannot give files to {owner}: become {owner} for this task.")
            if gid not in (None, os.getegid(), *os.getgroups()):
                raise BadInput(
                    f"group: {user} is no member of {group} and cannot give files to it: `usermod --append --groups {group} {user}`."
                )
        return Ownership(uid, gid)

    def lock(self, request: Request) -> contextlib.AbstractContextManager[None]:
        """Check mode only looks."""
        return contextlib.nullcontext() if self.check_mode else self.layout.taken(request.begins, self.params["wait"])


def user_id(name: str | None) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid if name else None
    except KeyError:
        raise BadInput(f"owner: this host has no user '{name}'.") from None


def group_id(name: str | None) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid if name else None
    except KeyError:
        raise BadInput(f"group: this host has no group '{name}'.") from None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {
                "type": "str",
                "required": True,
                "choices": ["secured", "delivering", "updated", "live", "rolled_back", "abandoned"],
            },
            "repository": {"type": "str"},
            "source_control": {"type": "str", "choices": ["git", "svn", "cvs", "archive"], "default": "git"},
            "bundle": {"type": "path"},
            "revision": {"type": "str"},
            "release_id": {"type": "str"},
            "shared_files": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "src": {"type": "path"},
                    "link": {"type": "str"},
                    "dest": {"type": "str", "required": True},
                    "mode": {"type": "str", "default": "0644"},
                },
                "mutually_exclusive": [("src", "link")],
                "required_one_of": [("src", "link")],
            },
            "component": {"type": "str"},
            "supersafe": {"type": "bool", "default": False},
            "adopt": {"type": "path"},
            "drift": {"type": "str", "choices": ["keep", "fail"], "default": "keep"},
            "backport": {"type": "str"},
            "good": {"type": "bool", "default": False},
            "comment": {"type": "str"},
            "holder": {"type": "str"},
            "wait": {"type": "int", "default": 0},
            "nodes": {"type": "list", "elements": "str"},
            "join": {"type": "bool", "default": True},
            "expiry": {"type": "int", "default": 14400},
            "keep_releases": {"type": "int", "default": 5},
            "grace": {"type": "int", "default": 900},
            "owner": {"type": "str"},
            "group": {"type": "str"},
        },
        mutually_exclusive=[("repository", "bundle")],
        supports_check_mode=True,
    )
    # A password in a URL or a CVSROOT must not come back with the module's arguments.
    repository = module.params["repository"] or ""
    module.no_log_values.update(secrets_in(repository) | cvs.secrets_in(repository))
    try:
        result = DeliveryModule(module).run()
    except MoodleError as error:
        module.fail_json(msg=error.message, **error.result)
    except OSError as error:
        where = error.filename or module.params["path"]
        module.fail_json(msg=f"{where}: {error.strerror or error}. What is served was not touched; run again when that is mended.")
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
