"""Lines of cells in a text, as CSV and TSV files have them."""

import csv
import io

from sandbox.workbook.errors import InvalidArgument

# A cell that is too long is refused where it is written; the reader itself would stop long before a file's end.
csv.field_size_limit(2**31 - 1)


def read_lines(text: str, delimiter: str) -> list[list[str]]:
    """The cells of each line, whatever its end is.

    Raises:
        InvalidArgument: the delimiter can't be one, or the text can't be read.
    """
    try:
        return list(csv.reader(io.StringIO(text, newline=None), delimiter=delimiter))
    except (csv.Error, ValueError) as error:
        raise InvalidArgument(f"The text can't be read: {error}.") from error
