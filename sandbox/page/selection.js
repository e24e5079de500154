// Which cells are selected: an active cell, and the corner that a range was drawn to.

export class Selection {
  active = { row: 0, column: 0 };
  corner = { row: 0, column: 0 };

  get top() { return Math.min(this.active.row, this.corner.row); }
  get bottom() { return Math.max(this.active.row, this.corner.row); }
  get left() { return Math.min(this.active.column, this.corner.column); }
  get right() { return Math.max(this.active.column, this.corner.column); }

  holds(row, column) {
    return row >= this.top && row <= this.bottom && column >= this.left && column <= this.right;
  }

  // Goes to a cell; with `extend` only the far corner goes. Stays within `height` and `width`.
  to(row, column, extend, height, width) {
    const cell = {
      row: Math.max(0, Math.min(row, height - 1)),
      column: Math.max(0, Math.min(column, width - 1)),
    };
    this.corner = cell;
    if (!extend) this.active = cell;
  }
}
