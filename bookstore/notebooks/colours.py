"""Colour the source of cells that are compared, as editors do."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from .changes import CellChange, Line, Piece, source_of

_LONGEST = 100_000  # characters of a cell; above that its source is not coloured
# Pygments' tokens that have a colour, as they are named in its hierarchy
# (https://pygments.org/docs/tokens/).
_COLOURS = {
    "Comment": "comment",
    "Keyword": "keyword",
    "Operator.Word": "keyword",
    "Literal.String": "string",
    "Literal.Number": "number",
    "Name.Builtin": "builtin",
    "Name.Class": "name",
    "Name.Decorator": "name",
    "Name.Function": "name",
    "Generic.Heading": "keyword",
    "Generic.Subheading": "keyword",
}


def language_of(notebook: Any) -> str:
    """Return the language of a notebook's code, by its metadata; empty if that does not say."""
    metadata = notebook["metadata"]
    for field, name in (("language_info", "name"), ("kernelspec", "language")):
        described = metadata.get(field)
        if isinstance(described, dict) and isinstance(described.get(name), str):
            return str(described[name])
    return ""


def coloured_source(change: CellChange, language: str) -> list[Line]:
    """Return the two sources of a cell, line by line, with colours.

    Parameters
    ----------
    change : CellChange
    language : str
        Of code cells, as Pygments names it.
    """
    cell_type = (change.new or change.old).get("cell_type")
    lexer = {"code": language, "markdown": "markdown"}.get(cell_type, "")
    if change.kind == "same":  # folded away, so it is not worth the time
        lexer = ""
    lines = change.source
    news = list(_coloured(source_of(change.new), [line.new for line in lines], lexer))
    if change.source_is_equal:
        return [Line(new, new) for new in news]
    olds = _coloured(source_of(change.old), [line.old for line in lines], lexer)
    return [Line(old, new) for old, new in zip(olds, news, strict=True)]


def _coloured(
    source: str, lines: Sequence[list[Piece] | None], lexer: str
) -> Iterator[list[Piece] | None]:
    starts, colours = _spans(source, lexer)
    places = iter(_places(source))

    def cut(pieces: list[Piece]) -> Iterator[Piece]:
        place = next(places)
        for piece in pieces:
            end = place + len(piece.text)
            span = bisect_right(starts, place) - 1
            while place < end:
                stop = min([end, *starts[span + 1 : span + 2]])
                yield Piece(source[place:stop], piece.is_changed, colours[span])
                place, span = stop, span + 1

    for pieces in lines:
        yield None if pieces is None else list(cut(pieces))


def _places(source: str) -> Iterator[int]:
    """Yield where each line of a source begins."""
    place = 0
    for line in source.splitlines(keepends=True):
        yield place
        place += len(line)


def _spans(source: str, lexer: str) -> tuple[list[int], list[str]]:
    """Return where in a source a colour begins, and which."""
    starts, colours = [0], [""]
    if not lexer or len(source) > _LONGEST:
        return starts, colours
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        tokens = get_lexer_by_name(lexer).get_tokens_unprocessed(f"{source}\n")
    except ClassNotFound:
        return starts, colours
    for start, token, _ in tokens:
        name = ".".join(token)
        colour = next((_COLOURS[known] for known in _COLOURS if name.startswith(known)), "")
        if colour != colours[-1]:
            starts.append(start)
            colours.append(colour)
    return starts, colours
