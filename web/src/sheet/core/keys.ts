/** What a key means while no cell is edited. Pure: a key in, a command out. */

export type Towards = 'up' | 'down' | 'left' | 'right';

export type Command =
  | { readonly do: 'step'; readonly towards: Towards; readonly extending: boolean }
  | { readonly do: 'edge'; readonly towards: Towards; readonly extending: boolean }
  | { readonly do: 'page'; readonly by: 1 | -1; readonly extending: boolean }
  | { readonly do: 'go'; readonly to: 'rowStart' | 'rowEnd' | 'start' | 'end'; readonly extending: boolean }
  | { readonly do: 'tab' | 'enter'; readonly by: 1 | -1 }
  | { readonly do: 'select'; readonly what: 'all' | 'row' | 'column' }
  /** Copies the first row or column of the selection into the others. */
  | { readonly do: 'copyOn'; readonly towards: 'down' | 'right' }
  | { readonly do: 'edit' | 'clear' | 'undo' | 'redo' | 'leave' };

export interface Key {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
}

const ARROWS: Readonly<Record<string, Towards>> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
};

/** How far an arrow leads: rows down, columns to the right. */
export const STEPS: Readonly<Record<Towards, readonly [down: number, right: number]>> = {
  up: [-1, 0],
  down: [1, 0],
  left: [0, -1],
  right: [0, 1],
};

/** Null where the key is none of the sheet's: the browser's, or a letter that begins an edit. */
export function command({ key, ctrlKey, metaKey, shiftKey, altKey }: Key): Command | null {
  if (altKey) return null;
  const by = shiftKey ? -1 : 1;
  const extending = shiftKey;
  const towards = ARROWS[key];
  if (ctrlKey || metaKey) {
    if (towards) return { do: 'edge', towards, extending };
    switch (key.toLowerCase()) {
      case 'home':
        return { do: 'go', to: 'start', extending };
      case 'end':
        return { do: 'go', to: 'end', extending };
      case 'a':
        return { do: 'select', what: 'all' };
      case ' ':
        return { do: 'select', what: 'column' };
      case 'z':
        return { do: shiftKey ? 'redo' : 'undo' };
      case 'y':
        return { do: 'redo' };
      case 'd':
        return { do: 'copyOn', towards: 'down' };
      case 'r':
        return shiftKey ? null : { do: 'copyOn', towards: 'right' };
      default:
        return null;
    }
  }
  if (towards) return { do: 'step', towards, extending };
  switch (key) {
    case 'Tab':
      return { do: 'tab', by };
    case 'Enter':
      return { do: 'enter', by };
    case 'Home':
      return { do: 'go', to: 'rowStart', extending };
    case 'End':
      return { do: 'go', to: 'rowEnd', extending };
    case 'PageDown':
      return { do: 'page', by: 1, extending };
    case 'PageUp':
      return { do: 'page', by: -1, extending };
    case 'F2':
      return { do: 'edit' };
    case 'Delete':
    case 'Backspace':
      return { do: 'clear' };
    case 'Escape':
      return { do: 'leave' };
    case ' ':
      return shiftKey ? { do: 'select', what: 'row' } : null;
    default:
      return null;
  }
}
