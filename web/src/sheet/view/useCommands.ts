import type { Book } from '../book/book';
import type { Outcome } from '../book/outbox';
import { area as areaFrom, corners, type Action, type Edit, type SheetFacts } from '../book/protocol';
import { STEPS, type Command } from '../core/keys';
import type { Filling } from '../core/filling';
import { areaOf, enter, go, selectArea, selectAreaFromEnd, step, tab, whole } from '../core/selection';
import { fitting, MEASURED } from './fit';
import type { Geometry } from './geometry';
import type { Dimension } from './Hidden';
import type { useClipboard } from './useClipboard';
import type { useDraft } from './useDraft';
import type { useSelection } from './useSelection';
import type { useWaitingKeys } from './useWaitingKeys';

interface Tools {
  readonly book: Book;
  readonly facts: SheetFacts | null;
  readonly at: Geometry | null;
  readonly selecting: ReturnType<typeof useSelection>;
  readonly draft: ReturnType<typeof useDraft>;
  readonly clipboard: ReturnType<typeof useClipboard>;
  readonly waiting: ReturnType<typeof useWaitingKeys>;
  readonly focus: () => void;
  /** A screenful of rows, less one that stays in sight. */
  readonly pageRows: () => number;
}

/** What keys, buttons and menus do. */
export function useCommands({ book, facts, at, selecting, draft, clipboard, waiting, focus, pageRows }: Tools) {
  const { selection, show, mark } = selecting;
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
    show(selectAreaFromEnd(areaFrom(reverted.area)), reverted.sheet);
    if (reverted.kept > 0) book.say(`What others changed since stays: ${String(reverted.kept)} of the cells or rows.`);
  }

  async function toEdge(order: Extract<Command, { do: 'edge' }>): Promise<() => void> {
    const to = await book.edge(order.extending ? selection.corner : active, order.towards);
    return () => {
      if (to !== null && at !== null) show(go(selection, to, order.extending, at));
    };
  }

  /** Continues the selected cells; then those and the new ones are selected. */
  function fill(filling: Filling, alternate: boolean): void {
    if (facts === null || at === null) return;
    const { dimension, length, area } = filling;
    const source = areaOf(selection, at.merges);
    void act('fill', { sheet: facts.sheet, area: corners(source), dimension, length, alternate });
    mark(
      selectArea({
        top: Math.min(source.top, area.top),
        left: Math.min(source.left, area.left),
        bottom: Math.max(source.bottom, area.bottom),
        right: Math.max(source.right, area.right),
      }),
    );
  }

  /** Continues the selected cells as far down as the column beside them is filled. */
  async function fillDown(): Promise<void> {
    if (at === null) return;
    const area = areaOf(selection, at.merges);
    const beside = [area.left - 1, area.right].find((column) => column >= 0 && book.entered({ row: area.bottom, column }) !== '');
    if (beside === undefined) return;
    const to = await book.edge({ row: area.bottom - 1, column: beside }, 'down');
    if (to === null || to.row < area.bottom) return;
    fill({ dimension: 'ROWS', length: to.row - area.bottom + 1, area: { ...area, top: area.bottom, bottom: to.row + 1 } }, false);
  }

  /** Copies the first row or column of the selection into the others; of a single one, the one before into it. */
  function copyOn(towards: 'down' | 'right'): void {
    if (facts === null || at === null) return;
    const { sheet } = facts;
    const { top, left, bottom, right } = areaOf(selection, at.merges);
    const target = { top, left, bottom, right };
    if (towards === 'down') {
      const from = bottom - top === 1 ? top - 1 : top;
      if (from < 0) return;
      const area = corners({ top: from, left, bottom: from + 1, right });
      void act('paste', { source: sheet, area, sheet, target: corners({ ...target, top: from + 1 }), cut: false });
      return;
    }
    const from = right - left === 1 ? left - 1 : left;
    if (from < 0) return;
    const area = corners({ top, left: from, bottom, right: from + 1 });
    void act('paste', { source: sheet, area, sheet, target: corners({ ...target, left: from + 1 }), cut: false });
  }

  /** Gives a line a size; where whole lines are selected and it is one of them, all of those. */
  function size(dimension: Dimension, index: number, pixels: number): void {
    if (facts === null || at === null) return;
    const { top, left, bottom, right } = areaOf(selection, at.merges);
    const rows = dimension === 'ROWS';
    const whole = rows ? left === 0 && right === at.columns.count : top === 0 && bottom === at.rows.count;
    const [first, end] = rows ? [top, bottom] : [left, right];
    const among = whole && index >= first && index < end;
    const edit = among ? { at: first, count: end - first } : { at: index, count: 1 };
    void act('lines', { sheet: facts.sheet, dimension, ...edit, pixels });
  }

  /** Makes a line as large as what is in it. */
  async function fit(dimension: Dimension, index: number): Promise<void> {
    if (facts === null) return;
    const [first, end] = dimension === 'ROWS' ? [index, index + 1] : [0, Math.min(facts.usedRows, MEASURED)];
    const rows = await book.read(first, end);
    const cell = document.querySelector('[role=gridcell]');
    if (rows === null || cell === null) return;
    const { fontSize, fontFamily } = getComputedStyle(cell.parentElement ?? cell);
    const pixels = fitting(dimension, index, rows, end, `${fontSize} ${fontFamily}`);
    if (pixels !== null) size(dimension, index, pixels);
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
        show(step(selection, order.by * pageRows(), 0, order.extending, at));
        break;
      case 'edge':
        void waiting.behind(() => toEdge(order));
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
        void act('clear', { sheet: facts.sheet, area: corners(areaOf(selection, at.merges)) });
        break;
      case 'undo':
      case 'redo':
        void revert(order.do);
        break;
      case 'copyOn':
        copyOn(order.towards);
        break;
      case 'leave':
        clipboard.letGo();
    }
  }

  return { act, open, revert, run, fill, fillDown, size, fit };
}
