"""One table of a benchmark, for people and for machines."""
import dataclasses
import json


def seconds(value):
    for unit, size in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size or unit == "us":
            return f"{value / size:.3g} {unit}"


def kilobytes(value):
    return f"{value / 1000:.1f} KB"


def rate(value):
    return f"{value:,.0f}/s"


def count(value):
    return f"{value:g}"


def whole(value):
    return f"{value:,.0f}"


def hundredths(value):
    return f"{value:.2f}"


def megabytes(value):
    return f"{value / 1e6:.1f} MB"


@dataclasses.dataclass
class Line:
    title: str        # indented for the table
    row: str          # its name for machines
    unit: object      # how a value is written
    values: list      # in the order of the columns; None: not measured
    target: str = None
    met: bool = None  # None: there is no target

    def shown(self, beside):
        ours, other = self.values[0], self.values[beside]
        return [self.title, *("" if value is None else self.unit(value) for value in self.values),
                f"{ours / other:.2f}x" if ours and other else "", self.target or "", {True: "yes", False: "NO"}.get(self.met, "")]

    def told(self, columns):
        told = {"measure": self.title.strip(), "row": self.row, **dict(zip(columns, self.values)), "target": self.target}
        return told if self.met is None else {**told, "met": self.met}


def missed(lines):
    return sum(line.met is False for line in lines)


def as_json(name, lines, columns, **about):
    rows = [line.told(columns) for line in lines]
    return json.dumps({"benchmark": name, **about, "missed": missed(lines), "rows": rows}, indent=1)


def as_text(lines, columns, beside):
    table = [["", *columns, f"of {beside}", "target", "met"]] + [line.shown(columns.index(beside)) for line in lines]
    widths = [max(len(shown[i]) for shown in table) for i in range(len(table[0]))]
    left = (0, len(columns) + 2)
    return "\n".join("  ".join(cell.ljust(width) if i in left else cell.rjust(width)
                                for i, (cell, width) in enumerate(zip(shown, widths))).rstrip() for shown in table)
