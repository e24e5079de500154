import type { KeyboardEvent } from 'react';
import { command, type Command } from '../core/keys';
import type { Cell } from '../core/selection';
import type { useDraft } from './useDraft';
import { useReplay, type useWaitingKeys, type Waiting } from './useWaitingKeys';

interface Tools {
  readonly active: Cell;
  readonly draft: ReturnType<typeof useDraft>;
  readonly waiting: ReturnType<typeof useWaitingKeys>;
  readonly run: (order: Command) => void;
  readonly focus: () => void;
}

/** What keys do in the cells, and in the text that is typed into one. */
export function useKeys({ active, draft, waiting, run, focus }: Tools) {
  useReplay(waiting, carryOut);

  function carryOut(key: Waiting): void {
    if ('text' in key) type(key.text);
    else if (draft.draft === null) run(key.order);
    else if (key.order.do === 'clear') draft.change(draft.draft.text.slice(0, -1));
    else inDraft(key.order);
  }

  function type(text: string): void {
    if (draft.draft === null) draft.begin(active, text, true);
    else draft.change(draft.draft.text + text);
  }

  /** In the grid's field. */
  function press(event: KeyboardEvent): void {
    if (event.nativeEvent.isComposing) return;
    if (draft.draft !== null) {
      edit(event);
      return;
    }
    const order = command(event);
    // A letter reaches the field and begins an edit.
    if (order === null) return;
    event.preventDefault();
    if (!waiting.add({ order })) run(order);
  }

  /** In the grid's field or the formula bar, while a cell is edited. */
  function edit(event: KeyboardEvent): void {
    const order = command(event);
    if (event.key === 'Enter' && (event.altKey || event.ctrlKey)) {
      const { selectionStart: caret, selectionEnd: end } = event.currentTarget as HTMLTextAreaElement;
      const text = draft.draft?.text ?? '';
      draft.change(`${text.slice(0, caret)}\n${text.slice(end)}`);
    } else if (order === null || !inDraft(order)) return;
    event.preventDefault();
    focus();
  }

  /** Whether the key is the sheet's even then. */
  function inDraft(order: Command): boolean {
    const moves = order.do === 'step' && !order.extending && draft.draft?.typed === true;
    if (order.do === 'leave') draft.cancel();
    else if (order.do === 'edit') draft.turn();
    else if (order.do === 'enter' || order.do === 'tab' || moves) {
      draft.commit();
      run(order);
    } else return false;
    return true;
  }

  /** The field's content, as the browser has changed it. */
  function input(text: string): void {
    if (draft.draft !== null) draft.change(text);
    else if (!waiting.add({ text })) draft.begin(active, text, true);
  }

  return { press, edit, input };
}
