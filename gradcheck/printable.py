r"""Text of somebody else's, made safe to show: of bounded length, and with nothing in it that its reader obeys.

A terminal obeys control characters, a reader's eye the overrides of writing direction, a CI server lines that begin with `::`, a
shell almost everything, and parsers of XML or UTF-8 refuse what is no character. Nothing is left out without a word: characters
stand as escapes (`\x1b`), and what is cut off is counted.
"""

import json
import math
import re
import shlex
from collections.abc import Iterable

LONGEST = 500  # characters of somebody else's text that anyone reads
ROOM = 32  # for the words that say how much was cut off, so that what is clipped already is not clipped again
HEAD, TAIL = 600, 250  # of a refusal: what was given may be long, and what was expected stands at the end


def printable(text: str) -> str:
    r"""On one line: white space as spaces, other characters that cannot be printed as escapes."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    byte = ord(character) - 0xDC00  # of a file name that is no UTF-8
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else character.encode("unicode_escape").decode()


def clipped(text: str, most: int = LONGEST) -> str:
    """At most so many characters, and how many more there were."""
    return text if len(text) <= most + ROOM else f"{text[:most]}... ({len(text) - most} more)"


def refusal(text: str) -> str:
    """On one line, and clipped in its middle."""
    if len(text) > HEAD + TAIL + ROOM:
        text = f"{text[:HEAD]}... ({len(text) - HEAD - TAIL} more) ...{text[-TAIL:]}"
    return printable(text)


# ---- logs of CI servers ----

# GitHub's runner takes a line for a command where it begins with ::, after white space or none, or has ##[ anywhere. Styles may
# stand before it, too.
_COMMAND = re.compile(r"(?:\A|(?<=[\n\r]))(?:[^\S\n\r]|\x1b\[[0-9;]*m)*::|##\[")


def unheeded(text: str) -> str:
    """Lines that are no command to a CI server: `::` at the beginning of one becomes `:\\:`."""
    return _COMMAND.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", text) if _suspect(text) else text


def markup(text: str) -> str:
    """The same for XML and HTML, which read as before."""
    return _COMMAND.sub(lambda found: f"{found[0][:-1]}&#{ord(found[0][-1])};", text) if _suspect(text) else text


def _suspect(text: str) -> bool:
    return "::" in text or "##[" in text


def escaped(text: str) -> str:
    """The same for JSON, with escapes for what cannot be printed, too."""
    if "##[" in text:
        text = text.replace("##[", "##\\u005b")
    lines = text.split("\n")
    return "\n".join(line if line.isprintable() else "".join(map(_in_json, line)) for line in lines)


def number(value: float | None) -> float | str | None:
    """The same of a number, for JSON: a text where that has no word for it, "inf", "-inf" or "nan"."""
    return value if value is None or math.isfinite(value) else str(value)


def _in_json(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]


# ---- shells ----


def pasted(words: Iterable[str]) -> str:
    r"""Words as a shell reads them, on one line; control characters as in $'\x1b', which bash, zsh and ksh know."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(map(_in_shell, word)) + "'"


def _in_shell(character: str) -> str:
    if character.isprintable():
        return f"\\{character}" if character in "\\'" else character
    try:
        octets = character.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a pair, which is in no file name
        octets = character.encode("utf-8", "surrogatepass")
    return "".join(f"\\x{octet:02x}" for octet in octets)
