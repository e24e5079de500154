"""The schema is the contract's, documented, and committed as text."""

from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    build_schema,
    find_breaking_changes,
    find_dangerous_changes,
    is_specified_scalar_type,
)

from schema.build import sdl

ROOT = Path(__file__).parents[2]
OURS = build_schema(sdl())
CONTRACT = build_schema((ROOT / "tests" / "contract.graphql").read_text())


def test_the_exported_schema_is_current() -> None:
    assert (ROOT / "schema" / "schema.graphql").read_text() == sdl(), "python -m api schema > schema/schema.graphql"


def test_the_contract_is_kept() -> None:
    assert find_breaking_changes(CONTRACT, OURS) == []
    assert find_dangerous_changes(CONTRACT, OURS) == []


def _described() -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    for name, type_ in OURS.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(type_):
            continue
        found.append((name, type_.description))
        if isinstance(type_, GraphQLObjectType):
            for field_name, field in type_.fields.items():
                found.append((f"{name}.{field_name}", field.description))
                found += [(f"{name}.{field_name}({a})", argument.description) for a, argument in field.args.items()]
        elif isinstance(type_, GraphQLInputObjectType):
            found += [(f"{name}.{f}", field.description) for f, field in type_.fields.items()]
        elif isinstance(type_, GraphQLEnumType):
            found += [(f"{name}.{v}", value.description) for v, value in type_.values.items()]
    return found


def test_everything_is_described() -> None:
    described = _described()
    assert len(described) > 500
    assert [name for name, description in described if not description] == []
