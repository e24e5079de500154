import { describe, expect, test } from 'vitest';
import { Axis } from './axis';
import { Merges } from './merges';
import { areaOf as areaAmong, clip, enter, extend, go, isSingle, pick, select, step, tab, type Selection } from './selection';

const merges = new Merges();
const axes = { rows: new Axis(10, 20), columns: new Axis(5, 100), merges };
const hiding = { rows: new Axis(10, 20, [2]), columns: new Axis(5, 100, [1]), merges };
const areaOf = (selection: Selection) => areaAmong(selection, merges);
const at = (row: number, column: number) => select({ row, column });
const range = extend(at(1, 1), { row: 2, column: 2 });
const walk = (from: Selection, move: (selection: Selection) => Selection, times: number) => {
  const cells = [];
  for (let now = move(from); cells.length < times; now = move(now)) cells.push([now.active.row, now.active.column]);
  return cells;
};

describe('arrows', () => {
  test('move and stay within the sheet', () => {
    expect(step(at(0, 0), -1, 0, false, axes).active).toEqual({ row: 0, column: 0 });
    expect(step(at(9, 4), 1, 1, false, axes).active).toEqual({ row: 9, column: 4 });
  });
  test('step over hidden rows and columns', () => {
    expect(step(at(1, 0), 1, 0, false, hiding).active).toEqual({ row: 3, column: 0 });
    expect(step(at(1, 2), 0, -1, false, hiding).active).toEqual({ row: 1, column: 0 });
  });
  test('with Shift draw a range from its anchor, either way', () => {
    const drawn = step(step(at(3, 3), -1, 0, true, axes), 0, -1, true, axes);
    expect(areaOf(drawn)).toEqual({ top: 2, left: 2, bottom: 4, right: 4 });
    expect(drawn.active).toEqual({ row: 3, column: 3 });
  });
});

describe('Tab and Enter', () => {
  test('Enter leads below the cell where the Tabs began', () => {
    expect(enter(tab(tab(at(1, 1), 1, axes), 1, axes), 1, axes).active).toEqual({ row: 2, column: 1 });
  });
  test('another move forgets where the Tabs began', () => {
    const moved = step(tab(at(1, 1), 1, axes), 1, 0, false, axes);
    expect(enter(moved, 1, axes).active).toEqual({ row: 3, column: 2 });
  });
  test('lead through a range, by lines and by columns, and round', () => {
    expect(walk(range, (now) => tab(now, 1, axes), 4)).toEqual([[1, 2], [2, 1], [2, 2], [1, 1]]);
    expect(walk(range, (now) => enter(now, 1, axes), 4)).toEqual([[2, 1], [1, 2], [2, 2], [1, 1]]);
    expect(walk(range, (now) => tab(now, -1, axes), 2)).toEqual([[2, 2], [2, 1]]);
    expect(areaOf(tab(range, 1, axes))).toEqual(areaOf(range));
  });
  test('leave out what is hidden in a range', () => {
    const wide = extend(at(1, 0), { row: 3, column: 2 });
    expect(walk(wide, (now) => tab(now, 1, hiding), 4)).toEqual([[1, 2], [3, 0], [3, 2], [1, 0]]);
  });
});

describe('merged cells', () => {
  const merged = { top: 2, left: 1, bottom: 4, right: 3 };
  const joined = { ...axes, merges: new Merges([merged, { top: 6, left: 0, bottom: 7, right: 2 }]) };
  test('are one cell, wherever it is hit', () => {
    const hit = pick(at(0, 0), 'cell', { row: 3, column: 2 }, false, joined);
    expect(hit.active).toEqual({ row: 2, column: 1 });
    expect(areaAmong(hit, joined.merges)).toEqual(merged);
    expect(isSingle(merged, joined.merges)).toBe(true);
    expect(isSingle({ ...merged, left: 0 }, joined.merges)).toBe(false);
  });
  test('are entered and left in one step', () => {
    const inside = step(at(1, 2), 1, 0, false, joined);
    expect(inside.active).toEqual({ row: 2, column: 1 });
    expect(step(inside, 1, 0, false, joined).active).toEqual({ row: 4, column: 1 });
    expect(step(inside, 0, 1, false, joined).active).toEqual({ row: 2, column: 3 });
    expect(step(at(3, 3), 0, -1, false, joined).active).toEqual({ row: 2, column: 1 });
  });
  test('are in a range as a whole', () => {
    const drawn = step(at(1, 2), 1, 0, true, joined);
    expect(areaAmong(drawn, joined.merges)).toEqual({ top: 1, left: 1, bottom: 4, right: 3 });
    expect(walk(drawn, (now) => tab(now, 1, joined), 3)).toEqual([[2, 1], [1, 1], [1, 2]]);
  });
});

test('a jump beyond the sheet ends at its border', () => {
  expect(go(at(1, 1), { row: 99, column: -3 }, false, axes).active).toEqual({ row: 9, column: 0 });
});

test('areas that don’t meet have nothing in common', () => {
  const common = clip({ top: 5, left: 5, bottom: 8, right: 8 }, { top: 0, left: 0, bottom: 3, right: 9 });
  expect(common.bottom - common.top).toBe(0);
});
