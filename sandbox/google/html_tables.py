"""What a copied piece of HTML holds: the texts of its tables' cells, else its lines."""

import re
from collections.abc import Iterator

from lxml import etree, html

from sandbox.workbook.errors import InvalidArgument

_ENDS_OF_LINES = ("br", "p", "div", "li", "tr")


def cells_of(text: str) -> list[list[str]]:
    """Rows of cells. What a cell spans besides its first is empty; text without a table is a column of its lines.

    Raises:
        InvalidArgument: there is nothing in it.
    """
    try:
        # As bytes, since a text may say that it is of another encoding.
        parser = html.HTMLParser(encoding="utf-8")
        root = html.fragment_fromstring(text.encode(), create_parent="div", parser=parser)
    except etree.ParserError as error:
        raise InvalidArgument(f"The HTML can't be read: {error}") from error
    rows = list(root.iter("tr"))
    if not rows:
        return [[line] for line in _text(root).split("\n") if line]
    return _laid_out(rows)


def _laid_out(rows: list[html.HtmlElement]) -> list[list[str]]:
    block: list[list[str]] = []
    spanned: set[tuple[int, int]] = set()
    for index, row in enumerate(rows):
        line: list[str] = []
        for cell in row.iterchildren("td", "th"):
            while (index, len(line)) in spanned:
                line.append("")
            wide, high = _span(cell, "colspan"), _span(cell, "rowspan")
            spanned |= {(index + down, len(line) + right) for down in range(1, high) for right in range(wide)}
            line += [_text(cell), *[""] * (wide - 1)]
        block.append(line)
    return block


def _span(cell: html.HtmlElement, name: str) -> int:
    text = cell.get(name, "1")
    return min(max(int(text), 1), 1000) if re.fullmatch(r"\d{1,4}", text) else 1


def _text(element: html.HtmlElement) -> str:
    """The text as a page shows it: white space is one space, lines end where their elements do."""
    lines = "".join(_pieces(element)).split("\n")
    return "\n".join(" ".join(line.split()) for line in lines).strip()


def _pieces(element: html.HtmlElement) -> Iterator[str]:
    yield " ".join((element.text or "").split("\n"))
    for child in element:
        if isinstance(child, html.HtmlElement) and child.tag not in ("style", "script"):
            yield from _pieces(child)
            if child.tag in _ENDS_OF_LINES:
                yield "\n"
        yield " ".join((child.tail or "").split("\n"))
