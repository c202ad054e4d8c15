"""An import-linter contract: rows enter each other by their doors only (docs/architecture.md)."""

from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OneDoor(Contract):
    """No module outside a row imports anything of the row but its doors.

    `rows`: the packages guarded; `doors`: their modules (or sub-packages) that others may import;
    `open_to`: packages that may import anything.
    """

    type_name = "one_door"

    rows = fields.ListField(subfield=fields.StringField())
    doors = fields.ListField(subfield=fields.StringField())
    open_to = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        # The fields above are descriptors: what is read from an instance is the list itself.
        rows, doors = cast(list[str], self.rows), cast(list[str], self.doors)
        open_to = cast(list[str], self.open_to or [])
        wrong = sorted(
            (importer, imported, self._line(graph, importer, imported))
            for row in rows
            for imported in graph.find_descendants(row)
            if imported.split(".")[1] not in doors
            for importer in graph.find_modules_that_directly_import(imported)
            if importer.split(".")[0] not in (row, *open_to)
        )
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported, line in check.metadata["wrong"]:
            output.print_error(f"- {importer} -> {imported} (l. {line})", bold=False)
        output.new_line()

    @staticmethod
    def _line(graph: ImportGraph, importer: str, imported: str) -> int | None:
        details = graph.get_import_details(importer=importer, imported=imported)
        return details[0]["line_number"] if details else None
