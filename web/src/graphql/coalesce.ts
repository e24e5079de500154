/**
 * Makes many requests for the same work few: one item is worked on at a time, and an item that is asked for
 * while it waits is worked on once. One asked for while it is being worked on is worked on again, since the
 * work may have begun too early to see what the request was about.
 */
export function coalesce<TItem>(work: (item: TItem) => Promise<void>): (item: TItem) => void {
  const waiting = new Set<TItem>();
  let working = false;
  const run = async () => {
    working = true;
    try {
      for (const item of waiting) {
        waiting.delete(item);
        await work(item);
      }
    } finally {
      working = false;
    }
  };
  return (item) => {
    waiting.add(item);
    if (!working) void run();
  };
}
