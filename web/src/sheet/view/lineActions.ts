/** What can be done to the selected rows and columns, for the menus. */
import type { Action, SheetFacts } from '../book/protocol';
import { columnLetters } from '../core/names';
import type { Area, Cell } from '../core/selection';
import type { Geometry } from './geometry';
import { linesName } from './Hidden';

export interface LineAction {
  readonly group: 'insert' | 'delete' | 'sort' | 'view';
  readonly label: string;
  readonly action: Action;
  readonly edit: Readonly<Record<string, unknown>>;
}

export function lineActions(facts: SheetFacts, at: Geometry, area: Area, active: Cell): LineAction[] {
  const { sheet } = facts;
  const rows = { sheet, dimension: 'ROWS', count: area.bottom - area.top };
  const columns = { sheet, dimension: 'COLUMNS', count: area.right - area.left };
  const someRows = many(rows.count, 'row');
  const someColumns = many(columns.count, 'column');
  const letter = columnLetters(active.column);
  const theseRows = linesName('ROWS', area.top, rows.count);
  const theseColumns = linesName('COLUMNS', area.left, columns.count);
  return [
    { group: 'insert', label: `${someRows} above`, action: 'insert', edit: { ...rows, at: area.top } },
    { group: 'insert', label: `${someRows} below`, action: 'insert', edit: { ...rows, at: area.bottom } },
    { group: 'insert', label: `${someColumns} left`, action: 'insert', edit: { ...columns, at: area.left } },
    { group: 'insert', label: `${someColumns} right`, action: 'insert', edit: { ...columns, at: area.right } },
    { group: 'delete', label: capital(theseRows), action: 'delete', edit: { ...rows, at: area.top } },
    { group: 'delete', label: capital(theseColumns), action: 'delete', edit: { ...columns, at: area.left } },
    { group: 'sort', label: `By column ${letter}, A to Z`, action: 'sort', edit: { sheet, column: active.column, descending: false } },
    { group: 'sort', label: `By column ${letter}, Z to A`, action: 'sort', edit: { sheet, column: active.column, descending: true } },
    ...viewActions(facts, at, area, theseRows, theseColumns),
  ];
}

function viewActions(facts: SheetFacts, at: Geometry, area: Area, theseRows: string, theseColumns: string): LineAction[] {
  const { sheet, frozenRows, frozenColumns } = facts;
  const lines = (label: string, dimension: string, first: number, end: number, hidden: boolean): LineAction => ({
    group: 'view',
    label,
    action: 'lines',
    edit: { sheet, dimension, at: first, count: end - first, hidden },
  });
  const freeze = (label: string, rows: number, columns: number): LineAction => ({
    group: 'view',
    label,
    action: 'freeze',
    edit: { sheet, rows, columns },
  });
  const actions: LineAction[] = [];
  if (area.bottom - area.top < at.rows.count) actions.push(lines(`Hide ${theseRows}`, 'ROWS', area.top, area.bottom, true));
  if (area.right - area.left < at.columns.count) {
    actions.push(lines(`Hide ${theseColumns}`, 'COLUMNS', area.left, area.right, true));
  }
  if (at.rows.shown < at.rows.count) actions.push(lines('Show all hidden rows', 'ROWS', 0, at.rows.count, false));
  if (at.columns.shown < at.columns.count) {
    actions.push(lines('Show all hidden columns', 'COLUMNS', 0, at.columns.count, false));
  }
  if (area.bottom < at.rows.count) actions.push(freeze(`Freeze rows up to ${String(area.bottom)}`, area.bottom, frozenColumns));
  if (area.right < at.columns.count) {
    actions.push(freeze(`Freeze columns up to ${columnLetters(area.right - 1)}`, frozenRows, area.right));
  }
  if (frozenRows > 0) actions.push(freeze('Unfreeze rows', 0, frozenColumns));
  if (frozenColumns > 0) actions.push(freeze('Unfreeze columns', frozenRows, 0));
  return actions;
}

function many(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${String(count)} ${noun}s`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
