"""Lists of the portal: one class says a list's columns, order, filter, files and empty state.

A page and its files come from the same columns, drawn by `components/table.html`; what is not said
here is django-tables2's (docs/decisions/0005-a-list-is-one-class.md).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar

import django_tables2
from django.core.exceptions import ObjectDoesNotExist
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.functional import Promise, cached_property
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_tables2.data import TableQuerysetData
from django_tables2.rows import BoundRow

from core import plates, sheets
from core.money import plain_yuan
from core.states import States
from core.templatetags import bowei

NOTHING = "—"

Text = str | Promise


# ── Columns ──────────────────────────────────────────────────────────────────────────────────
class Column(django_tables2.Column):
    """A text of each row: what its cell shows on the page, what its cells hold in a file.

    `of` is the way to it (`stay__berth__code`); nothing where something on the way is absent.
    `sort` is what the database orders by, for a head that sorts: an address says the column's name.
    `template` draws a cell that is more than its value; it is given `row`. As everywhere in
    django-tables2, `linkify` makes the cell a link, `visible=False` is for a column of files
    alone, and `exclude_from_export=True` for one of the page alone.
    """

    empty_values = ()  # what is absent, each kind of column shows itself
    end = False  # at the right, as sums are
    spoken = False  # its head is for those who listen only

    def __init__(
        self,
        text: Text,
        of: str = "pk",
        *,
        sort: str = "",
        template: str = "",
        empty: Text = NOTHING,
        **more: Any,
    ) -> None:
        super().__init__(text, of, order_by=sort or None, orderable=bool(sort), **more)
        self.way = of.split("__")
        self.template = template
        self.empty = empty

    def of(self, row: Any) -> Any:
        """What this column is about, of one row."""
        value = row
        for name in self.way:
            try:
                value = None if value is None else getattr(value, name)
            except ObjectDoesNotExist:
                return None
        return value

    def render(self, record: Any) -> Any:
        """The cell on the page."""
        value = self.of(record)
        return self.empty if value is None or value == "" else self.shown(value)

    def shown(self, value: Any) -> Any:
        return value

    def heads(self) -> list[str]:
        """The heads in a file, the page's own word first in each case."""
        return [str(self.verbose_name)]

    def cells(self, row: Any) -> list[Any]:
        """The cells in a file, one for each of `heads`."""
        return [self.of(row)]

    def masked_cells(self, row: Any) -> list[Any]:
        """The same for a file that names no vehicle whole."""
        return self.cells(row)


class NameColumn(Column):
    """What a row is known by."""

    def shown(self, value: Any) -> Any:
        return format_html("<strong>{}</strong>", value)


class NumberColumn(Column):
    """How many."""

    end = True


class MomentColumn(Column):
    """When something was; `style` as of `{% ago %}`."""

    def __init__(self, *args: Any, style: str = "when", **more: Any) -> None:
        super().__init__(*args, **more)
        self.style = style

    def shown(self, value: Any) -> Any:
        return bowei.ago(value, self.style)


class MoneyColumn(Column):
    """A sum in fen, shown in yuan; in a file a plain number under a head that names the unit."""

    end = True

    def shown(self, value: int) -> Any:
        return bowei.money_tag(value)

    def heads(self) -> list[str]:
        return [gettext("%(what)s (yuan)") % {"what": self.verbose_name}]

    def cells(self, row: Any) -> list[Any]:
        fen = self.of(row)
        return [None if fen is None else Decimal(plain_yuan(fen))]


class StateColumn(Column):
    """One of `states`, in its own word."""

    def __init__(self, text: Text, states: type[States], of: str = "state", **more: Any) -> None:
        super().__init__(text, of, **more)
        self.states = states

    def of(self, row: Any) -> States | None:
        value = super().of(row)
        return self.states(value) if value else None

    def shown(self, value: States) -> Any:
        return render_to_string("components/state.html", bowei.state("", value))

    def cells(self, row: Any) -> list[Any]:
        value = self.of(row)
        return [gettext(value.word) if value else None]


class ChoiceColumn(Column):
    """One of the choices of a field, in that field's words."""

    def of(self, row: Any) -> Any:
        return getattr(row, f"get_{self.way[-1]}_display")()


class PlateColumn(Column):
    """A vehicle's chip; in a file its text, and its colour as a word."""

    def __init__(self, text: Text = "", **more: Any) -> None:
        super().__init__(text or _("Plate"), "plate_text", **more)

    def render(self, record: Any, table: "Table | None" = None) -> Any:
        masked = table is None or not table.shows_whole(record)
        chip = bowei.plate(record.plate_text, record.plate_colour, masked=masked)
        return render_to_string("components/plate.html", chip)

    def heads(self) -> list[str]:
        return [*super().heads(), gettext("Colour")]

    def cells(self, row: Any) -> list[Any]:
        _look, word = bowei.PLATE_LOOKS.get(row.plate_colour, ("", row.plate_colour))
        return [row.plate_text, str(word or "")]

    def masked_cells(self, row: Any) -> list[Any]:
        return [plates.masked(row.plate_text), *self.cells(row)[1:]]


class BerthColumn(Column):
    """Where: section and berth; in a file the berth's code, which no other section has."""

    def __init__(self, text: Text, of: str = "berth", *, number: str = "number", **more: Any):
        super().__init__(text, of, **more)
        self.number = number

    def render(self, record: Any) -> Any:
        number = getattr(self.of(record), self.number)
        return format_html("<span>{} {}</span>", record.section.name, number)

    def heads(self) -> list[str]:
        return [gettext("Section"), gettext("Berth")]

    def cells(self, row: Any) -> list[Any]:
        return [row.section.name, self.of(row).code]


class MarkColumn(Column):
    """Whether something holds: `1` in a file, where it can be counted."""

    def __init__(self, text: Text, of: str = "pk") -> None:
        super().__init__(text, of, visible=False)

    def cells(self, row: Any) -> list[Any]:
        return [1 if self.of(row) else None]


class ActsColumn(Column):
    """What can be done with a row."""

    spoken = True

    def __init__(self, template: str) -> None:
        super().__init__(_("What to do"), template=template, exclude_from_export=True)


# ── Tables ───────────────────────────────────────────────────────────────────────────────────
class _Rows(TableQuerysetData):
    """What is equal stands by number, turned as the rest is, so that no row is on two pages."""

    data: QuerySet[Any]

    def order_by(self, aliases: Sequence[str]) -> None:
        super().order_by(aliases)
        if aliases:
            turned = "-" if aliases[0].startswith("-") else ""
            self.data = self.data.order_by(*self.data.query.order_by, f"{turned}pk")


class Table(django_tables2.Table):
    """One list: `rows` narrowed, ordered and paged as the request's address says.

    `name` is what its files are called by. A list beside another of its page has a Meta.prefix, for
    what is its own in the address; it stands in an element whose id is its name.
    """

    name: ClassVar[str]
    masked: ClassVar[bool] = False  # its files mask plates, unless the address says why not
    filters: ClassVar[Any] = None  # a FilterSet
    below: ClassVar[str] = ""  # the template of what stands under each row; gets `row`
    page_rows: ClassVar[int] = 50
    empty_title: ClassVar[Text] = ""
    empty_words: ClassVar[Text] = ""

    def __init__(self, request: HttpRequest, rows: QuerySet[Any], **about: Any) -> None:
        """`about` is for the filter."""
        self.filter: Any = (
            self.filters(request.GET, queryset=rows, request=request, **about)
            if self.filters
            else None
        )
        if self.filter is not None:
            rows = self.filter.qs
        asked = request.GET.get(f"{self._meta.prefix}sort", "")
        column = self.base_columns.get(asked.removeprefix("-"))
        order = asked if column is not None and column.orderable else None
        super().__init__(_Rows(rows), order_by=order)
        self.request = request

    @property
    def sort(self) -> str:
        """The order as an address says it; "" where no head sorts."""
        return str(self.order_by[0]) if self.order_by else ""

    def shows_whole(self, row: Any) -> bool:
        """Whether this row's plate stands there whole: for who reads plates on all pages, else
        where a vehicle is to be compared with it."""
        return getattr(self.request, "reads_plates", True) or self.compares(row)

    def compares(self, row: Any) -> bool:
        """Whether somebody has to compare a vehicle with this row's plate."""
        return False

    # What the page shows
    @cached_property
    def page(self) -> Page[Any]:
        pages = Paginator(self.data.data, self.page_rows)
        return pages.get_page(self.request.GET.get(f"{self.prefix}page"))

    def shown(self) -> list[BoundRow]:
        return [BoundRow(row, self) for row in self.page]

    def previous_url(self) -> str:
        return self._url(page=self.page.previous_page_number())

    def next_url(self) -> str:
        return self._url(page=self.page.next_page_number())

    def asked(self) -> list[tuple[str, str]]:
        """What the address says of the list, for a form that asks for a file of it."""
        asked = self.request.GET.items()
        return [(name, value) for name, value in asked if name != f"{self.prefix}page"]

    def files(self) -> list[tuple[str, str]]:
        """The files of this list: kind and address; none for who takes none away."""
        if not getattr(self.request, "may_export", True):
            return []
        return [(kind.upper(), self._url(export=kind)) for kind in sheets.KINDS]

    def cut(self) -> str:
        """What a file of this list has to leave out, in words; "" where it holds all."""
        count = self.page.paginator.count
        return " ".join(filter(None, (sheets.cut_text(kind, count) for kind in sheets.KINDS)))

    def _url(self, **changed: Any) -> str:
        query = self.request.GET.copy()
        query.pop(f"{self.prefix}page", None)
        for name, value in changed.items():
            query[f"{self.prefix}{name}"] = value
        place = f"#{self.name}" if self.prefix else ""
        return f"?{query.urlencode()}{place}"

    # What its files hold
    def file(self) -> sheets.File | None:
        """The file that the address asks for by `export=csv` or `export=xlsx`, if it does."""
        kind = self.request.GET.get(f"{self.prefix}export", "")
        if kind not in sheets.KINDS:
            return None
        masked = self.masked and not self.why
        return self.file_of(self.data.data, kind, self.file_name(kind), masked=masked)

    @property
    def why(self) -> str:
        """Why a file shall hold whole plates, as the address says; "" where it need not."""
        return self.request.GET.get(f"{self.prefix}why", "").strip()[:200]

    def file_name(self, kind: str) -> str:
        return sheets.taken_now(self.name, kind)

    @classmethod
    def file_of(
        cls, rows: QuerySet[Any], kind: str, name: str, *, masked: bool = False
    ) -> sheets.File:
        columns = cls.file_columns()

        def cells(row: Any) -> list[Any]:
            return [
                value
                for column in columns
                for value in (column.masked_cells(row) if masked else column.cells(row))
            ]

        return sheets.File(name, kind, cls.file_heads(), sheets.batches_of(rows, cells, kind))

    @classmethod
    def file_heads(cls) -> list[str]:
        return [head for column in cls.file_columns() for head in column.heads()]

    @classmethod
    def file_columns(cls) -> list[Any]:
        return [one for one in cls.base_columns.values() if not one.exclude_from_export]
