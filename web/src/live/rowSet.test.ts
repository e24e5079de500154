import { describe, expect, it } from 'vitest';
import type { Change, ChangeBatch } from './changeBatch';
import { FLASH_MS, type RowSet, applyBatches, dropFlashes, emptyRowSet, rowId, stale } from './rowSet';

function batch(fields: Partial<ChangeBatch>): ChangeBatch {
  return {
    cursor: 'c1',
    committedAt: null,
    cause: null,
    actor: null,
    snapshot: false,
    reset: false,
    upToDate: false,
    changes: [],
    ...fields,
  };
}

function insert(id: number, name: string): Change {
  return { operation: 'INSERT', key: { id }, row: { id, name }, changed: ['id', 'name'] };
}

function update(id: number, name: string): Change {
  return { operation: 'UPDATE', key: { id }, row: { id, name }, changed: ['name'] };
}

function remove(id: number): Change {
  return { operation: 'DELETE', key: { id }, row: null, changed: [] };
}

const truncate: Change = { operation: 'TRUNCATE', key: null, row: null, changed: [] };

const three = applyBatches(
  emptyRowSet,
  [
    batch({ snapshot: true, changes: [insert(1, 'Ada'), insert(2, 'Bo')] }),
    batch({ snapshot: true, changes: [insert(3, 'Cy')] }),
    batch({ snapshot: true, upToDate: true }),
  ],
  0,
);

function names(set: RowSet): unknown[] {
  return set.rows.map(({ data }) => data.name);
}

/** Every way to find a row agrees with every other. */
function expectConsistent(set: RowSet): void {
  expect([...set.indexes.entries()].sort((a, b) => a[1] - b[1])).toEqual(set.rows.map(({ id }, index) => [id, index]));
  for (const id of set.flashes.keys()) expect(set.indexes.has(id)).toBe(true);
}

describe('applyBatches', () => {
  const cases: [string, ChangeBatch[], string[]][] = [
    ['inserts by key', [batch({ changes: [insert(4, 'Di'), insert(0, 'Al')] })], ['Al', 'Ada', 'Bo', 'Cy', 'Di']],
    ['updates in place', [batch({ changes: [update(2, 'Bea')] })], ['Ada', 'Bea', 'Cy']],
    ['deletes', [batch({ changes: [remove(1)] })], ['Bo', 'Cy']],
    ['truncates', [batch({ changes: [truncate] })], []],
    ['truncates, then goes on', [batch({ changes: [truncate, insert(9, 'Jo')] })], ['Jo']],
    ['changes a key as delete and insert', [batch({ changes: [remove(2), insert(7, 'Bo')] })], ['Ada', 'Cy', 'Bo']],
    ['deletes and inserts the same key', [batch({ changes: [remove(1), insert(1, 'Ann')] })], ['Ann', 'Bo', 'Cy']],
    ['deletes before a truncate', [batch({ changes: [remove(1), truncate, insert(5, 'Ed')] })], ['Ed']],
    ['takes an insert of a known key as its new state', [batch({ changes: [insert(3, 'Cyd')] })], ['Ada', 'Bo', 'Cyd']],
    ['takes an update of an unknown key as a new row', [batch({ changes: [update(8, 'Hal')] })], ['Ada', 'Bo', 'Cy', 'Hal']],
    ['ignores a delete of an unknown key', [batch({ changes: [remove(99)] })], ['Ada', 'Bo', 'Cy']],
    ['ignores an empty batch', [batch({})], ['Ada', 'Bo', 'Cy']],
    [
      'forgets everything at a reset',
      [batch({ changes: [update(1, 'Al')] }), batch({ reset: true, snapshot: true, changes: [insert(1, 'New')] })],
      ['New'],
    ],
    [
      'keeps the order of batches',
      [batch({ changes: [insert(4, 'Di')] }), batch({ changes: [remove(4)] }), batch({ changes: [insert(4, 'Dot')] })],
      ['Ada', 'Bo', 'Cy', 'Dot'],
    ],
  ];
  it.each(cases)('%s', (_what, batches, expected) => {
    const before = names(three);
    const set = applyBatches(three, batches, 1);
    expect(names(set)).toEqual(expected);
    expectConsistent(set);
    expect(names(three)).toEqual(before);
    expectConsistent(three);
  });

  it('gives the same rows whether batches come together or one by one', () => {
    const batches = cases.flatMap(([, list]) => list);
    const together = applyBatches(three, batches, 1);
    const oneByOne = batches.reduce((set, one) => applyBatches(set, [one], 1), three);
    expect(oneByOne).toEqual(together);
  });

  it('puts a snapshot in order at its end', () => {
    const chunk = applyBatches(emptyRowSet, [batch({ snapshot: true, changes: [insert(2, 'Bo'), insert(10, 'Jo')] })], 0);
    const next = applyBatches(chunk, [batch({ snapshot: true, changes: [insert(1, 'Ada')] })], 0);
    expect(names(next)).toEqual(['Bo', 'Jo', 'Ada']);
    const whole = applyBatches(next, [batch({ upToDate: true })], 0);
    expect(names(whole)).toEqual(['Ada', 'Bo', 'Jo']);
    expectConsistent(whole);
  });

  it('knows when it is up to date', () => {
    expect(three.upToDate).toBe(true);
    expect(stale(three).upToDate).toBe(false);
    expect(stale(three).rows).toBe(three.rows);
    expect(stale(emptyRowSet)).toBe(emptyRowSet);
    const behind = applyBatches(stale(three), [batch({ changes: [update(1, 'Al')] })], 1);
    expect(behind.upToDate).toBe(false);
    expect(applyBatches(behind, [batch({ upToDate: true })], 1).upToDate).toBe(true);
    expect(applyBatches(three, [batch({ reset: true })], 1).upToDate).toBe(false);
  });

  it('takes 100,000 rows in chunks', () => {
    const chunks = Array.from({ length: 100 }, (_, chunk) =>
      batch({ snapshot: true, changes: Array.from({ length: 1000 }, (_, index) => insert(chunk * 1000 + index, 'x')) }),
    );
    const set = chunks.reduce((rows, chunk) => applyBatches(rows, [chunk], 0), emptyRowSet);
    expect(set.rows.length).toBe(100_000);
    expectConsistent(set);
  });
});

describe('flashes', () => {
  it('mark the changed columns of live changes only', () => {
    expect(three.flashes.size).toBe(0);
    const set = applyBatches(three, [batch({ changes: [update(2, 'Bea'), insert(4, 'Di')] })], 10);
    expect([...set.flashes]).toEqual([
      [rowId({ id: 2 }), { at: 10, columns: ['name'] }],
      [rowId({ id: 4 }), { at: 10, columns: ['id', 'name'] }],
    ]);
  });

  it('end with time, with the row and with a truncate', () => {
    const set = applyBatches(three, [batch({ changes: [update(2, 'Bea')] })], 10);
    expect(dropFlashes(set, 10 + FLASH_MS - 1)).toBe(set);
    expect(dropFlashes(set, 10 + FLASH_MS).flashes.size).toBe(0);
    const later = applyBatches(set, [batch({ changes: [update(3, 'Cyd')] })], 10 + FLASH_MS);
    expect([...later.flashes.keys()]).toEqual([rowId({ id: 3 })]);
    expect(applyBatches(set, [batch({ changes: [remove(2)] })], 11).flashes.size).toBe(0);
    expect(applyBatches(set, [batch({ changes: [truncate] })], 11).flashes.size).toBe(0);
  });

  it('begin again when the cell changes again', () => {
    const set = applyBatches(three, [batch({ changes: [update(2, 'Bea')] })], 10);
    const again = applyBatches(set, [batch({ changes: [update(2, 'Bet')] })], 20);
    expect(again.flashes.get(rowId({ id: 2 }))).toEqual({ at: 20, columns: ['name'] });
  });
});

describe('rowId', () => {
  it('depends on the key columns and values alone', () => {
    expect(rowId({ a: 1, b: 'x' })).toBe(rowId({ b: 'x', a: 1 }));
    expect(rowId({ a: 1 })).not.toBe(rowId({ a: '1' }));
    expect(rowId({ a: 1 })).not.toBe(rowId({ b: 1 }));
    expect(rowId({ a: 'x","b' })).not.toBe(rowId({ a: 'x', b: '' }));
  });
});
