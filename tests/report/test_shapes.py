from __future__ import annotations

import pytest

from biasaudit.report.charts.shapes import Shape, shapes

OPEN = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'
CIRCLE = "M4,0A4,4,0,1,1,-4,0A4,4,0,1,1,4,0"


def read(inner: str, **paints: str) -> Shape:
    return shapes(f"{OPEN}{inner}</svg>", paints={f"#{name}": paint for name, paint in paints.items()})


def test_only_known_attributes_pass() -> None:
    """A page writes what is in the tree: nothing that runs or fetches may be in it."""
    shape = read('<rect x="1" onclick="x" style="y" href="z" id="i" fill="#fff" aria-label="w"/>').children[0]
    assert shape.attributes == (("x", "1"),)
    assert read('<rect x="1" fill="#fff"/>').by_name == {"viewBox": "0 0 9 9", "fill": "#fff"}


@pytest.mark.parametrize("tag", ["script", "image", "foreignObject", "use", "style", "a"])
def test_an_element_of_another_kind_is_an_error(tag: str) -> None:
    with pytest.raises(ValueError, match=f"a chart drew <{tag}>"):
        read(f"<g><{tag}/></g>")


def test_text_stays_text_and_has_its_place() -> None:
    shape = read('<text transform="translate(1.26,2)" font-size="11px">&lt;script&gt; &amp;</text>').children[0]
    assert (shape.tag, shape.text) == ("text", "<script> &")
    assert shape.by_name == {"x": "1.3", "y": "2"}


def test_paint_is_replaced_and_text_is_not() -> None:
    shape = read('<g><text fill="#1c2530">#1c2530</text><path d="M0,0Z" stroke="#1c2530"/></g>', **{"1c2530": "ink"})
    text, path = shape.children
    assert (text.by_name["fill"], text.text, path.by_name["stroke"]) == ("ink", "#1c2530", "ink")


def test_what_all_have_in_common_is_said_once() -> None:
    """An element takes from the one around it what it does not say itself: what is seen stays the same."""
    inner = '<rect fill="#aaa" x="1"/><rect fill="#aaa" stroke="#bbb" x="2"/>'
    shape = read(f'<g transform="translate(3,4)">{inner}</g>').children[0]
    assert shape.by_name == {"transform": "translate(3,4)"}
    assert read(f'<g transform="translate(3,4)">{inner}</g>').by_name["fill"] == "#aaa"
    assert [child.by_name for child in shape.children] == [{"x": "1"}, {"stroke": "#bbb", "x": "2"}]
    different = read('<rect fill="#aaa" x="1"/><rect x="2"/>')
    assert "fill" not in different.by_name
    assert different.children[0].by_name["fill"] == "#aaa"


def test_lines_that_look_alike_are_one_and_others_are_not() -> None:
    line = '<line transform="translate({0},0)" x2="0" y2="-26" stroke="{1}"/>'
    shape = read("".join(line.format(x, colour) for x, colour in ((1, "#a"), (2, "#a"), (3, "#b"))))
    assert [(child.tag, child.by_name) for child in shape.children] == [
        ("path", {"d": "M1,0l0,-26M2,0l0,-26", "stroke": "#a"}),
        ("path", {"d": "M3,0l0,-26", "stroke": "#b"}),
    ]


def test_a_moved_symbol_becomes_a_circle_and_another_keeps_its_move() -> None:
    circle, other = read(
        f'<path transform="translate(5.55,6)" d="{CIRCLE}" opacity="1"/>'
        '<path transform="translate(1,2)" d="M0,1L2,3Z"/>'
    ).children
    assert (circle.tag, circle.by_name) == ("circle", {"cx": "5.5", "cy": "6", "r": "4"})
    assert other.by_name == {"transform": "translate(1,2)", "d": "M0,1L2,3Z"}


def test_what_shows_nothing_is_left_out() -> None:
    empty = '<g class="mark-rule"/><path class="background" d="M0,0h0Z"/><path class="foreground" d="" display="none"/>'
    assert read(f"<g>{empty}</g>").children == ()
    kept = read('<path class="background" d="M0,0h9v9Z" fill="#eee"/>')
    assert [child.by_name["d"] for child in kept.children] == ["M0,0h9v9Z"]


def test_neighbours_that_look_alike_share_a_group() -> None:
    many = "".join(f'<rect x="{x}" fill="#a"/>' for x in range(3)) + '<rect x="9" fill="#b"/>'
    group, last = read(many).children
    assert (group.tag, group.by_name, len(group.children)) == ("g", {"fill": "#a"}, 3)
    assert last.by_name == {"x": "9", "fill": "#b"}
