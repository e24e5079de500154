import { expect, test } from 'vitest';
import { command, type Key } from './keys';

const key = (name: string): Key => {
  const parts = name.split('+');
  return {
    key: parts.at(-1) ?? '',
    ctrlKey: parts.includes('Ctrl'),
    metaKey: parts.includes('Cmd'),
    shiftKey: parts.includes('Shift'),
    altKey: parts.includes('Alt'),
  };
};

test.each([
  ['ArrowDown', { do: 'step', towards: 'down', extending: false }],
  ['Shift+ArrowLeft', { do: 'step', towards: 'left', extending: true }],
  ['Ctrl+ArrowUp', { do: 'edge', towards: 'up', extending: false }],
  ['Cmd+Shift+ArrowRight', { do: 'edge', towards: 'right', extending: true }],
  ['Tab', { do: 'tab', by: 1 }],
  ['Shift+Enter', { do: 'enter', by: -1 }],
  ['Home', { do: 'go', to: 'rowStart', extending: false }],
  ['Ctrl+Shift+End', { do: 'go', to: 'end', extending: true }],
  ['PageUp', { do: 'page', by: -1, extending: false }],
  ['F2', { do: 'edit' }],
  ['Backspace', { do: 'clear' }],
  ['Ctrl+z', { do: 'undo' }],
  ['Cmd+Shift+Z', { do: 'redo' }],
  ['Ctrl+y', { do: 'redo' }],
  ['Ctrl+d', { do: 'copyOn', towards: 'down' }],
  ['Cmd+r', { do: 'copyOn', towards: 'right' }],
  ['Ctrl+a', { do: 'select', what: 'all' }],
  ['Shift+ ', { do: 'select', what: 'row' }],
  ['Ctrl+ ', { do: 'select', what: 'column' }],
])('%s', (name, meaning) => {
  expect(command(key(name))).toEqual(meaning);
});

test.each(['a', ' ', 'Ctrl+c', 'Ctrl+v', 'Ctrl+Shift+R', 'F5', 'Alt+ArrowLeft', 'Shift', 'ä', '='])('%s is the browser’s or a letter', (name) => {
  expect(command(key(name))).toBeNull();
});
