import type { Book } from '../book/book';
import type { Outcome } from '../book/outbox';
import { area as areaFrom, corners, type Action, type Edit, type SheetFacts } from '../book/protocol';
import { STEPS, type Command } from '../core/keys';
import { areaOf, enter, go, select, selectAreaFromEnd, step, tab, whole } from '../core/selection';
import type { Geometry } from './geometry';
import type { useClipboard } from './useClipboard';
import type { useDraft } from './useDraft';
import type { useSelection } from './useSelection';

/** A screenful of rows, less some that stay in sight. */
const PAGE_ROWS = 20;

interface Tools {
  readonly book: Book;
  readonly facts: SheetFacts | null;
  readonly at: Geometry | null;
  readonly selecting: ReturnType<typeof useSelection>;
  readonly draft: ReturnType<typeof useDraft>;
  readonly clipboard: ReturnType<typeof useClipboard>;
  readonly focus: () => void;
}

/** What keys, buttons and menus do. */
export function useCommands({ book, facts, at, selecting: { selection, show, mark }, draft, clipboard, focus }: Tools) {
  const { active } = selection;

  /** What is being typed is kept before anything else happens. */
  function act(action: Action, edit: Edit['edit']): Promise<Outcome> {
    draft.commit();
    focus();
    return book.act(action, edit);
  }

  function open(sheet: number): void {
    draft.commit();
    location.hash = `gid=${String(sheet)}`;
    book.open(sheet);
    show(select({ row: 0, column: 0 }));
    focus();
  }

  async function revert(action: 'undo' | 'redo'): Promise<void> {
    const outcome = await act(action, {});
    if ('refusal' in outcome) return;
    const { reverted } = outcome.answer;
    if (!reverted) {
      book.say(`There is nothing to ${action}.`);
      return;
    }
    if (reverted.sheet !== facts?.sheet && facts?.tabs.some(({ id }) => id === reverted.sheet)) open(reverted.sheet);
    show(selectAreaFromEnd(areaFrom(reverted.area)));
    if (reverted.kept > 0) book.say(`What others changed since stays: ${String(reverted.kept)} of the cells or rows.`);
  }

  async function toEdge(order: Extract<Command, { do: 'edge' }>): Promise<void> {
    const to = await book.edge(order.extending ? selection.corner : active, order.towards);
    if (to !== null && at !== null) show(go(selection, to, order.extending, at));
  }

  function run(order: Command): void {
    if (facts === null || at === null) return;
    switch (order.do) {
      case 'step': {
        const [down, right] = STEPS[order.towards];
        show(step(selection, down, right, order.extending, at));
        break;
      }
      case 'page':
        show(step(selection, order.by * PAGE_ROWS, 0, order.extending, at));
        break;
      case 'edge':
        void toEdge(order);
        break;
      case 'go': {
        const from = order.extending ? selection.corner : active;
        const last = { row: Math.max(facts.usedRows - 1, 0), column: Math.max(facts.usedColumns - 1, 0) };
        const to = {
          rowStart: { row: from.row, column: 0 },
          rowEnd: { row: from.row, column: last.column },
          start: { row: 0, column: 0 },
          end: last,
        }[order.to];
        show(go(selection, to, order.extending, at));
        break;
      }
      case 'tab':
        show(tab(selection, order.by, at));
        break;
      case 'enter':
        show(enter(selection, order.by, at));
        break;
      case 'select':
        mark(whole(selection, order.what, at));
        break;
      case 'edit':
        draft.begin(active, book.entered(active), false);
        break;
      case 'clear':
        void act('clear', { sheet: facts.sheet, area: corners(areaOf(selection)) });
        break;
      case 'undo':
      case 'redo':
        void revert(order.do);
        break;
      case 'leave':
        clipboard.letGo();
    }
  }

  return { act, open, revert, run };
}
