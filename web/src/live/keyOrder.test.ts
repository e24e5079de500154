import { expect, it } from 'vitest';
import { compareKeys } from './keyOrder';

it.each([
  ['numbers', [[-2], [9], [10], [10.5]]],
  ['large numbers sent as text', [['9'], ['10'], ['9007199254740993'], ['9007199254740994']]],
  ['text', [['0006-FI'], ['0012-LA'], ['a 9'], ['a 10'], ['b']]],
  ['several columns', [['a', 2], ['a', 10], ['b', 1]]],
  ['booleans', [[false], [true]]],
])('puts %s in order', (_what, keys) => {
  expect(keys.toReversed().sort(compareKeys)).toEqual(keys);
  expect(compareKeys(keys[0] ?? [], keys[0] ?? [])).toBe(0);
});
