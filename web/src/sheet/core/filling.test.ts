import { expect, test } from 'vitest';
import { fillingTo } from './filling';

const selected = { top: 2, left: 2, bottom: 4, right: 4 };

test.each([
  [6, 3, { dimension: 'ROWS', length: 3, area: { top: 4, left: 2, bottom: 7, right: 4 } }],
  [0, 1, { dimension: 'ROWS', length: -2, area: { top: 0, left: 2, bottom: 2, right: 4 } }],
  [4, 6, { dimension: 'COLUMNS', length: 3, area: { top: 2, left: 4, bottom: 4, right: 7 } }],
  [3, 0, { dimension: 'COLUMNS', length: -2, area: { top: 2, left: 0, bottom: 4, right: 2 } }],
  [3, 2, null],
])('to row %i, column %i', (row, column, filling) => {
  expect(fillingTo(selected, { row, column })).toEqual(filling);
});
