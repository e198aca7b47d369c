"""Text from the outside made safe for a terminal: steps, files and people may write anything."""

from __future__ import annotations

_HARMFUL = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)},
    **{code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))},
}


def plain(text: str) -> str:
    """`text` with terminal escapes, other controls and bidirectional overrides made visible.

    Line ends and tabs stay; lone surrogates become question marks.
    """
    return text.translate(_HARMFUL).encode("utf-8", "replace").decode("utf-8")
