"""Where in a TOML text its keys stand, so that whoever errs is shown the line.

`tomllib` reads a recipe and says where it is no TOML; where a key of a good text stands it does not
keep. This walks the same text once and notes each key. Pure.
"""

import re

Path = tuple[str | int, ...]
"""Keys and positions in lists, from the outermost: `("users", 1, "name")`."""

_TOKEN = re.compile(
    r"(?P<blank>[ \t\r]+|#[^\n]*)"
    r"|(?P<line>\n)"
    r'|(?P<string>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\')'
    r"|(?P<sign>\[\[|\]\]|[\[\]{},=.])"
    r"|(?P<word>[^\s\[\]{},=.#\"']+)"
    r"|(?P<other>.)",
    re.DOTALL,
)


def find(text: str) -> dict[Path, int]:
    """Return the line of each key; a list's members are found by the list's key and a number."""
    return _Walk(text).places


def line_of(places: dict[Path, int], path: Path) -> int:
    """Return the line of a key, or of the nearest thing around it; 1 when nothing is known."""
    while path and path not in places:
        path = path[:-1]
    return places.get(path, 1)


class _Walk:
    """One pass over a text that `tomllib` has read: its form is good."""

    def __init__(self, text: str) -> None:
        self.places: dict[Path, int] = {}
        self._line = 1
        self._table: Path = ()
        self._tables: dict[Path, int] = {}
        self._words: list[str] = []
        self._inside: list[tuple[str, Path]] = []
        """The brackets that are open, each with the path of what it holds."""
        self._header = ""
        self._at_line_start = True
        for token in _TOKEN.finditer(text):
            kind, said = token.lastgroup or "", token[0]
            if kind not in ("blank", "line"):
                self._take(kind, said)
                self._at_line_start = False
            elif kind == "line":
                self._end_line()
            self._line += said.count("\n")

    def _end_line(self) -> None:
        self._at_line_start = True
        if not any(bracket == "{" for bracket, _ in self._inside):
            self._words = []

    def _take(self, kind: str, said: str) -> None:
        if self._header:
            self._take_header(said)
        elif kind in ("word", "string") or said == ".":
            self._words += [] if said == "." else [said.strip("\"'") if kind == "string" else said]
            self._note_member()
        elif said == "=":
            path = (*self._around(), *self._words)
            self.places.setdefault(path, self._line)
            self._inside.append(("=", path))
            self._words = []
        else:
            self._take_sign(said)

    def _take_header(self, said: str) -> None:
        if said != "]" * len(self._header):
            self._words += [] if said == "." else [said.strip("\"'")]
            return
        path: Path = tuple(self._words)
        if self._header == "[[":
            number = self._tables.get(path, -1) + 1
            self._tables[path] = number
            self.places.setdefault(path, self._line)
            path = (*path, number)
        self.places.setdefault(path, self._line)
        self._table, self._words, self._header = path, [], ""

    def _take_sign(self, said: str) -> None:
        if said in ("[", "[[") and self._at_line_start and not self._is_in_brackets():
            self._inside, self._header, self._words = [], said, []
        elif said in ("[", "[["):
            for _ in said:
                self._note_member()
                self._inside.append(("[", (*self._value(), 0)))
        elif said == "{":
            self._note_member()
            self._inside.append(("{", self._value()))
        elif said in ("]", "]]", "}"):
            for _ in said:
                self._close()
        elif said == ",":
            self._drop_value()
            if self._inside and self._inside[-1][0] == "[":
                *path, number = self._inside[-1][1]
                self._inside[-1] = ("[", (*path, int(number) + 1))
        self._words = []

    def _is_in_brackets(self) -> bool:
        return any(bracket in "[{" for bracket, _ in self._inside)

    def _close(self) -> None:
        self._drop_value()
        if self._inside:
            self._inside.pop()
        if not self._is_in_brackets():
            self._inside = []

    def _drop_value(self) -> None:
        if self._inside and self._inside[-1][0] == "=":
            self._inside.pop()

    def _around(self) -> Path:
        """The path of the table in which a key stands."""
        if not self._is_in_brackets():
            self._inside = []
            return self._table
        return self._inside[-1][1]

    def _value(self) -> Path:
        """The path of the value that begins here."""
        return self._inside[-1][1] if self._inside else self._table

    def _note_member(self) -> None:
        if self._inside and self._inside[-1][0] == "[":
            self.places.setdefault(self._inside[-1][1], self._line)
