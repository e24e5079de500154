"""Calls of LAMBDA's helpers for an engine whose functions take values only: the LAMBDA as text, after it the values of
all that it reads from outside. Text in, text out; `sandbox.workbook.lambdas` computes it.

The texts, too, are among these values: so what is within quotes holds none, however deep such calls are nested.

>>> closed("MAP", ["A1:A9", 'LAMBDA(x,x*$B$1&"!")'])
'MAP("x|_1,_2|x*_1&_2",$B$1,"!",A1:A9)'
>>> called("LAMBDA(x,x+1)", "3")
'LET(_0,LAMBDA(x,x+1),_0(3))'
"""

import re

import formualizer

HELPERS = ("MAP", "BYROW", "BYCOL", "REDUCE", "SCAN", "MAKEARRAY")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CELL = re.compile(r"\$?[A-Za-z]{1,3}\$?[0-9]+")
# What these give depends on where a cell is, and a value has no place.
_PLACES = ("ROW(", "COLUMN(", "OFFSET(", "INDIRECT(", "CELL(", "FORMULATEXT(", "ISFORMULA(")
_MOMENTS = ("TODAY(", "NOW(")
_Token = tuple[str, str]


def closed(name: str, arguments: list[str]) -> str | None:
    """The call in the engine's words; None where its last argument is no LAMBDA, or one that asks where a cell is."""
    tokens = _tokens(arguments[-1])
    if not tokens or tokens[0][1].upper() != "LAMBDA(" or tokens[-1][1] != ")":
        return None
    parts: list[list[_Token]] = [[]]
    depth = 1
    for kind, text in tokens[1:-1]:
        depth += (kind == "Open") - (kind == "Close")
        if depth == 0:
            return None
        if depth == 1 and kind == "Arg":
            parts.append([])
        else:
            parts[-1].append((kind, text))
    *names, body = parts
    given = ["".join(text for _, text in one).strip() for one in names]
    if not all(map(_is_name, given)) or any(text.upper() in _PLACES for _, text in body):
        return None
    text, outside = _apart(body, {one.lower() for one in given} | _bound(body))
    return f'{name}("{",".join(given)}|{",".join(outside)}|{text}",{",".join([*outside.values(), *arguments[:-1]])})'


def called(function: str, arguments: str) -> str:
    """A LAMBDA and, in brackets after it, what it is called with: the engine calls only what has a name."""
    return f"LET(_0,{function},_0({arguments}))"


def _tokens(text: str) -> list[_Token]:
    """Kind and text of each token, with the spaces between them."""
    try:
        found = [(str(token.subtype), token.value) for token in formualizer.tokenize("=" + text) if token]
    except formualizer.TokenizerError:
        return []
    return found if "".join(value for _, value in found) == text else []


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and _CELL.fullmatch(text) is None


def _bound(body: list[_Token]) -> set[str]:
    """Names, in lower case, that the body itself gives to something by LET or LAMBDA."""
    found = set[str]()
    opened: list[tuple[str, int]] = []  # each call around, and at which of its arguments it is
    solid = [token for token in body if token[1].strip()]
    for before, (kind, text), after in zip([("", ""), *solid], solid, [*solid[1:], ("Close", "")], strict=False):
        if kind == "Open":
            opened.append((text.upper(), 0))
        elif kind == "Close" and opened:
            opened.pop()
        elif kind == "Arg" and opened:
            opened[-1] = (opened[-1][0], opened[-1][1] + 1)
        elif opened and before[0] in ("Open", "Arg") and after[0] == "Arg":
            call, place = opened[-1]
            if call == "LAMBDA(" or (call == "LET(" and place % 2 == 0):
                found.add(text.lower())
    return found


def _apart(body: list[_Token], own: set[str]) -> tuple[str, dict[str, str]]:
    """The body with names for all that it doesn't compute, and what these stand for."""
    text, outside, at = "", dict[str, str](), 0
    while at < len(body):
        kind, value = body[at]
        end = at + 1
        if value == "{":
            end = next((place for place in range(at, len(body)) if body[place][1] == "}"), len(body) - 1) + 1
        elif value.upper() in _MOMENTS and body[at + 1 : at + 2] == [("Close", ")")]:
            end = at + 2
        elif kind not in ("Range", "Text") or value.lower() in own:
            text += "(" if value.upper() == "ARRAYFORMULA(" else value
            at += 1
            continue
        whole = "".join(part for _, part in body[at:end])
        name = whole if _is_name(whole) else next((one for one, held in outside.items() if held == whole), "")
        name = name or f"_{len(outside) + 1}"
        outside[name] = whole
        text, at = text + name, end
    return text, outside
