import { expect, test } from 'vitest';
import { Outbox, type Shelf } from './outbox';
import { Refused, Unreachable, type Answer, type Edit } from './protocol';

function shelf(): Shelf {
  const items = new Map<string, string>();
  return { getItem: (key) => items.get(key) ?? null, setItem: (key, value) => void items.set(key, value) };
}

/** A sandbox that keeps what it is sent, and fails as it is told: one entry a call, null for none. */
function sandbox(failures: readonly (Error | null)[] = []) {
  const sent: Edit[] = [];
  const send = (edit: Edit): Promise<Answer> => {
    const failure = failures[sent.length] ?? null;
    sent.push(edit);
    return failure === null ? Promise.resolve({ version: sent.length }) : Promise.reject(failure);
  };
  return { sent, send };
}

const now = () => Promise.resolve();
const nothing = () => undefined;

test('edits go one after the other, in their order', async () => {
  const { sent, send } = sandbox();
  const outbox = new Outbox(send, now, nothing, shelf(), 'f', 'p');
  const outcomes = await Promise.all([outbox.add('type', { row: 1 }), outbox.add('sort', {}), outbox.add('undo', {})]);
  expect(sent.map(({ page, number, action }) => [page, number, action])).toEqual([
    ['p', 1, 'type'],
    ['p', 2, 'sort'],
    ['p', 3, 'undo'],
  ]);
  expect(outcomes).toEqual([1, 2, 3].map((version) => ({ answer: { version } })));
  expect(outbox.edits).toEqual([]);
});

test('one that can’t be delivered is sent again, under its number, before those after it', async () => {
  const { sent, send } = sandbox([new Unreachable(), new Unreachable()]);
  const outbox = new Outbox(send, now, nothing, shelf(), 'f', 'p');
  await Promise.all([outbox.add('type', {}), outbox.add('clear', {})]);
  expect(sent.map(({ number }) => number)).toEqual([1, 1, 1, 2]);
});

test('a refusal is told, and the next one goes on', async () => {
  const { send } = sandbox([new Refused('protected')]);
  const outbox = new Outbox(send, now, nothing, shelf(), 'f', 'p');
  const outcomes = await Promise.all([outbox.add('type', {}), outbox.add('type', {})]);
  expect(outcomes).toEqual([{ refusal: 'protected' }, { answer: { version: 2 } }]);
});

test('what waits outlives the page, as the edits of that page', async () => {
  const kept = shelf();
  const before = new Outbox(() => Promise.reject(new Unreachable()), () => new Promise(nothing), nothing, kept, 'f', 'one');
  void before.add('type', { row: 1 });
  void before.add('type', { row: 2 });
  const { sent, send } = sandbox();
  const after = new Outbox(send, now, nothing, kept, 'f', 'two');
  expect(after.edits).toHaveLength(2);
  await after.run();
  await after.add('type', { row: 3 });
  expect(sent.map(({ page, number, edit }) => [page, number, edit.row])).toEqual([
    ['one', 1, 1],
    ['one', 2, 2],
    ['two', 1, 3],
  ]);
  expect(new Outbox(send, now, nothing, kept, 'f', 'three').edits).toEqual([]);
});
