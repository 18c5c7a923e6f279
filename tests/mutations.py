"""Small faults for `tests/mutants.py`: what one slip of the keyboard makes of a line of Python."""

from __future__ import annotations

import ast
import copy
import dataclasses
from collections.abc import Iterator

_OTHER_OPERATOR: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
_PAIRS = (
    ("all", "any"),
    ("max", "min"),
    ("maximum", "minimum"),
    ("reduce_all", "reduce_any"),
    ("reduce_max", "reduce_min"),
    ("reduce_sum", "reduce_mean"),
    ("sum", "mean"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("sin", "cos"),
    ("floor", "ceil"),
    ("argmax", "argmin"),
)
_OTHER_NAME = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}

# Arguments that change no result: `strict` of `zip`, where the lists are of one length, and `copy`
# of `astype`.
_SAME = ("strict", "copy")


@dataclasses.dataclass(frozen=True)
class Mutation:
    """One fault.

    Attributes:
        line: where it is.
        function: qualified name of the function around it; empty at the top of the module.
        change: the fault in words.
        index: its number in the module.
    """

    line: int
    function: str
    change: str
    index: int


def mutations(source: str) -> list[Mutation]:
    """Return every fault that `mutated` can make in a module."""
    walker = _Walker(None)
    walker.visit(ast.parse(source))
    return walker.found


def mutated(source: str, index: int) -> ast.Module:
    """Return the module with one fault."""
    walker = _Walker(index)
    tree = walker.visit(ast.parse(source))
    return ast.fix_missing_locations(tree)


class _Walker(ast.NodeTransformer):
    """Counts the faults of a module in the order of the tree, and makes the one at `index`."""

    def __init__(self, index: int | None):
        self.index = index
        self.found: list[Mutation] = []
        self._scopes: list[tuple[str, bool]] = []  # name, and whether it is a function

    def visit(self, node: ast.AST) -> ast.AST | list[ast.AST]:
        if self._is_left_out(node):
            return node
        result: ast.AST | list[ast.AST] = node
        for change, replacement in _faults(node):
            if len(self.found) == self.index:
                result = replacement
            line = getattr(node, "lineno", 0)
            self.found.append(Mutation(line, self._function(), change, len(self.found)))
        if result is not node:
            return result
        return self._inside(node)

    def _inside(self, node: ast.AST) -> ast.AST:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            self._scopes.append((node.name, isinstance(node, ast.FunctionDef)))
            node.body = self._all(node.body)
            if isinstance(node, ast.FunctionDef):
                node.args = self.visit(node.args)
            self._scopes.pop()
        elif isinstance(node, ast.AnnAssign):
            if node.value:
                node.value = self.visit(node.value)
        elif isinstance(node, ast.arguments):
            node.defaults = self._all(node.defaults)
            node.kw_defaults = [d and self.visit(d) for d in node.kw_defaults]
        else:
            self.generic_visit(node)
        return node

    def _all(self, nodes: list) -> list:
        result = []
        for node in nodes:
            new = self.visit(node)
            result += new if isinstance(new, list) else [new]
        return result

    def _function(self) -> str:
        """Name the innermost function that the profile of the tests knows."""
        names = [name for name, _ in self._scopes]
        last = max(
            (i for i, (_, is_function) in enumerate(self._scopes) if is_function), default=-1
        )
        return ".".join(names[: last + 1])

    def _is_left_out(self, node: ast.AST) -> bool:
        """Return whether a part is text, types, public names, or an argument of `_SAME`."""
        if isinstance(node, (ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom)):
            return True
        if isinstance(node, ast.keyword):
            return node.arg in _SAME
        if isinstance(node, ast.Assign):
            return any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        return is_text or is_types


def _faults(node: ast.AST) -> Iterator[tuple[str, ast.AST | list[ast.AST]]]:
    """Yield every fault of a node itself, in words and as its replacement."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield from _swapped(node, node.ops[0], lambda new, op: new.ops.__setitem__(0, op))
    elif isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)) and not _is_text_or_type(node):
        yield from _swapped(node, node.op, lambda new, op: setattr(new, "op", op))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield f"{type(node.op).__name__} gone", node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
        value = node.value
        other = (not value) if isinstance(value, bool) else (2 * value or 1.0)
        if isinstance(value, int) and not isinstance(value, bool):
            other = value + 1
        yield f"{value} -> {other}", ast.Constant(other)
    elif isinstance(node, ast.Call):
        yield from _faults_of_call(node)
    elif isinstance(node, (ast.If, ast.IfExp)):
        new = copy.copy(node)
        new.test = ast.Constant(False)
        yield f"never: {ast.unparse(node.test)}", new
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield f"gone: {ast.unparse(node)}", ast.Pass()
    elif isinstance(node, ast.With) and not any(item.optional_vars for item in node.items):
        yield f"gone: with {ast.unparse(node.items[0])}", node.body


def _swapped(node, operator, put) -> Iterator[tuple[str, ast.AST]]:
    other = _OTHER_OPERATOR.get(type(operator))
    if other is not None:
        new = copy.deepcopy(node)
        put(new, other())
        yield f"{type(operator).__name__} -> {other.__name__}", new


def _faults_of_call(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    name = getattr(node.func, "attr", getattr(node.func, "id", None))
    if name in _OTHER_NAME:
        new = copy.deepcopy(node)
        setattr(
            new.func, "attr" if isinstance(node.func, ast.Attribute) else "id", _OTHER_NAME[name]
        )
        yield f"{name} -> {_OTHER_NAME[name]}", new
    for i, keyword in enumerate(node.keywords):
        if keyword.arg is not None and keyword.arg not in _SAME:
            new = copy.deepcopy(node)
            del new.keywords[i]
            yield f"{keyword.arg}={ast.unparse(keyword.value)} gone", new


def _is_text_or_type(node: ast.AST) -> bool:
    """Return whether a binary operation joins strings or types."""
    if not isinstance(node, ast.BinOp):
        return False
    leaves = [leaf for leaf in ast.walk(node) if isinstance(leaf, (ast.JoinedStr, ast.Constant))]
    return any(
        isinstance(leaf, ast.JoinedStr) or isinstance(getattr(leaf, "value", 0), str | None)
        for leaf in leaves
    )
