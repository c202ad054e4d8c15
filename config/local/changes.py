"""Single-point changes of a source file, to ask whether any test notices. Pure.

A point is one place where one thing is otherwise: a comparison that takes its boundary or leaves
it, a condition without one of its parts, an entry in the trail that is not written, a lock not
taken, a transaction not opened.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

COMPARED = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
COUNTED = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+"}
NARROWING = ("filter", "exclude", "get", "Q")
UNSEEN = ("log", "logger", "warnings")  # what these say is no behaviour
SQL_PART = re.compile(r"^\s*(AND|OR)\b[^\n]*$", re.MULTILINE)
SQL_LOCK = re.compile(r" FOR (NO KEY )?UPDATE\b( SKIP LOCKED)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One possible change: `old` at byte `start` of the file becomes `new`; lines count from 1."""

    path: str
    line: int
    kind: str
    start: int
    old: str
    new: str

    def applied(self, source: bytes) -> bytes:
        """The file with this change. Raises ValueError for another file than the point's."""
        old = self.old.encode()
        if source[self.start : self.start + len(old)] != old:
            raise ValueError(f"{self.path} is not the file that this change was made for")
        return source[: self.start] + self.new.encode() + source[self.start + len(old) :]

    def compiles(self, source: bytes) -> bool:
        """Whether this file with the change is Python still."""
        try:
            ast.parse(self.applied(source))
        except SyntaxError:
            return False
        return True

    def __str__(self) -> str:
        def short(text: str) -> str:
            line = " ".join(text.split())
            return line if len(line) <= 70 else line[:69] + "…"

        return f"{self.path}:{self.line} {self.kind}: {short(self.old)} → {short(self.new) or '∅'}"


def points_of(source: bytes, path: str) -> list[Point]:
    """Every point of this file, in order; of a few the change does not compile."""
    found = sorted(_Places(source, path).points(), key=lambda one: (one.start, one.kind, one.new))
    return list(dict.fromkeys(found))


class _Places:
    def __init__(self, source: bytes, path: str) -> None:
        self.source, self.path = source, path
        self.lines = [0]
        for line in source.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))

    def points(self) -> Iterator[Point]:
        for node in self._seen(ast.parse(self.source)):
            yield from self._of(node)

    def _seen(self, node: ast.AST) -> Iterator[ast.AST]:
        """What decides something: no annotations, docstrings, assertions, log lines, `Meta`,
        doors (`__all__`), decorators that only shape a class."""
        if isinstance(node, ast.Assert | ast.Import | ast.ImportFrom | ast.Raise):
            return
        if isinstance(node, ast.ClassDef) and node.name == "Meta":
            return
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("Literal"):
            return
        if isinstance(node, ast.Expr):
            if isinstance(node.value, ast.Constant):
                return
            if isinstance(node.value, ast.Call) and _called(node.value).split(".")[0] in UNSEEN:
                return
        yield node
        unpacked = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple)
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "type_params") or (unpacked and name == "value"):
                continue  # one value less to unpack would only stop the import
            if name == "decorator_list" and isinstance(node, ast.ClassDef):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from self._seen(child)

    def _of(self, node: ast.AST) -> Iterator[Point]:
        match node:
            case ast.BoolOp(values=values):
                for part in values:
                    rest = [one for one in values if one is not part]
                    word = " and " if isinstance(node.op, ast.And) else " or "
                    text = word.join(f"({self._text(one)})" for one in rest)
                    yield self._point("a part of the condition is left out", node, f"({text})")
            case ast.Compare(ops=[op], left=left, comparators=[right]) if type(op) in COMPARED:
                text = f"({self._text(left)} {COMPARED[type(op)]} {self._text(right)})"
                yield self._point("compared otherwise", node, text)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield self._point("not negated", node, f"({self._text(operand)})")
            case ast.IfExp(body=body, orelse=orelse):
                yield self._point("always the first", node, f"({self._text(body)})")
                yield self._point("always the second", node, f"({self._text(orelse)})")
            case ast.If(test=test):
                yield self._point("never taken", test, "False")
            case ast.BinOp(op=op, left=left, right=right) if type(op) in COUNTED:
                if not any(isinstance(one, ast.JoinedStr) for one in (left, right)):
                    text = f"({self._text(left)} {COUNTED[type(op)]} {self._text(right)})"
                    yield self._point("counted otherwise", node, text)
            case ast.Constant(value=bool(value)):
                yield self._point("the other truth", node, str(not value))
            case ast.Constant(value=int(value)):
                yield self._point("one more", node, str(value + 1))
            case ast.Constant(value=str(value)) if re.search(r"\b(SELECT|UPDATE|WHERE)\b", value):
                yield from self._sql(node)
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                if len(elements) > 1 and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                    yield from self._shorter(node, elements)
            case ast.Expr(value=ast.Call() as call):
                yield self._point(f"{_called(call)} is not called", node, "pass")
            case ast.Call(func=ast.Attribute(attr="lock"), args=[rows, *_]):
                if _called(node).endswith("locks.lock"):
                    yield self._point("no lock", node, f"list({self._text(rows)})")
            case ast.Call(func=ast.Attribute(attr="select_for_update", value=rows)):
                yield self._point("no lock", node, self._text(rows))
            case ast.With(items=[ast.withitem(context_expr=ast.Call() as block)]):
                if _called(block) == "transaction.atomic":
                    start, end = self._start(node), self._end(block)
                    yield self._at("no transaction", node.lineno, start, end, "if True")
            case ast.Call(keywords=keywords) if _called(node).split(".")[-1] in NARROWING:
                if len(keywords) + len(node.args) > 1:
                    yield from self._wider(node, keywords)
            case ast.Call(keywords=keywords):
                for told in keywords:
                    if told.arg == "event":
                        yield from self._without(told, "no event")
            case ast.FunctionDef(decorator_list=decorators):
                for one in decorators:
                    if self._text(one).startswith("transaction.atomic"):
                        start = self._start(one) - 1
                        end = self._end(one)
                        yield self._at("no transaction", one.lineno, start, end, "")

    def _shorter(self, node: ast.expr, elements: list[ast.expr]) -> Iterator[Point]:
        whole = self._text(node)
        opening, closing = (whole[0], whole[-1]) if whole[0] in "([{" else ("(", ")")
        for left_out in elements:
            rest = [self._text(one) for one in elements if one is not left_out]
            comma = "," if isinstance(node, ast.Tuple) and len(rest) == 1 else ""
            text = f"{opening}{', '.join(rest)}{comma}{closing}"
            yield self._point(f"without {self._text(left_out)[:40]}", node, text)

    def _wider(self, node: ast.Call, keywords: list[ast.keyword]) -> Iterator[Point]:
        for left_out in keywords:
            if left_out.arg is None or left_out.arg == "defaults":
                continue
            yield from self._without(left_out, f"without {left_out.arg}")

    def _without(self, left_out: ast.keyword, kind: str) -> Iterator[Point]:
        """The call with one keyword less, and the comma that it needs no more."""
        start, end = self._start(left_out), self._end(left_out)
        if after := re.match(rb"\s*,", self.source[end:]):
            end += after.end()
        elif before := re.search(rb",\s*$", self.source[:start]):
            start = before.start()
        yield self._at(kind, left_out.lineno, start, end, "")

    def _sql(self, node: ast.Constant) -> Iterator[Point]:
        text, start = self._text(node), self._start(node)
        for kind, pattern in (("without this part", SQL_PART), ("no lock", SQL_LOCK)):
            for part in pattern.finditer(text):
                at = start + len(text[: part.start()].encode())
                line = node.lineno + text[: part.start()].count("\n")
                yield self._at(kind, line, at, at + len(part.group().encode()), "")

    def _point(self, kind: str, node: ast.expr | ast.stmt, new: str) -> Point:
        return self._at(kind, node.lineno, self._start(node), self._end(node), new)

    def _at(self, kind: str, line: int, start: int, end: int, new: str) -> Point:
        old = self.source[start:end].decode()
        return Point(path=self.path, line=line, kind=kind, start=start, old=old, new=new)

    def _start(self, node: ast.expr | ast.stmt | ast.keyword) -> int:
        return self.lines[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr | ast.stmt | ast.keyword) -> int:
        assert node.end_lineno is not None and node.end_col_offset is not None  # parsed from text
        return self.lines[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        return self.source[self._start(node) : self._end(node)].decode()


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func)
