# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Version files made from a grammar: what they hold is known from how they are made, without asking anybody."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from hypothesis import strategies as st


class Part(t.NamedTuple):
    """A piece of PHP and what it is worth."""

    php: bytes
    value: t.Any


@dataclass
class VersionFile:
    php: bytes
    plugin: dict[str, t.Any] = field(default_factory=dict)
    variables: dict[str, t.Any] = field(default_factory=dict)


SPACE = st.sampled_from(
    [b"", b"", b" ", b"\n", b"\t", b"\r\n", b" /* x; $plugin->a = 9; */ ", b" // y ' \n", b' # z "\n', b"\r// old \xe9 mac\r", b"/***/"]
)
NAMES = st.text("abzAZ_019\u00e9", min_size=1, max_size=6).map(lambda name: f"p{name}")
GUARDS = (
    b"",
    b"defined('MOODLE_INTERNAL') || die();",
    b'\\defined("MOODLE_INTERNAL") OR exit;',
    b"if (!defined('MOODLE_INTERNAL')) { die('Direct ' . 'access'); }",
    b"if(!defined('MATURITY_RC')) define('MATURITY_RC', 150);",
    b"$plugin = new stdClass();",
    b"$module = $plugin;",
)


def numbers(most: int = 2**63 - 1) -> st.SearchStrategy[Part]:
    forms: tuple[t.Callable[[int], str], ...] = (str, str, hex, bin, lambda n: f"0{n:o}", "{:_}".format, "0X{:X}".format)
    return st.builds(lambda number, form: Part(form(number).encode(), number), st.integers(0, most), st.sampled_from(forms))


FLOATS = st.one_of(
    st.sampled_from(["2024050305.01", "2022041900.00", "1.", ".5", "1e3", "1.5E-2", "0.0", "1_0.2_5", "07.5", "9223372036854775808"]),
    st.floats(0, 1e300).map(repr),
).map(lambda text: Part(text.encode(), float(text.replace("_", ""))))
CONSTANTS = st.sampled_from(
    [
        Part(b"true", True),
        Part(b"FALSE", False),
        Part(b"\\null", None),
        Part(b"MATURITY_ALPHA", 50),
        Part(b"MATURITY_STABLE", 200),
        Part(b"\\ANY_VERSION", "any"),
    ]
)

# Pieces of strings: what stands in the file, and the bytes that it means.
PLAIN = st.one_of(
    st.text("ab u{n}/*#?<>;= ", min_size=1, max_size=6).map(str.encode),
    st.sampled_from([b"\xc3\xa9", b"\xff", b"\xc3", b"\xa9", b"\x00", b"\xf0\x9f\x98\x80", b"a$ ", b"0", b"?>", b"//"]),
).map(lambda raw: Part(raw, raw))
ESCAPED = st.one_of(
    st.sampled_from(
        list(zip([b"\\n", b"\\t", b"\\r", b"\\v", b"\\e", b"\\f", b"\\\\", b"\\$"], [bytes([n]) for n in b"\n\t\r\v\x1b\f\\$"]))
    ),
    st.integers(0, 255).map(lambda number: (b"\\x%02X" % number, bytes([number]))),
    st.integers(0, 511).map(lambda number: (b"\\%03o" % number, bytes([number & 255]))),
    st.characters().map(lambda letter: (b"\\u{%04x}" % ord(letter), letter.encode("utf-8", "surrogatepass"))),
    st.sampled_from([b"\\q", b"\\.", b"\\{", b"\\u", b"\\'", b"\\x", b"\\8"]).map(lambda raw: (raw + b" ", raw + b" ")),
).map(lambda pair: Part(*pair))
NEWLINES = st.sampled_from([b"\n", b"\r\n", b"\r"])


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _together(parts: t.Iterable[Part]) -> Part:
    pieces = list(parts)
    return Part(b"".join(piece.php for piece in pieces), b"".join(piece.value for piece in pieces))


def _double(parts: list[Part]) -> Part:
    php, value = _together(parts)
    return Part(b'"%s"' % php, _text(value))


SINGLE = st.lists(
    st.one_of(PLAIN, NEWLINES.map(lambda end: Part(end, end)), st.sampled_from([Part(b"\\'", b"'"), Part(b"\\\\", b"\\")]))
).map(lambda parts: Part(b"'%s'" % _together(parts).php, _text(_together(parts).value)))
DOUBLE = st.lists(st.one_of(PLAIN, ESCAPED, NEWLINES.map(lambda end: Part(end, end)), st.just(Part(b'\\"', b'"')))).map(_double)


@st.composite
def heredocs(draw: st.DrawFn) -> Part:
    """With or without escapes, its lines indented as its end is."""
    nowdoc = draw(st.booleans())
    indent = draw(st.sampled_from([b"", b"  ", b"\t"]))
    kinds = [PLAIN, st.sampled_from([Part(b'"', b'"'), Part(b"  ", b"  "), Part(b"\t", b"\t")])]
    kinds += (
        [st.sampled_from([Part(b"\\n", b"\\n"), Part(b"\\x41", b"\\x41"), Part(b"$x", b"$x"), Part(b"{$", b"{$")])] if nowdoc else [ESCAPED]
    )
    php, value, end = b"", b"", draw(NEWLINES)
    for place in range(draw(st.integers(0, 3))):
        line = _together(draw(st.lists(st.one_of(kinds), max_size=4)))
        # A line of white space alone may be shorter than the others.
        php += (b"" if not line.php and draw(st.booleans()) else indent + line.php) + end
        value += (end if place else b"") + line.value
    label = draw(st.sampled_from([b"'ZZ'"] if nowdoc else [b"ZZ", b'"ZZ"']))
    # What follows on the closing line is the next token: a name would not be one.
    return Part(b"<<<%s%s\n%s%sZZ" % (draw(st.sampled_from([b"", b" "])), label, php, indent), _text(value))


STRINGS = st.one_of(SINGLE, DOUBLE, heredocs())


@st.composite
def chains(draw: st.DrawFn) -> Part:
    """Concatenations and sums, as PHP counts and prints them."""
    words = st.one_of(STRINGS, numbers().filter(lambda part: part.php.isdigit()))
    if draw(st.booleans()):
        parts = draw(st.lists(words, min_size=2, max_size=4))
        raw = b"".join(_bytes(part.value) for part in parts)
        return Part((draw(SPACE) + b" . " + draw(SPACE)).join(part.php for part in parts), _text(raw))
    one, two, three = (draw(numbers(2**20)) for _number in range(3))
    part: Part = draw(
        st.sampled_from(
            [
                Part(b"%s * %s - %s" % (one.php, two.php, three.php), one.value * two.value - three.value),
                Part(b"%s+%s*- %s" % (one.php, two.php, three.php), one.value + two.value * -three.value),
                Part(b"(%s - %s) * %s" % (one.php, two.php, three.php), (one.value - two.value) * three.value),
                Part(b"%d /%s" % (two.value * (three.value + 1), b"%d" % (three.value + 1)), two.value),
                Part(b"(%d . 'x')" % one.value, f"{one.value}x"),
            ]
        )
    )
    return part


def _bytes(value: int | str) -> bytes:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else b"%d" % value


SCALARS = st.one_of(
    numbers(),
    numbers().map(lambda part: Part(b"-" + part.php, -part.value)),
    FLOATS,
    FLOATS.map(lambda part: Part(b"- " + part.php, -part.value)),
    CONSTANTS,
    STRINGS,
    chains(),
    st.one_of(STRINGS, numbers()).map(lambda part: Part(b"((%s\n))" % part.php, part.value)),
)
KEYS = st.one_of(
    numbers(50),
    STRINGS.filter(lambda part: not part.value.lstrip("-").isdigit()),
    st.sampled_from(
        [
            Part(b"'5'", 5),
            Part(b"'05'", "05"),
            Part(b"'-0'", "-0"),
            Part(b"' 5'", " 5"),
            Part(b"'9223372036854775808'", "9223372036854775808"),
        ]
    ),
)


@st.composite
def arrays(draw: st.DrawFn, values: st.SearchStrategy[Part]) -> Part:
    items: dict[t.Any, t.Any] = {}
    php: list[bytes] = []
    following = 0
    for key, item in draw(st.lists(st.tuples(st.none() | KEYS, values), max_size=4)):
        items[following if key is None else key.value] = item.value
        following = max([following, *(number + 1 for number in items if isinstance(number, int))])
        php.append(item.php if key is None else b"%s%s=>%s%s" % (key.php, draw(SPACE), draw(SPACE), item.php))
    inner = (draw(SPACE) + b"\n," + draw(SPACE)).join(php) + (draw(st.sampled_from([b"", b","])) if php else b"")
    opening, closing = draw(st.sampled_from([(b"[", b"]"), (b"array(", b")"), (b"Array (", b"\n)")]))
    return Part(opening + draw(SPACE) + inner + closing, items)


VALUES = st.one_of(SCALARS, SCALARS, arrays(st.one_of(SCALARS, arrays(SCALARS))))


@st.composite
def version_files(draw: st.DrawFn) -> VersionFile:
    lines = [draw(st.sampled_from([b"<?php ", b"<?PHP\n", b"\xef\xbb\xbf<?php\r\n", b"\n<?php\t"])), draw(st.sampled_from(GUARDS))]
    made = VersionFile(b"")
    for _turn in range(draw(st.integers(1, 4))):
        part, name = draw(VALUES), draw(NAMES)
        kind = draw(st.sampled_from(["plugin", "module", "variable", "copy", "element"]))
        # `$module` is no longer the same object once `$plugin` is a new one.
        holder = "plugin" if b"new" in lines[1] or kind == "plugin" else "module"
        left = f"${holder}->{name}".encode()
        if kind in ("variable", "copy"):
            left = f"${name}".encode()
            made.variables[name] = part.value
        else:
            made.plugin[name] = part.value
        if kind == "element":
            key = draw(KEYS)
            lines.append(b"%s = array();%s[%s] " % (left, left, key.php))
            made.plugin[name] = {key.value: part.value}
        else:
            lines.append(left)
        lines += [draw(SPACE), b"=", draw(SPACE), part.php, draw(SPACE), b";", draw(SPACE)]
        if kind == "copy" and not isinstance(part.value, dict):
            lines.append(b"$plugin->copy = $%s;" % name.encode())
            made.plugin["copy"] = part.value
    made.php = b"".join(lines) + draw(st.sampled_from([b"", b"\n", b"?>", b"?>\n", b" // end", b" // end ?>"]))
    made.plugin, made.variables = ({name: plain(value) for name, value in found.items()} for found in (made.plugin, made.variables))
    return made


def plain(value: t.Any) -> t.Any:
    """PHP counts arrays and keys them alike; the reader gives lists where they are counted from 0."""
    if not isinstance(value, dict):
        return value
    items = {key: plain(item) for key, item in value.items()}
    return list(items.values()) if list(items) == list(range(len(items))) else items


# As maintainers write, for the changes that they might make.
PROTOTYPES = (
    rb"""<?php
// This file is part of a module - http://example.org/
/** @package mod_board */
defined('MOODLE_INTERNAL') || die();
$plugin->component = 'mod_board';
$plugin->version   = 2024050305.01;   // YYYYMMDDXX
$plugin->requires  = 2022041900; # 4.0
$plugin->supported = [401, 405];
$plugin->maturity  = MATURITY_STABLE;
$plugin->release   = "4.1 \"Board\" (Build: " . 2024050305 . ')';
$plugin->cron      = 24 * 60 * 60;
$plugin->dependencies = array('mod_quiz' => ANY_VERSION, "local_x" => 2020010100,);
$plugin->dependencies['tool_y'] = -1;
""",
    b"<?PHP // $Id$\r\n\r\n$module->version  = 2007101509;\r\n$module->requires = 2007101500;\r\n$module->cron     = 60;\r\n\r\n?>\r\n",
    rb"""<?php
if (!defined('MOODLE_INTERNAL')) {
    die('No');
}
$version  = 2023100900.00;
$release  = '4.3 (Build: 20231009)';
$branch   = '403';
$maturity = MATURITY_STABLE;
""",
    rb"""<?php
$plugin->version = 5;
$plugin->release = <<<EOT
    a \x41
      b
    EOT . "\u{e9}\101";
$module = $plugin;
$module->requires = $plugin->version;
""",
    rb"""<?php
defined('MOODLE_INTERNAL') || die();
$subplugins = array(
    'quiz' => 'mod/quiz/report',
    'quizaccess' => 'mod/quiz/accessrule',
);
""",
)
SNIPPETS = (
    *rb"""
    $ -> => = == . + - * / % ! & | < > << <<< ? ?? : :: ; , ( ) [ ] { } ' " \ # // /* */ ?> <?php -- ++ ** .= += #[
    1 0 08 0x1F 1.5 .5 1e3 1_0 -1 'a' "b" "$a" "{$a}" "\x41" "\400" "\u{41}" $plugin $module $x version
    array( new stdClass true NULL MATURITY_RC ANY_VERSION if else defined declare(strict_types=1); (int) (string)
    list( isset( return const define( clone die; <<<EOT <<<'EOT' EOT
    """.split(),
    *(b" ", b"\n", b"\r", b"\t", b"\x00", b"\xff", b"\xc3\xa9", b"\n  EOT", b"<<<EOT\nx\n", b"$plugin->version = "),
)


@st.composite
def changed_files(draw: st.DrawFn) -> bytes:
    """A file as somebody's slip of the hand leaves it: most are no PHP any more, and those that still are must be read right."""
    php = draw(st.sampled_from(PROTOTYPES) | version_files().map(lambda made: made.php))
    for _change in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(php)))
        end = draw(st.integers(start, min(len(php), start + draw(st.sampled_from([0, 1, 3, 20])))))
        php = php[:start] + b"".join(draw(st.lists(st.sampled_from(SNIPPETS), max_size=2))) + php[end:]
    return php


@st.composite
def expressions(draw: st.DrawFn) -> bytes:
    """A value of tokens in any order."""
    words = draw(st.lists(st.sampled_from(SNIPPETS), min_size=1, max_size=6))
    return b"<?php $x = 3; $plugin->version = " + draw(st.sampled_from([b"", b" "])).join(words) + b";"
