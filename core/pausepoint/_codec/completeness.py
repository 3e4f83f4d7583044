"""
Whether a JSON Schema is the whole type: what the schema accepts, the type accepts.

Decided by a walk over pydantic's core schema that knows what is harmless and takes everything else for a no. A wrong no
costs a round trip to the workflow; a wrong yes would settle an event with a value that the type then refuses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from pydantic import BaseModel

from .prefilling import Prefilling
from .schema import EMPTY_FACTORIES

Core = Mapping[str, Any]

_SAFE_INTEGER = 2**53
_ANYWHERE = {"type", "ref", "metadata"}
_HARMLESS_UPDATES = {"title", "description", "examples", "deprecated"}
_HARMLESS_CONFIG = {"title", "extra_fields_behavior", "frozen", "from_attributes"}
_UNION_TAGS = {"pydantic_internal_union_tag_key", "pydantic_internal_union_discriminator"}


def is_complete(core: Core) -> bool:
    """Return True where every value that the type's JSON Schema accepts is accepted by the type, False in doubt."""
    return _Walk().allows(core)


class _Walk:
    """One walk: it remembers the definitions and which it has entered (a recursive type is as good as its parts)."""

    def __init__(self) -> None:
        self._definitions: dict[str, Core] = {}
        self._entered: set[str] = set()

    def allows(self, core: Core) -> bool:
        known = _KNOWN.get(core["type"])
        if core["type"] == "json-or-python":
            return self.prefilled(core)
        if known is None or not _harmless_metadata(core):
            return False
        keys, judge = known
        return set(core) <= _ANYWHERE | keys and judge(self, core)

    def all(self, cores: Sequence[Core]) -> bool:
        return all(self.allows(core) for core in cores)

    def definitions(self, core: Core) -> bool:
        self._definitions.update({found["ref"]: found for found in core["definitions"]})
        return self.allows(core["schema"])

    def reference(self, core: Core) -> bool:
        name = core["schema_ref"]
        # Yes for now: if the type is not complete elsewhere, the walk that entered it says no for all.
        if name in self._entered:
            return True
        self._entered.add(name)
        return name in self._definitions and self.allows(self._definitions[name])

    def inner(self, core: Core) -> bool:
        return self.allows(core["schema"])

    def items(self, core: Core) -> bool:
        return "items_schema" in core and self.allows(core["items_schema"])

    def set_items(self, core: Core) -> bool:
        # JSON's idea of equal items must be Python's: true is not 1 there, and floats may round onto each other.
        item = core.get("items_schema", {"type": "any"})
        return item["type"] in ("int", "str", "enum", "literal") and self.allows(item)

    def tuple(self, core: Core) -> bool:
        variadic, items = core.get("variadic_item_index"), core["items_schema"]
        # tuple[int, *tuple[str, ...], int] has no JSON Schema that says the same.
        return (variadic is None or (variadic == 0 and len(items) == 1)) and self.all(items)

    def dict(self, core: Core) -> bool:
        # Keys of any other type may turn out equal once parsed ("1" and "01"), and one value would be lost.
        keys = core.get("keys_schema", {"type": "str"})
        return keys == {"type": "str"} and self.allows(core.get("values_schema", {"type": "any"}))

    def union(self, core: Core) -> bool:
        choices = [choice[0] if isinstance(choice, tuple) else choice for choice in core["choices"]]
        return self.all(choices)

    def tagged(self, core: Core) -> bool:
        # A callable discriminator is the author's code.
        return isinstance(core["discriminator"], str) and self.all(list(core["choices"].values()))

    def default(self, core: Core) -> bool:
        # Any other factory is the author's code, which may fail where the field is left out.
        factory = core.get("default_factory")
        made = factory is None or any(factory is known for known in EMPTY_FACTORIES)
        return made and core.get("on_error", "raise") == "raise" and self.allows(core["schema"])

    def model(self, core: Core) -> bool:
        cls = core["cls"]
        # Where the author changed how the schema is written, it may promise what the type refuses.
        plain = not core.get("custom_init") and not core.get("root_model") and not core.get("post_init")
        own = getattr(cls.__get_pydantic_json_schema__, "__func__", None) is _BASE_JSON_SCHEMA
        unchanged = cls.model_config.get("json_schema_extra") is None
        return plain and own and unchanged and _harmless_config(core) and self.allows(core["schema"])

    def dataclass(self, core: Core) -> bool:
        plain = not core.get("post_init") and not hasattr(core["cls"], "__get_pydantic_json_schema__")
        extra = getattr(core["cls"], "__pydantic_config__", {}).get("json_schema_extra")
        return plain and extra is None and _harmless_config(core) and self.allows(core["schema"])

    def typed_dict(self, core: Core) -> bool:
        extra = getattr(core.get("cls"), "__pydantic_config__", {}).get("json_schema_extra")
        return extra is None and _harmless_config(core) and self.fields(core)

    def prefilled(self, core: Core) -> bool:
        # Filling in what was left out takes nothing away from what the model itself accepts.
        validator = core["json_schema"].get("function", {}).get("function")
        return isinstance(validator, Prefilling) and self.allows(core["python_schema"]["schema"])

    def fields(self, core: Core) -> bool:
        fields = core["fields"]
        return self.all(list(fields.values()) if isinstance(fields, Mapping) else fields)

    def field(self, core: Core) -> bool:
        # Of several aliases the schema names one, and an AliasPath none that a form could fill.
        alias = core.get("validation_alias")
        return (alias is None or isinstance(alias, str)) and self.allows(core["schema"])


_BASE_MISSING = getattr(Enum._missing_, "__func__", None)
_BASE_JSON_SCHEMA = getattr(BaseModel.__get_pydantic_json_schema__, "__func__", None)


def _always(_walk: _Walk, _core: Core) -> bool:
    return True


def _integer(_: _Walk, core: Core) -> bool:
    return all(type(core.get(name, 0)) is int for name in ("ge", "gt", "le", "lt", "multiple_of"))


def _float(_: _Walk, core: Core) -> bool:
    bounds = [core[name] for name in ("ge", "gt", "le", "lt") if name in core]
    # Beyond 2**53 a strict bound may be crossed by rounding: the integer is above it, its float is not.
    return all(type(bound) in (int, float) and math.isfinite(bound) and abs(bound) < _SAFE_INTEGER for bound in bounds)


def _values(values: Sequence[object]) -> bool:
    types = {type(value) for value in values}
    # For Python True is 1, for JSON it is not: a set of choices with both is left to the type.
    return types <= {str, int, bool, type(None)} and not {int, bool} <= types


def _literal(_: _Walk, core: Core) -> bool:
    return _values(core["expected"])


def _enum(_: _Walk, core: Core) -> bool:
    # An author's own _missing_ takes more than the schema lists, and may raise.
    lenient = getattr(core["cls"]._missing_, "__func__", None) is not _BASE_MISSING
    return not lenient and not core.get("missing") and _values([member.value for member in core["members"]])


def _harmless_config(core: Core) -> bool:
    return set(core.get("config", {})) <= _HARMLESS_CONFIG


def _harmless_metadata(core: Core) -> bool:
    return all(_harmless_note(name, note) for name, note in core.get("metadata", {}).items())


def _harmless_note(name: str, note: Any) -> bool:
    if name == "pydantic_js_updates":
        return set(note) <= _HARMLESS_UPDATES
    if name == "pydantic_js_functions":
        return all(_known_function(function) for function in note)
    return name in _UNION_TAGS


def _known_function(function: Any) -> bool:
    """Pydantic's own: a model's inherited classmethod, and the one that gives an enum its title."""
    if getattr(function, "__func__", None) is _BASE_JSON_SCHEMA:
        return True
    # A local function of pydantic's cannot be imported, so its place is all there is to know it by.
    place = (getattr(function, "__module__", ""), getattr(function, "__qualname__", ""))
    return place == ("pydantic._internal._generate_schema", "GenerateSchema._enum_schema.<locals>.get_json_schema")


# A key that is not listed here is a constraint that this walk has never heard of: then the answer is no. So it is for
# "str" with a pattern, which two engines of regular expressions may read differently.
_SIZES = {"min_length", "max_length", "strict", "fail_fast"}
_BOUNDS = {"ge", "gt", "le", "lt", "strict"}
_FIELD = {"schema", "validation_alias", "serialization_alias", "serialization_exclude", "frozen"}
_CLASS = {"cls", "schema", "config", "strict", "frozen", "generic_origin", "extra_behavior", "post_init"}
_Judge = Callable[[_Walk, Core], bool]
_KNOWN: dict[str, tuple[set[str], _Judge]] = {
    "any": (set(), _always),
    "none": (set(), _always),
    "bool": ({"strict"}, _always),
    "int": (_BOUNDS | {"multiple_of"}, _integer),
    "float": (_BOUNDS | {"allow_inf_nan"}, _float),
    "str": ({"min_length", "max_length", "strict"}, _always),
    "literal": ({"expected"}, _literal),
    "enum": ({"cls", "members", "sub_type", "missing", "strict"}, _enum),
    "nullable": ({"schema", "strict"}, _Walk.inner),
    "list": (_SIZES | {"items_schema"}, _Walk.items),
    "set": (_SIZES | {"items_schema"}, _Walk.set_items),
    "frozenset": (_SIZES | {"items_schema"}, _Walk.set_items),
    "tuple": (_SIZES | {"items_schema", "variadic_item_index"}, _Walk.tuple),
    "dict": (_SIZES | {"keys_schema", "values_schema"}, _Walk.dict),
    "union": ({"choices", "mode", "auto_collapse", "strict"}, _Walk.union),
    "tagged-union": ({"choices", "discriminator", "strict", "from_attributes"}, _Walk.tagged),
    "default": ({"schema", "default", "default_factory", "default_factory_takes_data", "copy_default"}, _Walk.default),
    "definitions": ({"schema", "definitions"}, _Walk.definitions),
    "definition-ref": ({"schema_ref"}, _Walk.reference),
    "model": (_CLASS | {"custom_init", "root_model"}, _Walk.model),
    "model-fields": ({"fields", "model_name", "computed_fields", "extra_behavior"}, _Walk.fields),
    "model-field": (_FIELD, _Walk.field),
    "dataclass": (_CLASS | {"fields", "slots"}, _Walk.dataclass),
    "dataclass-args": ({"fields", "dataclass_name", "computed_fields", "collect_init_only"}, _Walk.fields),
    "dataclass-field": (_FIELD | {"name", "kw_only", "init"}, _Walk.field),
    "typed-dict": ({"cls", "fields", "computed_fields", "config", "extra_behavior", "total"}, _Walk.typed_dict),
    "typed-dict-field": (_FIELD | {"required"}, _Walk.field),
}
"""By the `type` of a core schema: which other keys may be there, and what then decides."""
