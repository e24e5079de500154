"""How large one operation may be. A document beyond a limit is refused before anything runs. Pure.

Each fragment is measured once, so that measuring is linear whatever a document spreads.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
)

from db.errors import LimitExceeded

MAX_TOKENS = 5_000
"""Tokens in a document."""
MAX_DEPTH = 15
"""Levels of fields, introspection aside."""
MAX_FIELDS = 2_000
"""Fields of an operation, its fragments spread."""
MAX_ROOT_FIELDS = 50
"""Fields at the top of an operation, however they are aliased."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of a selection, its fragments spread: its depth, all its fields, and the fields at its top."""

    depth: int = 0
    fields: int = 0
    top: int = 0


def refuse_large(document: DocumentNode) -> str | None:
    """What is too large about the document; None if nothing is."""
    measure = _Measure({d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)})
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        size = measure.of(definition.selection_set)
        if size.depth > MAX_DEPTH:
            return f"The operation is {size.depth} fields deep; {MAX_DEPTH} is the limit."
        if size.fields > MAX_FIELDS:
            return f"The operation has {size.fields} fields; {MAX_FIELDS} is the limit."
        if size.top > MAX_ROOT_FIELDS:
            return f"The operation has {size.top} fields at its top; {MAX_ROOT_FIELDS} is the limit: send several."
    return None


class SizeRule(ValidationRule):
    """Refuses what `refuse_large` does, as LIMIT_EXCEEDED."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        reason = refuse_large(context.document)
        if reason is not None:
            context.report_error(GraphQLError(reason, extensions={"code": LimitExceeded.code}))


class _Measure:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, Size] = {}

    def of(self, selections: SelectionSetNode | None) -> Size:
        size = Size()
        for selection in selections.selections if selections else ():
            one = self._one(selection)
            size = Size(max(size.depth, one.depth), size.fields + one.fields, size.top + one.top)
        return size

    def _one(self, selection: SelectionNode) -> Size:
        match selection:
            case FieldNode() if selection.name.value.startswith("__"):
                return Size(1, 1, 1)
            case FieldNode():
                inner = self.of(selection.selection_set)
                return Size(inner.depth + 1, inner.fields + 1, 1)
            case FragmentSpreadNode():
                return self._fragment(selection.name.value)
            case _:
                return self.of(getattr(selection, "selection_set", None))

    def _fragment(self, name: str) -> Size:
        if name not in self._known:
            # A fragment within itself, which validation refuses anyway, counts as nothing.
            self._known[name] = Size()
            fragment = self._fragments.get(name)
            self._known[name] = self.of(None if fragment is None else fragment.selection_set)
        return self._known[name]
