"""SCIM filters as conditions that core can ask its tables (RFC 7644 §3.4.2.2).

Owns which attribute is compared where, of those that ``models`` publishes. What cannot be asked is refused, never answered wrongly.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from scim2_models import InvalidFilterException, Resource, ScimFilter
from scim2_models.path import (
    AttributeBinding,
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
    coerce_value,
)

from rolecall import AllOf, AnyOf, Compare, Condition, NotSo
from rolecall_scim.inbound.models import Group
from rolecall_scim.inbound.users import EMAIL_TYPE, PHONE_TYPE, code_source

ALWAYS, NEVER = AllOf(()), AnyOf(())
#: Attribute and sub-attribute of a user, by the names of the models, and what core calls it.
USER_FIELDS = {
    ("id", None): "key", ("external_id", None): "external_id", ("user_name", None): "name", ("display_name", None): "facts.displayName",
    ("user_type", None): "facts.userType", ("preferred_language", None): "language", ("active", None): "active",
    ("name", "given_name"): "first_name", ("name", "family_name"): "last_name", ("emails", "value"): "email",
    ("phone_numbers", "value"): "phone", ("meta", "created"): "created_at", ("meta", "last_modified"): "changed_at",
}  # fmt: skip
GROUP_FIELDS = {
    ("id", None): "key", ("external_id", None): "external_id", ("display_name", None): "name", ("members", "value"): "members",
    ("meta", "created"): "created_at", ("meta", "last_modified"): "changed_at",
}  # fmt: skip
#: Of the one address and the one number: where they are, and the fact with their type.
_ENTRIES = {"emails": ("email", "email", EMAIL_TYPE), "phone_numbers": ("phone", "phone", PHONE_TYPE)}


def field_of(binding: AttributeBinding, settings: Mapping[str, Any]) -> str | None:
    """Return what core calls an attribute; none where it cannot be asked for it."""
    place = (binding.field_name, binding.sub_field_name)
    if binding.field_name == "employee_number":
        return "code" if code_source(settings) == "employeeNumber" else "facts.employeeNumber"
    return (GROUP_FIELDS if binding.model is Group else USER_FIELDS).get(place)


def condition_of(found: ScimFilter[Any], model: type[Resource[Any]], settings: Mapping[str, Any]) -> Condition:
    """Return a filter as a condition over resources of one type; an attribute that the type does not have is never true.

    :raises InvalidFilterException: when it cannot be asked.
    """
    bound: ScimFilter[Any] = ScimFilter.__class_getitem__(model)(found.ast)
    return _Conditions(bound, settings).visit(bound.ast)


class _Conditions(FilterVisitor[Condition]):
    """Walks a filter that is bound to one type of resource."""

    def __init__(self, bound: ScimFilter[Any], settings: Mapping[str, Any]) -> None:
        self._bound = bound
        self._settings = settings

    def visit_comparison(self, node: Comparison) -> Condition:
        """Compare an attribute with a value."""
        binding = self._bound.resolve_comparison(node.attr_path, strict=False)
        if binding is None:
            return NEVER
        value = coerce_value(binding, node.value, node.op)
        if isinstance(value, datetime) and value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        return self._compared(binding, node.op.value, value, exact=binding.case_exact)

    def visit_present(self, node: Present) -> Condition:
        """Ask whether an attribute has a value."""
        if node.attr_path.attr.casefold() in ("name", "schemas") and node.attr_path.sub_attr is None:
            return ALWAYS  # nobody is without
        binding = self._bound.resolve_comparison(node.attr_path, strict=False) if node.attr_path.attr.casefold() != "meta" else None
        if binding is None:
            return ALWAYS if node.attr_path.attr.casefold() == "meta" else NEVER
        return self._compared(binding, "pr", None)

    def visit_not(self, node: Not) -> Condition:
        """True where the inner one is not."""
        return NotSo(self.visit(node.expr))

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        """All or any of several."""
        terms = tuple(self.visit(each) for each in node.terms)
        return AllOf(terms) if node.op == LogicalOperator.and_ else AnyOf(terms)

    def visit_value_path(self, node: ValuePath) -> Condition:
        """Conditions on one value of several: there is but one address and one number, so it is that; of groups a member."""
        inner = self.visit(_within(node.attr_path, node.val_filter))
        if node.attr_path.attr.casefold() == "members":
            if isinstance(node.val_filter, Comparison) and node.val_filter.op == CompareOperator.eq:
                return inner
            raise InvalidFilterException(detail="Members can only be looked for by value eq.")
        return AllOf((self.visit(Present(node.attr_path)), inner))

    def _compared(self, binding: AttributeBinding, operator: str, value: Any, *, exact: bool = False) -> Condition:
        def asked(field: str) -> Condition:
            return Compare(field, operator, value, exact=exact)

        field = field_of(binding, self._settings)
        if field == "language":
            # What is no language is kept beside it, so at most one of the two has a value.
            both = (asked(field), asked("facts.preferredLanguage"))
            return AllOf(both) if (operator == "ne") != (value is None and operator != "pr") else AnyOf(both)
        if field is not None:
            return asked(field)
        entry = _ENTRIES.get(binding.field_name)
        if entry is None:
            raise InvalidFilterException(detail=f"It is not possible to filter by {binding.urn.rpartition(':')[2]}.")
        return _of_entry(*entry, binding.sub_field_name, asked, operator, value)


def _of_entry(
    there: str, fact: str, default: str, part: str | None, asked: Callable[[str], Condition], operator: str, value: Any
) -> Condition:
    """A comparison of the type of the one address or number, or of whether it is the primary one; unequal is also who has none."""
    has = Compare(there, "pr")
    if value is None and operator in ("eq", "ne"):
        return has if operator == "ne" else NotSo(has)
    if part == "type":
        known = Compare(f"facts.{fact}Type", "pr")
        kind: Condition = AnyOf((AllOf((known, asked(f"facts.{fact}Type"))), AllOf((NotSo(known), _constant(default, operator, value)))))
    else:
        other = Compare(f"facts.{fact}Primary", "eq", "no")
        kind = AnyOf((AllOf((other, _constant(False, operator, value))), AllOf((NotSo(other), _constant(True, operator, value)))))
    return AnyOf((NotSo(has), kind)) if operator == "ne" else AllOf((has, kind))


def _constant(actual: str | bool, operator: str, value: Any) -> Condition:
    """A comparison of what is the same for everybody it is asked about."""
    if operator == "pr":
        return ALWAYS
    if isinstance(actual, bool):
        return ALWAYS if (actual == value) == (operator == "eq") else NEVER
    mine, other = actual.casefold(), str(value).casefold()
    compared = {
        "eq": mine == other, "ne": mine != other, "co": other in mine, "sw": mine.startswith(other), "ew": mine.endswith(other),
        "gt": mine > other, "ge": mine >= other, "lt": mine < other, "le": mine <= other,
    }  # fmt: skip
    return ALWAYS if compared[operator] else NEVER


def _within(path: AttrPath, node: FilterNode) -> FilterNode:
    """A filter inside brackets as one over the whole resource."""
    if isinstance(node, Comparison):
        return Comparison(AttrPath(attr=path.attr, sub_attr=node.attr_path.attr, uri=path.uri), node.op, node.value)
    if isinstance(node, Present):
        return Present(AttrPath(attr=path.attr, sub_attr=node.attr_path.attr, uri=path.uri))
    if isinstance(node, Not):
        return Not(_within(path, node.expr))
    if isinstance(node, LogicalExpr):
        return LogicalExpr(op=node.op, terms=tuple(_within(path, each) for each in node.terms))
    raise InvalidFilterException(detail="Brackets inside brackets cannot be asked.")
