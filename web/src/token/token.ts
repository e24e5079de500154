/**
 * The token that the pages send, where the server asks for one: kept in this browser until it is forgotten, or until
 * the server no longer takes it. One for all pages of this origin.
 */
import { useSyncExternalStore } from 'react';

const KEY = 'rowcast.token';

export interface TokenState {
  /** Null: none is sent. */
  readonly secret: string | null;
  /** Why the server takes no request now, in its own words; null while it does. */
  readonly refusal: string | null;
}

let state: TokenState = { secret: localStorage.getItem(KEY), refusal: null };
const listeners = new Set<() => void>();

/** The token as of now. */
export function tokenState(): TokenState {
  return state;
}

/** Send this token from now on; null: none. */
export function keepToken(secret: string | null): void {
  if (secret === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, secret);
  change({ secret, refusal: null });
}

/** The server took no request with `secret`. Late answers about another one mean nothing. */
export function refuseToken(secret: string | null, refusal: string): void {
  if (secret === state.secret) change({ secret, refusal });
}

/** The header's value, or that of `connection_init`; null without a token. */
export function authorization(secret: string | null): string | null {
  return secret === null ? null : `Bearer ${secret}`;
}

/** The token, for components. */
export function useToken(): TokenState {
  return useSyncExternalStore(subscribe, tokenState);
}

function change(next: TokenState): void {
  state = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// Another tab may have got one, or forgotten it.
window.addEventListener('storage', ({ key, newValue }) => {
  if (key === KEY || key === null) change({ secret: newValue, refusal: null });
});
