"""What Sphinx is told of our code: signatures as they are written, fields with the type and the comment beside them.

Shapes and units stand where an array is named, `probs: Floats  # (n, k), rows sum to 1`; they are read there.
"""

from __future__ import annotations

import ast
import inspect
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from textwrap import dedent
from typing import NamedTuple

from docutils import nodes
from pydantic import BaseModel
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import ObjectEntry
from sphinx.environment import BuildEnvironment
from sphinx.util.inspect import stringify_signature
from sphinx.util.nodes import make_refnode

__all__ = ["Field", "fields_of", "setup", "signature_of"]


class Field(NamedTuple):
    """A field as its class states it. written: its annotation. comment: what stands behind it on its lines."""

    written: str
    comment: str


def setup(app: Sphinx) -> dict[str, object]:
    """Register with Sphinx."""
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-skip-member", _skip)
    app.connect("missing-reference", _by_last_name)
    return {"parallel_read_safe": True}


def fields_of(cls: type) -> Mapping[str, Field]:
    """{field: as written} of the class's own body; nothing where there is no source."""
    try:
        source = dedent(inspect.getsource(cls))
    except (OSError, TypeError):
        return {}
    return dict(_fields(source))


def _fields(source: str) -> Iterator[tuple[str, Field]]:
    (cls,) = ast.parse(source).body
    assert isinstance(cls, ast.ClassDef)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}
    for line in cls.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.target.id[0] != "_":
            beside = [comments[n] for n in range(line.lineno, (line.end_lineno or line.lineno) + 1) if n in comments]
            yield line.target.id, Field(ast.unparse(line.annotation), " ".join(beside))


def signature_of(held: object) -> str:
    """Parameters as the source writes them; of a data class or model their names alone, its fields say the rest."""
    signature = inspect.signature(held)  # type: ignore[arg-type]  # Sphinx hands on whatever it documents
    if inspect.isclass(held) and (is_dataclass(held) or issubclass(held, BaseModel)):
        plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        return f"({', '.join(p.name for p in plain)})"
    first = next(iter(signature.parameters), None)
    if first in ("self", "cls"):
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    return stringify_signature(signature, show_return_annotation=not inspect.isclass(held))


def _signature(
    app: Sphinx, what: str, name: str, held: object, options: object, signature: str | None, returns: str | None
) -> tuple[str, None] | None:
    if what not in ("class", "exception", "function", "method"):
        return None
    try:
        return signature_of(held), None
    except (TypeError, ValueError):
        return None


def _docstring(app: Sphinx, what: str, name: str, held: object, options: object, lines: list[str]) -> None:
    if what == "data" and lines and lines[0] == (type(held).__doc__ or "").strip().partition("\n")[0]:
        lines.clear()  # that of its type
    if isinstance(held, type) and (fields := fields_of(held)):
        lines += ["", ".. list-table::", "   :class: fields", ""]
        for field, (written, comment) in fields.items():
            lines += [f"   * - ``{field}``", f"     - ``{written}``", f"     - {comment}"]
        lines.append("")


def _skip(app: Sphinx, what: str, name: str, held: object, skip: bool, options: object) -> bool | None:
    return True if name == "model_config" or type(held).__name__ == "_tuplegetter" else None


def _by_last_name(app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.Element) -> nodes.Element | None:
    """A link to the one public name that ends so, whatever it is: signatures name types as their modules do."""
    if node.get("refdomain") != "py":
        return None
    wanted = str(node["reftarget"]).rpartition(".")[2]
    if wanted in _ELSEWHERE_ANOTHERS and not str(node.get("py:module", "")).startswith(_ELSEWHERE_ANOTHERS[wanted]):
        return None
    places = [(o.docname, o.node_id) for o in _named(env, wanted)]
    if len(places) != 1:
        return None
    docname, anchor = places[0]
    return make_refnode(app.builder, node["refdoc"], docname, anchor, shown)


def _named(env: BuildEnvironment, wanted: str) -> list[ObjectEntry]:
    objects: dict[str, ObjectEntry] = env.domaindata["py"]["objects"]
    return [entry for path, entry in objects.items() if path.rpartition(".")[2] == wanted and entry.objtype in _TOP]


_TOP = ("class", "exception", "function", "data")
_ELSEWHERE_ANOTHERS = {"Path": "experiments.monitors"}
"""{name: the only modules in which it is ours}: a path of the file system has the same name elsewhere."""
