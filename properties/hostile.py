"""Texts of somebody else's, as hostile as Unicode allows, and what no reader of ours may be handed."""

import re

from hypothesis import strategies as st

# What some reader obeys: a terminal, an eye, a CI server, Markdown, HTML, XML, a shell.
SNIPPETS = (
    *(
        "\x1b[38;5;199m",
        "\x1b]0;owned\x07",
        "\x1b[2J",
        "\x9b31m",
        "\b\b\b",
        "\r",
        "\n",
        "\x85",
        "\u2028",
        "\x00",
        "\x7f",
    ),
    *("\u202e", "\u2066", "\u200d", "\xad", "\ufeff", "\ufffe", "\uffff", "\udcff", "\ud800", "\U000e0001"),
    *("::error::owned", " ::", "::stop-commands::x", "##[error]owned", "##[", "%0A::error::owned"),
    *(
        "[x](http://a.example)",
        "![x](//a)",
        "https://a.example",
        "www.a.example",
        "a@a.example",
        "@someone",
        "`",
        "|",
        "\\|",
        "*_",
    ),
    *("<script>alert(1)</script>", "</pre>", "<!--", "]]>", "&lt;", "{{ 7 * 7 }}", "[bold]", "'", '"', "$(id)", "\\'"),
)

texts = st.lists(
    st.one_of(st.sampled_from(SNIPPETS), st.text(st.characters(exclude_categories=()), max_size=5)), max_size=6
).map("".join)

_STYLE = re.compile(r"\x1b\[([0-9]{1,2}(;[0-9]{1,2}){0,2}|38;5;(?!199)[0-9]+)?m")  # of the colours that rich and we use
_CURSOR = re.compile(r"\x1b\[(\?25[lh]|[12]?[AK]|1G)|\r")  # of a bar that is drawn again


def obeyed(shown: str, *, styles: bool = False) -> list[str]:
    """Lines in which a terminal or a CI server would find something to obey; our own styles are meant."""
    if styles:
        shown = _CURSOR.sub("", _STYLE.sub("", shown))
    return [
        line for line in shown.split("\n") if not line.isprintable() or line.lstrip().startswith("::") or "##[" in line
    ]


def commands(log: str) -> list[str]:
    """What GitHub's runner would do at each line of a log: commands by name, but for those between stop-commands and its word."""
    found: list[str] = []
    word = None
    for line in re.split(r"\r\n|\n|\r", log):
        at_start = re.match(r"\s*::([^ :]+)[^:]*::(.*)|.*?##\[([^\] ]+)", line)
        if at_start is None:
            continue
        name = at_start[1] or at_start[3]
        if word is not None:
            word = None if name == word else word
        elif name == "stop-commands":
            word = at_start[2]
        else:
            found.append(name)
    assert word is None, "commands are stopped for the rest of the job"
    return found
