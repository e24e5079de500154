import { expect, test } from 'vitest';
import type { RowContent, Window } from './protocol';
import { CHUNK, Rows } from './rows';

function answer(version: number, first: number, rows: readonly RowContent[]): Window {
  return {
    title: '',
    version,
    tabs: [],
    sheet: 0,
    rowCount: 1000,
    columnCount: 5,
    usedRows: 0,
    usedColumns: 0,
    frozenRows: 0,
    frozenColumns: 0,
    rowPixels: [],
    merges: [],
    columns: {},
    hiddenRows: [],
    locked: [],
    first,
    rows,
  };
}

const filled = (count: number, text = 'x') =>
  Array.from({ length: count }, (_, place): RowContent => [place + 1, { 0: [text, text, 'text'] }]);

test('asks for whole chunks that are missing, up to the first that is there', () => {
  const rows = new Rows().with(answer(1, CHUNK, filled(CHUNK)), 2 * CHUNK);
  expect(new Rows().missing(0, 1, 0)).toEqual([0, CHUNK]);
  expect(rows.missing(10, 3 * CHUNK, 1)).toEqual([0, CHUNK]);
  expect(rows.missing(CHUNK, 2 * CHUNK, 1)).toBeNull();
  expect(rows.has(CHUNK, 2 * CHUNK)).toBe(true);
  expect(rows.has(CHUNK, 2 * CHUNK + 1)).toBe(false);
});

test('what is older than a version is asked for again, and shown until then', () => {
  const rows = new Rows().with(answer(1, 0, filled(CHUNK)), CHUNK);
  expect(rows.missing(0, 5, 2)).toEqual([0, CHUNK]);
  expect(rows.at(3)[0]).toBe(4);
});

test('rows that didn’t change stay the same objects', () => {
  const before = new Rows().with(answer(1, 0, filled(CHUNK)), CHUNK);
  const changed = filled(CHUNK).map((row, place): RowContent => (place === 5 ? [6, {}] : row));
  const after = before.with(answer(2, 0, changed), CHUNK);
  expect(after.at(4)).toBe(before.at(4));
  expect(after.at(5)).toEqual([6, {}]);
  expect(after.missing(0, CHUNK, 2)).toBeNull();
});

test('beyond the sheet’s end there is nothing', () => {
  const rows = new Rows().with(answer(1, 0, filled(3)), CHUNK);
  expect(rows.at(3)).toEqual([0, {}]);
  expect(rows.missing(0, CHUNK, 1)).toBeNull();
});
