// Draws the cells. A cell is `[shown, entered, isNumber]`, or missing where it is empty.

const EMPTY = ["", "", false];

export class Table {
  constructor(element) {
    this.head = element.tHead;
    this.body = element.tBodies[0];
    this.shape = "";
    this.grid = null;
  }

  cell(row, column) {
    return this.grid?.rows[row]?.[column] ?? EMPTY;
  }

  element(row, column) {
    return this.body.rows[row]?.cells[column + 1];
  }

  // Shows the grid; what differs from the one before flashes, unless it is another worksheet or `own` says otherwise.
  show(grid, own) {
    const before = this.grid;
    const same = before !== null && before.sheet === grid.sheet;
    this.grid = grid;
    const shape = JSON.stringify([grid.sheet, grid.columns, grid.rows.length, grid.hiddenRows, grid.frozenRows]);
    const rebuilt = shape !== this.shape;
    if (rebuilt) this.build(grid);
    this.shape = shape;
    for (let row = 0; row < grid.rows.length; row++) {
      for (let column = 0; column < grid.columns.length; column++) {
        const [shown, , isNumber] = this.cell(row, column);
        const old = (same ? before.rows[row]?.[column] : null) ?? EMPTY;
        const changed = shown !== old[0];
        if (!changed && !rebuilt && !this.element(row, column).classList.contains("saving")) continue;
        const td = this.element(row, column);
        if (!td.querySelector("input")) td.textContent = shown;
        td.title = shown;
        td.classList.toggle("number", isNumber);
        td.classList.remove("saving");
        if (same && changed && !own.has(td.dataset.cell)) flash(td);
        own.delete(td.dataset.cell);
      }
    }
  }

  build(grid) {
    const heads = grid.columns.map((column) => header(column.letters, column.hidden));
    const corner = header("", false);
    this.head.replaceChildren(line([corner, ...heads]));
    this.body.replaceChildren(
      ...grid.rows.map((_, row) => {
        const cells = grid.columns.map((column, index) => {
          const td = document.createElement("td");
          td.dataset.cell = `${column.letters}${row + 1}`;
          td.dataset.row = String(row);
          td.dataset.column = String(index);
          td.hidden = column.hidden;
          td.setAttribute("role", "gridcell");
          td.classList.toggle("frozen", row < grid.frozenRows);
          return td;
        });
        const tr = line([header(String(row + 1), false), ...cells]);
        tr.hidden = grid.hiddenRows.includes(row);
        return tr;
      }),
    );
  }

  select(selection) {
    for (const td of this.body.querySelectorAll(".selected, .active")) {
      td.classList.remove("selected", "active");
      td.removeAttribute("aria-selected");
    }
    for (let row = selection.top; row <= selection.bottom; row++) {
      for (let column = selection.left; column <= selection.right; column++) {
        const td = this.element(row, column);
        td?.classList.add("selected");
        td?.setAttribute("aria-selected", "true");
      }
    }
    this.element(selection.active.row, selection.active.column)?.classList.add("active");
  }
}

function header(text, hidden) {
  const th = document.createElement("th");
  th.textContent = text;
  th.hidden = hidden;
  return th;
}

function line(cells) {
  const tr = document.createElement("tr");
  tr.append(...cells);
  return tr;
}

function flash(td) {
  td.classList.remove("flash");
  void td.offsetWidth; // starts the animation anew
  td.classList.add("flash");
  td.addEventListener("animationend", () => td.classList.remove("flash"), { once: true });
}
