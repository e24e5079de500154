import { useCallback, useEffect, useReducer, useRef } from 'react';
import type { Command } from '../core/keys';

/** A key that was pressed, or text that was typed, while another key's work was under way. */
export type Waiting = { readonly order: Command } | { readonly text: string };

/**
 * Keeps what is typed behind a jump that asks the sandbox where it leads: each key finds the cells selected as the one
 * before it left them.
 */
export function useWaitingKeys() {
  const keys = useRef<Waiting[]>([]);
  const jump = useRef<object | null>(null);
  const [, again] = useReducer((count: number) => count + 1, 0);

  /** Whether the key must wait; then it is kept. */
  const add = useCallback((key: Waiting): boolean => {
    if (jump.current === null && keys.current.length === 0) return false;
    keys.current.push(key);
    return true;
  }, []);

  /** Lets keys wait for `work`; it gives what is to be done at its end, unless a click came between. */
  const behind = useCallback(async (work: () => Promise<() => void>): Promise<void> => {
    const own = {};
    jump.current = own;
    try {
      const end = await work();
      if (jump.current === own) end();
    } finally {
      if (jump.current === own) jump.current = null;
      again();
    }
  }, []);

  /** A click: where a jump would have led, and what was typed behind it, is of no interest any more. */
  const forget = useCallback((): void => {
    jump.current = null;
    keys.current = [];
  }, []);

  /** The next key, where one may go on. */
  const next = useCallback((): Waiting | undefined => (jump.current === null ? keys.current.shift() : undefined), []);

  return { add, behind, forget, next, again };
}

/** Carries out what waits, one key for each time that the page is drawn. */
export function useReplay({ next, again }: ReturnType<typeof useWaitingKeys>, carryOut: (key: Waiting) => void): void {
  useEffect(() => {
    const key = next();
    if (key === undefined) return;
    carryOut(key);
    again();
  });
}
