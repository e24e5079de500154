import { expect, test } from 'vitest';
import { areaName, cellName, columnLetters } from './names';

test('columns are lettered as in any spreadsheet', () => {
  expect([0, 25, 26, 51, 52, 701, 702, 18277].map(columnLetters)).toEqual(['A', 'Z', 'AA', 'AZ', 'BA', 'ZZ', 'AAA', 'ZZZ']);
});

test('cells and areas have names', () => {
  expect(cellName(0, 27)).toBe('AB1');
  expect(areaName({ top: 1, left: 1, bottom: 2, right: 2 })).toBe('B2');
  expect(areaName({ top: 1, left: 1, bottom: 9, right: 4 })).toBe('B2:D9');
});
