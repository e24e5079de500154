import { describe, expect, test } from 'vitest';
import { Merges } from './merges';
import { areaOf, extend, select, type Selection } from './selection';
import { areaAfter, cellAfter, selectionAfter, Shifts, type Shift } from './shifts';

const size = 10;
const insert = (at: number, count = 1): Shift => ({ did: 'insert', dimension: 'ROWS', size, at, count });
const remove = (at: number, count = 1): Shift => ({ did: 'delete', dimension: 'ROWS', size, at, count });
const move = (at: number, count: number, to: number): Shift => ({ did: 'move', dimension: 'ROWS', size, at, count, to });
const rows = (selection: Selection) => [selection.anchor.row, selection.corner.row, selection.active.row];
const drawn = (from: number, to: number) => extend(select({ row: from, column: 1 }), { row: to, column: 2 });

describe('a cell', () => {
  test.each([
    ['above of what is inserted', 4, insert(5), 4],
    ['where something is inserted', 4, insert(4, 2), 6],
    ['below of what is inserted', 4, insert(0, 3), 7],
    ['above of what is deleted', 4, remove(5), 4],
    ['among what is deleted', 4, remove(3, 2), null],
    ['below of what is deleted', 4, remove(1, 3), 1],
    ['that moves up', 4, move(4, 2, 1), 1],
    ['that moves down', 4, move(3, 2, 8), 7],
    ['that others move over, down', 4, move(1, 2, 8), 2],
    ['that others move over, up', 4, move(7, 2, 1), 6],
    ['beside of what moves', 4, move(5, 1, 8), 4],
  ])('%s', (_, row, shift, after) => {
    expect(cellAfter({ row, column: 1 }, shift)?.row ?? null).toBe(after);
    expect(cellAfter({ row: 1, column: row }, { ...shift, dimension: 'COLUMNS' })?.column ?? null).toBe(after);
  });
  test('stays where the other dimension shifts', () => {
    expect(cellAfter({ row: 1, column: 4 }, insert(2))).toEqual({ row: 1, column: 4 });
    expect(cellAfter({ row: 4, column: 1 }, { ...insert(2), dimension: 'COLUMNS' })).toEqual({ row: 4, column: 1 });
  });
});

describe('a selection of rows 4 to 6', () => {
  test.each([
    ['goes down', insert(3), [5, 7, 5]],
    ['goes down where it begins', insert(4), [5, 7, 5]],
    ['grows in the middle', insert(5), [4, 7, 4]],
    ['stays above', insert(7), [4, 6, 4]],
    ['goes up', remove(0, 2), [2, 4, 2]],
    ['shrinks at its beginning', remove(3, 2), [3, 4, 3]],
    ['shrinks at its end', remove(6, 3), [4, 5, 4]],
    ['stays where all of it is gone', remove(4, 3), [4, 6, 4]],
    ['stays within the sheet where all of it is gone', remove(3, 7), [2, 2, 2]],
    ['moves', move(3, 4, 1), [2, 4, 2]],
    ['is left by what moves away', move(4, 1, 9), [4, 5, 4]],
    ['takes in what moves into it', move(8, 1, 5), [4, 7, 4]],
  ])('%s', (_, shift, after) => {
    expect(rows(selectionAfter(drawn(4, 6), shift))).toEqual(after);
    const [first = 0, last = 0] = after;
    expect(rows(selectionAfter(drawn(6, 4), shift))).toEqual([last, first, last]);
  });
});

test('what is typed goes on at its cell of the range', () => {
  const within: Selection = { ...drawn(4, 6), active: { row: 5, column: 2 } };
  expect(selectionAfter(within, insert(5)).active).toEqual({ row: 6, column: 2 });
  expect(selectionAfter(within, remove(5)).active).toEqual({ row: 5, column: 2 });
  expect(selectionAfter(within, remove(5, 2)).active).toEqual({ row: 4, column: 2 });
});

test('one cell stays one', () => {
  const { anchor, corner, active } = selectionAfter(select({ row: 4, column: 1 }), insert(2));
  expect(anchor).toEqual({ row: 5, column: 1 });
  expect(corner).toBe(anchor);
  expect(active).toBe(anchor);
});

test('whole columns stay whole, and follow across', () => {
  const column = extend(select({ row: 0, column: 2 }), { row: size - 1, column: 3 });
  const area = (selection: Selection) => areaOf(selection, new Merges());
  expect(area(selectionAfter(column, insert(0)))).toEqual({ top: 0, left: 2, bottom: 11, right: 4 });
  expect(area(selectionAfter(column, remove(8, 2)))).toEqual({ top: 0, left: 2, bottom: 8, right: 4 });
  const across: Shift = { ...insert(1), dimension: 'COLUMNS' };
  expect(area(selectionAfter(column, across))).toEqual({ top: 0, left: 3, bottom: 10, right: 5 });
});

test('the column where Tabs began follows', () => {
  const run: Selection = { ...select({ row: 1, column: 4 }), home: 2 };
  expect(selectionAfter(run, { ...insert(1), dimension: 'COLUMNS' }).home).toBe(3);
  expect(selectionAfter(run, { ...remove(2), dimension: 'COLUMNS' }).home).toBeNull();
  expect(selectionAfter(run, insert(0)).home).toBe(2);
});

test('an area that is gone is none', () => {
  const area = { top: 4, left: 1, bottom: 6, right: 3 };
  expect(areaAfter(area, remove(2, 3))).toEqual({ ...area, top: 2, bottom: 3 });
  expect(areaAfter(area, remove(4, 2))).toBeNull();
});

test('what came since is asked for by worksheet', () => {
  const entry = (sheet: number) => ({ sheet, own: false, shift: insert(sheet) });
  const early = new Shifts().with([entry(1), entry(2)]);
  const late = early.with([entry(2), entry(1)]);
  expect(late.since(early.count, 1)).toEqual([entry(1)]);
  expect(late.since(0, 2)).toEqual([entry(2), entry(2)]);
  expect(late.since(late.count, 1)).toEqual([]);
  expect(early.with([])).toBe(early);
});
