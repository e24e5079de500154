/** Which source the page shows is in its address (`#/sources/customers`), so that it can be linked to. */
import { useSyncExternalStore } from 'react';

const PREFIX = '#/sources/';

export function sourceAddress(name: string): string {
  return PREFIX + encodeURIComponent(name);
}

/** The name in the address, or undefined where it names none. */
export function useSelectedSource(): string | undefined {
  const hash = useSyncExternalStore(onHashChange, () => location.hash);
  return hash.startsWith(PREFIX) ? decodeURIComponent(hash.slice(PREFIX.length)) : undefined;
}

function onHashChange(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => {
    removeEventListener('hashchange', listener);
  };
}
