"""The colours of a page by day and by night, and which are read on which: each pair has a contrast of 4.5 at least."""

LIGHT = {
    "fg": "#1c1e21",
    "dim": "#585f6a",
    "bg": "#ffffff",
    "card": "#f5f6f8",
    "line": "#d3d7dd",
    "ok": "#146c43",
    "bad": "#b3261e",
    "maybe": "#7a5200",
    "forward": "#9a4a00",
    "central": "#1b62a5",
    "link": "#1b62a5",
    "ink": "#16181c",
    "right": "#a5dfc1",
    "some": "#f7dc85",
    "more": "#f3ae6d",
    "most": "#ee938a",
    "none": "#d3b9ee",
}
DARK = {
    "fg": "#e8eaed",
    "dim": "#a6adb8",
    "bg": "#16181c",
    "card": "#1f2227",
    "line": "#3d434c",
    "ok": "#5cc795",
    "bad": "#ff8a80",
    "maybe": "#e3b341",
    "forward": "#f0a35a",
    "central": "#79b8f3",
    "link": "#79b8f3",
    "ink": "#ffffff",
    "right": "#1d6044",
    "some": "#6b5310",
    "more": "#804410",
    "most": "#962f29",
    "none": "#5b3a88",
}
CELLS = ("right", "some", "more", "most", "none")  # of a heat map
GROUNDS = ("bg", "card")
TEXTS = ("fg", "dim", "ok", "bad", "maybe", "forward", "central", "link")
READ_ON = tuple((text, ground) for text in TEXTS for ground in GROUNDS) + tuple(("ink", cell) for cell in CELLS)


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, as WCAG 2 defines it."""
    linear = [_linear(int(colour[k : k + 2], 16) / 255) for k in (1, 3, 5)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
