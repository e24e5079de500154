/**
 * Keeps a subscription running over lost connections and restarts of the server. For every part of the
 * dashboard that is live. What the subscription delivers is none of its business.
 */
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import {
  type Observable,
  type SchedulerLike,
  asyncScheduler,
  concatMap,
  defer,
  merge,
  of,
  repeat,
  retry,
  tap,
  throwError,
  timer,
} from 'rxjs';

/** One message of a subscription as Apollo Client hands it out: data, or the error that ended it. */
export interface Delivery<TData> {
  readonly data?: TData | undefined;
  readonly error?: unknown;
}

export interface KeepSubscribedOptions {
  /** Called before each wait with the error (undefined: the server ended the subscription) and the wait in ms. */
  readonly onWait: (error: unknown, delayMs: number) => void;
  /** Emits when waiting longer makes no sense, such as when the browser is online again. */
  readonly wake: Observable<unknown>;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly scheduler?: SchedulerLike;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;

/** Codes that say "not now" rather than "never". */
const TRANSIENT_CODES: ReadonlySet<unknown> = new Set(['UNAVAILABLE', 'RATE_LIMITED', 'LIMIT_EXCEEDED', 'INTERNAL']);

/**
 * Subscribes to what `start` returns, and again whenever that ends. Fails only when the server refuses the
 * subscription itself, with that error.
 */
export function keepSubscribed<TData>(
  start: () => Observable<Delivery<TData>>,
  { onWait, wake, random, scheduler = asyncScheduler }: KeepSubscribedOptions,
): Observable<TData> {
  let failures = 0;
  const wait = (error: unknown) => {
    const delay = retryDelay(failures, random());
    failures += 1;
    onWait(error, delay);
    return merge(timer(delay, scheduler), wake);
  };
  return defer(start).pipe(
    concatMap(({ data, error }) => (data === undefined ? throwError(() => error) : of(data))),
    tap(() => (failures = 0)),
    retry({ delay: (error: unknown) => (isRefusal(error) ? throwError(() => error) : wait(error)) }),
    repeat({ delay: () => wait(undefined) }),
  );
}

/** Exponential, capped, with jitter so that a server's return isn't met by all its clients at once. */
export function retryDelay(failures: number, random: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
  return ceiling * (0.5 + random / 2);
}

/** Whether trying again can't help: the server has understood the operation and said no. */
export function isRefusal(error: unknown): boolean {
  if (!CombinedGraphQLErrors.is(error)) return false;
  return !error.errors.every(({ extensions }) => TRANSIENT_CODES.has(extensions?.code));
}
