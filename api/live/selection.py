"""What an operation selects of a batch, compiled once: each message is then built without executing GraphQL. Pure.

Only what can be taken from a result's attributes is compiled. For anything else `NotShareable` is raised, and the
operation takes the stock way; a test holds that both ways give the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLIncludeDirective,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    get_argument_values,
)
from graphql.execution.values import VariableValues
from strawberry.types.field import StrawberryField

Completer = Callable[[Any], Any]
_Key = tuple[Any, ...]


class NotShareable(Exception):
    """The operation can't be delivered together with others."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a result is made of a value. Equal keys make equal results of equal values."""

    key: _Key
    complete: Completer


@dataclass(frozen=True, slots=True)
class Selections:
    """What a document says about what is selected: its fragments, and the operation's variables."""

    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues

    def shape(self, type_: GraphQLOutputType, nodes: Sequence[FieldNode]) -> Shape:
        """Of a field of that type, given every selection of it."""
        match type_:
            case GraphQLNonNull(of_type=inner):
                shape = self.shape(inner, nodes)
                return Shape(("!", shape.key), _required(shape.complete))
            case GraphQLList(of_type=inner):
                shape = self.shape(inner, nodes)
                return Shape(("[]", shape.key), _optional(_each(shape.complete)))
            case GraphQLEnumType():
                return Shape((type_.name,), _optional(_remembered(type_.coerce_output_value)))
            case GraphQLScalarType():
                return Shape((type_.name,), _optional(type_.coerce_output_value))
            case GraphQLObjectType():
                return self._object(type_, nodes)
        raise NotShareable(str(type_))

    def collect(self, type_name: str, selections: Iterable[SelectionNode]) -> dict[str, list[FieldNode]]:
        """The fields of an object by the name that they have in the answer, in its order."""
        found: dict[str, list[FieldNode]] = {}
        self._collect(type_name, selections, found)
        return found

    def _object(self, type_: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Shape:
        selections = [each for node in nodes if node.selection_set for each in node.selection_set.selections]
        keys: list[_Key] = []
        parts: list[tuple[str, Callable[[Any], Any], Completer]] = []
        for name, fields in self.collect(type_.name, selections).items():
            if fields[0].name.value == "__typename":
                keys.append((name, "__typename"))
                parts.append((name, _constant(type_.name), _same))
                continue
            field = type_.fields[fields[0].name.value]
            shape = self.shape(field.type, fields)
            keys.append((name, fields[0].name.value, shape.key))
            parts.append((name, attrgetter(_attribute(field.extensions.get("strawberry-definition"))), shape.complete))
        return Shape((type_.name, *keys), _optional(_building(parts)))

    def _collect(self, type_name: str, selections: Iterable[SelectionNode], found: dict[str, list[FieldNode]]) -> None:
        for selection in selections:
            if not self._included(selection.directives or ()):
                continue
            match selection:
                case FieldNode():
                    name = selection.alias or selection.name
                    found.setdefault(name.value, []).append(selection)
                case FragmentSpreadNode():
                    fragment = self.fragments[selection.name.value]
                    if fragment.variable_definitions or fragment.directives:
                        raise NotShareable("a fragment with variables or directives")
                    self._collect_fragment(type_name, fragment.type_condition.name.value, fragment.selection_set, found)
                case InlineFragmentNode():
                    condition = selection.type_condition
                    name_ = type_name if condition is None else condition.name.value
                    self._collect_fragment(type_name, name_, selection.selection_set, found)
                case _:
                    raise NotShareable(selection.kind)

    def _collect_fragment(
        self, type_name: str, condition: str, selections: SelectionSetNode, found: dict[str, list[FieldNode]]
    ) -> None:
        # There are no interfaces and unions among what is shared: validation has let only the same type through.
        if condition == type_name:
            self._collect(type_name, selections.selections, found)

    def _included(self, directives: Iterable[DirectiveNode]) -> bool:
        for directive in directives:
            match directive.name.value:
                case "skip":
                    if get_argument_values(GraphQLSkipDirective, directive, self.variables)["if"]:
                        return False
                case "include":
                    if not get_argument_values(GraphQLIncludeDirective, directive, self.variables)["if"]:
                        return False
                case other:
                    raise NotShareable(f"@{other}")
        return True


def _attribute(field: object) -> str:
    """Of which attribute of its object the field is the value."""
    if not isinstance(field, StrawberryField) or field.base_resolver is not None or field.extensions:
        raise NotShareable("a field with a resolver")
    return field.python_name


def _same(value: Any) -> Any:
    return value


def _constant(value: str) -> Completer:
    return lambda _: value


def _required(complete: Completer) -> Completer:
    def completed(value: Any) -> Any:
        result = complete(value)
        if result is None:
            raise ValueError("null where the schema has none")
        return result

    return completed


def _optional(complete: Completer) -> Completer:
    return lambda value: None if value is None else complete(value)


def _each(complete: Completer) -> Completer:
    return lambda values: [complete(value) for value in values]


def _remembered(complete: Completer) -> Completer:
    known: dict[Any, Any] = {}

    def completed(value: Any) -> Any:
        if value not in known:
            known[value] = complete(value)
        return known[value]

    return completed


def _building(parts: Sequence[tuple[str, Callable[[Any], Any], Completer]]) -> Completer:
    return lambda value: {name: complete(get(value)) for name, get, complete in parts}
