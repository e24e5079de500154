/** What can be done to the selected rows and columns, for the menus. */
import type { Action } from '../book/protocol';
import { columnLetters } from '../core/names';
import type { Area, Cell } from '../core/selection';

export interface LineAction {
  readonly group: 'insert' | 'delete' | 'sort';
  readonly label: string;
  readonly action: Action;
  readonly edit: Readonly<Record<string, unknown>>;
}

export function lineActions(sheet: number, area: Area, active: Cell): LineAction[] {
  const rows = { sheet, dimension: 'ROWS', count: area.bottom - area.top };
  const columns = { sheet, dimension: 'COLUMNS', count: area.right - area.left };
  const someRows = many(rows.count, 'row');
  const someColumns = many(columns.count, 'column');
  const letters = (index: number) => columnLetters(index);
  const letter = letters(active.column);
  return [
    { group: 'insert', label: `${someRows} above`, action: 'insert', edit: { ...rows, at: area.top } },
    { group: 'insert', label: `${someRows} below`, action: 'insert', edit: { ...rows, at: area.bottom } },
    { group: 'insert', label: `${someColumns} left`, action: 'insert', edit: { ...columns, at: area.left } },
    { group: 'insert', label: `${someColumns} right`, action: 'insert', edit: { ...columns, at: area.right } },
    {
      group: 'delete',
      label: `Row${span(area.top, area.bottom, (index) => String(index + 1))}`,
      action: 'delete',
      edit: { ...rows, at: area.top },
    },
    {
      group: 'delete',
      label: `Column${span(area.left, area.right, letters)}`,
      action: 'delete',
      edit: { ...columns, at: area.left },
    },
    { group: 'sort', label: `By column ${letter}, A to Z`, action: 'sort', edit: { sheet, column: active.column, descending: false } },
    { group: 'sort', label: `By column ${letter}, Z to A`, action: 'sort', edit: { sheet, column: active.column, descending: true } },
  ];
}

function many(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${String(count)} ${noun}s`;
}

function span(first: number, end: number, name: (index: number) => string): string {
  return end - first === 1 ? ` ${name(first)}` : `s ${name(first)} to ${name(end - 1)}`;
}
