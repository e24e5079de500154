import { expect, it, vi } from 'vitest';
import { coalesce } from './coalesce';

it('works on one item at a time, and again on one that was asked for meanwhile', async () => {
  const log: string[] = [];
  const gates: (() => void)[] = [];
  const request = coalesce(async (item: string) => {
    log.push(item);
    await new Promise<void>((resolve) => gates.push(resolve));
  });
  request('a');
  request('b');
  request('b');
  request('a');
  expect(log).toEqual(['a']);
  for (const expected of [['a', 'b'], ['a', 'b', 'a']]) {
    gates.shift()?.();
    await vi.waitFor(() => {
      expect(log).toEqual(expected);
    });
  }
  gates.shift()?.();
  await vi.waitFor(() => {
    request('c');
    expect(log.at(-1)).toBe('c');
  });
});
