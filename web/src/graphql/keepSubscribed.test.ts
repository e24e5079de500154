import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { NEVER, Observable, Subject, VirtualTimeScheduler, concat, from, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type Delivery, isRefusal, keepSubscribed, retryDelay } from './keepSubscribed';

const closed = new Error('Socket closed with event 1006');

function refusal(code: string): CombinedGraphQLErrors {
  return new CombinedGraphQLErrors({ errors: [{ message: code, extensions: { code } }] });
}

/** Runs the attempts one after the other in virtual time; the last stays open. */
function run(attempts: Observable<Delivery<number>>[], wake: Observable<unknown> = NEVER) {
  const scheduler = new VirtualTimeScheduler();
  const waits: [unknown, number][] = [];
  const seen: number[] = [];
  const outcome: { error?: unknown } = {};
  let started = 0;
  const subscription = keepSubscribed(() => attempts[started++] ?? NEVER, {
    onWait: (error, delay) => waits.push([error, delay]),
    wake,
    random: () => 0,
    scheduler,
  }).subscribe({
    next: (value) => seen.push(value),
    error: (error: unknown) => (outcome.error = error),
  });
  return { scheduler, waits, seen, outcome, subscription, started: () => started };
}

describe('keepSubscribed', () => {
  it('begins again after a lost connection and after an end, and waits from the start once data came', () => {
    const lost = from<Delivery<number>[]>([{ data: 1 }, { error: closed }]);
    const ended = of<Delivery<number>>({ data: 2 });
    const { scheduler, waits, seen, started } = run([lost, ended]);
    scheduler.flush();
    expect(seen).toEqual([1, 2]);
    expect(started()).toBe(3);
    expect(waits).toEqual([
      [closed, 250],
      [undefined, 250],
    ]);
  });

  it('waits longer from failure to failure', () => {
    const down = of<Delivery<number>>({ error: closed });
    const { scheduler, waits } = run([down, down, down]);
    scheduler.flush();
    expect(waits.map(([, delay]) => delay)).toEqual([250, 500, 1000]);
  });

  it('is woken from a wait', () => {
    const wake = new Subject<void>();
    const { started } = run([of({ error: closed }), concat(of({ data: 1 }), NEVER)], wake);
    expect(started()).toBe(1);
    wake.next();
    expect(started()).toBe(2);
    wake.next();
    expect(started()).toBe(2);
  });

  it('fails with the refusal when the server says no', () => {
    const no = refusal('NOT_FOUND');
    const { scheduler, outcome, started, waits } = run([of({ error: no })]);
    scheduler.flush();
    expect(outcome.error).toBe(no);
    expect(started()).toBe(1);
    expect(waits).toEqual([]);
  });

  it('starts nothing once it is left', () => {
    const { scheduler, subscription, started } = run([of({ error: closed })]);
    subscription.unsubscribe();
    scheduler.flush();
    expect(started()).toBe(1);
  });
});

it('a retry delay grows, is capped and lies in the upper half of its range', () => {
  expect([0, 1, 2, 10].map((failures) => retryDelay(failures, 0))).toEqual([250, 500, 1000, 7500]);
  expect(retryDelay(10, 1)).toBe(15_000);
});

it.each([
  ['NOT_FOUND', true],
  ['BAD_USER_INPUT', true],
  ['UNAVAILABLE', false],
  ['INTERNAL', false],
])('%s is a refusal: %s', (code, expected) => {
  expect(isRefusal(refusal(code))).toBe(expected);
});

it('a lost connection is no refusal', () => {
  expect(isRefusal(closed)).toBe(false);
});
