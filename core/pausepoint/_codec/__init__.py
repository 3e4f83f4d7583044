"""
The codec: what a Python type looks like as JSON, and what JSON is worth as a Python value.

`answer_type(data_type)` turns a type into an `AnswerType`, which knows its JSON Schema and parses and dumps values;
`check(json_schema, value)` needs the schema alone, so that a process without the author's code can refuse bad answers.
"""

from __future__ import annotations

from .answer_type import AnswerType, answer_type
from .checking import check
from .json_text import decode_json, encode_json
from .run_input import RunInput

__all__ = ["AnswerType", "RunInput", "answer_type", "check", "decode_json", "encode_json"]
