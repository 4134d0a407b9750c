"""Turn the formulas in a piece of HTML into MathML, which browsers show without a script."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from xml.etree.ElementTree import tostring

from latex2mathml.converter import convert_to_element

# What Jupyter's front ends take for a formula. A dollar sign before a digit ends none, so that
# there is none in "$5 and $6". A formula has no other one of its kind in it: so the time that
# matching takes does not grow faster than the text, whatever the text is.
_FORMULA = re.compile(
    r"""
    (?P<escaped> \\ [\\$] )
    | \$\$ (?P<display> (?: [^$\\] | \\. )+ ) \$\$
    | \$ (?! \s | \$ ) (?P<inline> (?: [^$\\] | \\. )+ ) (?<! \s ) \$ (?! \d )
    | \\\[ (?P<bracketed> (?: (?! \\\[ ) . )+? ) \\\]
    | \\\( (?P<parenthesised> (?: (?! \\\( ) . )+? ) \\\)
    | (?P<environment>
        \\begin\{ (?P<name> (?: equation|align|alignat|gather|multline|eqnarray|split ) \*? ) \}
        (?: (?! \\begin\{ (?P=name) \} ) . )+?
        \\end\{ (?P=name) \}
      )
    """,
    re.DOTALL | re.VERBOSE,
)
_INLINE = ("inline", "parenthesised")
_NOT_TEXT = frozenset(("code", "math", "pre", "script", "style", "svg", "textarea"))
_LONGEST = 10_000  # characters of a formula that is converted


def with_maths(html: str) -> str:
    """Replace the formulas in HTML by MathML; leave code, and what cannot be converted.

    Parameters
    ----------
    html : str
        A piece of HTML, whole or damaged.
    """
    if "$" not in html and "\\" not in html:
        return html
    parser = _Parser()
    parser.feed(html)
    parser.close()
    return parser.result


class _Parser(HTMLParser):
    """Copy HTML, and convert the formulas in its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self._done: list[str] = []
        self._text: list[str] = []  # since the last tag
        self._depth = 0  # of elements whose text is none

    @property
    def result(self) -> str:
        return "".join(self._done)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._add(self.get_starttag_text() or "")
        self._depth += tag in _NOT_TEXT

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self._add(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        self._add(f"</{tag}>")
        self._depth -= tag in _NOT_TEXT and self._depth > 0

    def handle_comment(self, data: str) -> None:
        self._add(f"<!--{data}-->")

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def handle_entityref(self, name: str) -> None:
        self._text.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._text.append(f"&#{name};")

    def close(self) -> None:
        super().close()
        self._add("")

    def _add(self, markup: str) -> None:
        text = "".join(self._text)
        self._done += [text if self._depth else _FORMULA.sub(_converted, text), markup]
        self._text.clear()


def _converted(formula: re.Match[str]) -> str:
    kind = formula.lastgroup
    if kind is None or kind == "escaped" or len(formula[0]) > _LONGEST:
        return formula[0]
    display = "inline" if kind in _INLINE else "block"
    try:
        tree = convert_to_element(unescape(formula[kind]), display=display)
    except Exception:  # whatever is damaged
        return formula[0]
    for element in tree.iter():  # it has HTML's references for what a keyboard lacks
        element.text = unescape(element.text or "")
    return tostring(tree, encoding="unicode")
