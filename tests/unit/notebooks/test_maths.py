"""Formulas become MathML, and nothing else does."""

import time

import pytest

from bookstore.notebooks.maths import with_maths


@pytest.mark.parametrize(
    ("html", "display"),
    [
        ("<p>where $x^2$ is</p>", "inline"),
        (r"<p>where \(x^2\) is</p>", "inline"),
        ("<p>$$x^2$$</p>", "block"),
        ("<p>$$\nx^2\n$$</p>", "block"),
        (r"<p>\[x^2\]</p>", "block"),
        (r"<p>\begin{align} x^2 &amp;= 1 \\ y &amp;= 2 \end{align}</p>", "block"),
        ("<p>$a &lt; x^2$</p>", "inline"),
    ],
)
def test_formulas_become_mathml(html: str, display: str) -> None:
    shown = with_maths(html)
    assert f'display="{display}"' in shown
    assert "<msup>" in shown
    assert "$" not in shown
    assert shown.startswith("<p>")
    assert shown.endswith("</p>")


@pytest.mark.parametrize(
    "html",
    [
        "<p>costs $5 or $6</p>",
        r"<p>escaped \$x\$</p>",
        "<pre>$x$</pre>",
        "<p><code>$x$</code> &amp; text</p>",
        "<script>$x$</script>",
        '<a title="$x$">&#36;</a><br/><!-- $x$ --><IMG src="$x$">',
        "<p>no end $x",
        "<p>$\\frac{$</p>",
        "<p>not whole <",
        "$" * 3,
    ],
)
def test_what_is_no_formula_stays(html: str) -> None:
    assert with_maths(html) == html


@pytest.mark.parametrize(
    "opening",
    ["$", "$$", "$x ", r"\[", r"\(", r"\begin{align}", r"\begin{align}\begin{split}", "\\"],
)
def test_no_text_takes_much_longer_than_others(opening: str) -> None:
    def seconds(size: int) -> float:
        start = time.process_time()
        with_maths(f"<p>{opening * (size // len(opening))}</p>")
        return time.process_time() - start

    short, long = (min(seconds(size) for _ in range(3)) for size in (20_000, 320_000))
    # In a time that grew with the square, it would be 256 times as long.
    assert long < 100 * max(short, 0.001)


def test_a_formula_brings_no_markup_along() -> None:
    shown = with_maths(r"<p>$\text{&lt;img src=x onerror=alert(1)&gt;}$</p>")
    assert "<img" not in shown
