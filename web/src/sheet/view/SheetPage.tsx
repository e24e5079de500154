import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import type { Book } from '../book/book';
import { area as areaFrom, corners, type Action, type Edit } from '../book/protocol';
import { command, STEPS, type Command } from '../core/keys';
import { areaName, cellName } from '../core/names';
import {
  areaOf,
  enter,
  extend,
  go,
  holds,
  select,
  selectArea,
  step,
  tab,
  type Area,
  type Cell,
  type Selection,
} from '../core/selection';
import { CellEditor } from './CellEditor';
import { FormulaBar } from './FormulaBar';
import { geometry, HEAD_HEIGHT, HEAD_WIDTH, ROW_HEIGHT, type Hit } from './geometry';
import { Grid } from './Grid';
import { lineActions } from './lineActions';
import { Menu } from './Menu';
import { StatusBar } from './StatusBar';
import { Tabs } from './Tabs';
import { Toolbar } from './Toolbar';
import { useBook } from './useBook';
import { useClipboard } from './useClipboard';
import { useDraft } from './useDraft';
import { useSelection } from './useSelection';

/** A screenful of rows, less one that stays in sight. */
const PAGE_ROWS = 20;

/** The sheet to type in: what keys, mouse and clipboard do, and where it is shown. */
export function SheetPage({ book }: { readonly book: Book }) {
  const view = useBook(book);
  const { facts } = view;
  const at = useMemo(() => (facts === null ? null : geometry(facts)), [facts]);
  const { selection, reveal, show, mark } = useSelection();
  const draft = useDraft(book);
  const field = useRef<HTMLTextAreaElement>(null);
  const frame = useRef<HTMLElement>(null);
  const [menu, setMenu] = useState<{ readonly x: number; readonly y: number } | null>(null);
  const closeMenu = useCallback(() => {
    setMenu(null);
    field.current?.focus({ preventScroll: true });
  }, []);
  const look = useCallback(
    (first: number, end: number) => {
      book.look(first, end);
    },
    [book],
  );
  const clipboard = useClipboard(book, view, selection, (pasted) => {
    show({ ...selectArea(pasted) });
  });
  const ready = facts !== null;
  useEffect(() => {
    if (ready) field.current?.focus({ preventScroll: true });
  }, [ready]);
  useEffect(() => {
    if (facts !== null) document.title = `${facts.title} · sandbox`;
  }, [facts]);

  if (facts === null || at === null) return <StatusBar view={view} />;
  const selected = areaOf(selection);
  const { active } = selection;

  function focus(): void {
    field.current?.focus({ preventScroll: true });
  }

  /** What is being typed is kept before anything else happens. */
  function act(action: Action, edit: Edit['edit']) {
    draft.commit();
    focus();
    return book.act(action, edit);
  }

  async function revert(action: 'undo' | 'redo'): Promise<void> {
    const outcome = await act(action, {});
    if ('refusal' in outcome) return;
    const { reverted } = outcome.answer;
    if (!reverted) {
      book.say(action === 'undo' ? 'There is nothing to undo.' : 'There is nothing to redo.');
      return;
    }
    if (reverted.sheet !== facts?.sheet && facts?.tabs.some(({ id }) => id === reverted.sheet)) open(reverted.sheet);
    show(selectArea(areaFrom(reverted.area)));
    if (reverted.kept > 0) book.say(`What others changed since stays: ${String(reverted.kept)} of the cells or rows.`);
  }

  function open(sheet: number): void {
    draft.commit();
    location.hash = `gid=${String(sheet)}`;
    book.open(sheet);
    show(select({ row: 0, column: 0 }));
    focus();
  }

  function edit(text: string, typed: boolean): void {
    draft.begin(active, text, typed);
  }

  async function toEdge(order: Extract<Command, { do: 'edge' }>): Promise<void> {
    const from = order.extending ? selection.corner : active;
    const to = await book.edge(from, order.towards);
    if (to !== null && at !== null) show(go(selection, to, order.extending, at));
  }

  function run(order: Command): void {
    if (facts === null || at === null) return;
    const last = { row: facts.rowCount - 1, column: facts.columnCount - 1 };
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
        const used = { row: Math.max(facts.usedRows - 1, 0), column: Math.max(facts.usedColumns - 1, 0) };
        const to = {
          rowStart: { row: from.row, column: 0 },
          rowEnd: { row: from.row, column: used.column },
          start: { row: 0, column: 0 },
          end: used,
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
      case 'select': {
        const { top, left, bottom, right } = selected;
        const whole: Record<typeof order.what, Area> = {
          all: { top: 0, left: 0, bottom: last.row + 1, right: last.column + 1 },
          row: { top, bottom, left: 0, right: last.column + 1 },
          column: { left, right, top: 0, bottom: last.row + 1 },
        };
        mark({ ...selectArea(whole[order.what]), active });
        break;
      }
      case 'edit':
        edit(book.entered(active), false);
        break;
      case 'clear':
        void act('clear', { sheet: facts.sheet, area: corners(selected) });
        break;
      case 'undo':
      case 'redo':
        void revert(order.do);
        break;
      case 'leave':
        clipboard.letGo();
    }
  }

  function key(event: KeyboardEvent): void {
    if (event.nativeEvent.isComposing) return;
    if (draft.draft !== null) {
      editKey(event);
      return;
    }
    const order = command(event);
    // Enter edits nothing here, but on the way down it moves; a letter reaches the field and begins an edit.
    if (order === null) return;
    event.preventDefault();
    run(order);
  }

  function editKey(event: KeyboardEvent): void {
    const order = command(event);
    if (event.key === 'Enter' && (event.altKey || event.ctrlKey)) {
      const { selectionStart: caret, selectionEnd: end } = event.currentTarget as HTMLTextAreaElement;
      const text = draft.draft?.text ?? '';
      draft.change(`${text.slice(0, caret)}\n${text.slice(end)}`);
    } else if (order?.do === 'leave') draft.cancel();
    else if (order?.do === 'enter' || order?.do === 'tab') keep(order);
    else if (order?.do === 'step' && !order.extending && draft.draft?.typed === true) keep(order);
    else return;
    event.preventDefault();
    focus();
  }

  function keep(order: Command): void {
    draft.commit();
    run(order);
  }

  function pick(on: Hit, extending: boolean): void {
    if (at === null) return;
    draft.commit();
    focus();
    if (on.on === 'corner') run({ do: 'select', what: 'all' });
    else mark(picked(selection, on.on, on.cell, extending, at.rows.count, at.columns.count));
  }

  function openMenu(on: Hit, x: number, y: number): void {
    const inside =
      on.on !== 'corner' &&
      holds(selected, on.on === 'column' ? selected.top : on.cell.row, on.on === 'row' ? selected.left : on.cell.column);
    if (!inside) pick(on, false);
    setMenu({ x, y });
  }

  const actions = lineActions(facts.sheet, selected, active);
  const text = draft.draft?.text ?? null;
  const edited = draft.draft?.cell ?? active;
  const place = at.rows.place(edited.row);
  return (
    <main className="sheet-page" ref={frame}>
      <Toolbar
        title={facts.title}
        actions={actions}
        onUndo={() => void revert('undo')}
        onRedo={() => void revert('redo')}
        onAct={(action, what) => void act(action, what)}
      />
      <FormulaBar
        name={areaName(selected)}
        text={text ?? book.entered(active)}
        onBegin={() => {
          if (draft.draft === null) edit(book.entered(active), false);
        }}
        onChange={draft.change}
        onKeyDown={editKey}
      />
      <Grid
        view={view}
        facts={facts}
        at={at}
        selection={selection}
        reveal={reveal}
        copied={clipboard.copied}
        onLook={look}
        onScroll={(left, top) => {
          frame.current?.style.setProperty('--scrolled-left', `${String(left)}px`);
          frame.current?.style.setProperty('--scrolled-top', `${String(top)}px`);
        }}
        onPick={pick}
        onEdit={() => {
          run({ do: 'edit' });
        }}
        onMenu={openMenu}
      >
        <CellEditor
          field={field}
          text={text}
          label={cellName(edited.row, edited.column)}
          scrolls={place >= at.frozen}
          style={{
            insetBlockStart: HEAD_HEIGHT + place * ROW_HEIGHT,
            insetInlineStart: HEAD_WIDTH + at.columns.offset(at.columns.place(edited.column)),
            minInlineSize: at.columns.sizeAt(at.columns.place(edited.column)),
          }}
          onInput={(typed) => {
            if (draft.draft === null) edit(typed, true);
            else draft.change(typed);
          }}
          onKeyDown={key}
          onCopy={clipboard.copy}
          onCut={clipboard.cut}
          onPaste={clipboard.paste}
        />
        {menu && (
          <Menu
            label="Rows and columns"
            style={{ position: 'fixed', insetInlineStart: menu.x, insetBlockStart: menu.y }}
            onClose={closeMenu}
            items={actions.map(({ group, label, action, edit: what }) => ({
              label: `${{ insert: 'Insert', delete: 'Delete', sort: 'Sort' }[group]} ${label.charAt(0).toLowerCase()}${label.slice(1)}`,
              run: () => void act(action, what),
            }))}
          />
        )}
      </Grid>
      <Tabs
        tabs={facts.tabs}
        current={facts.sheet}
        onOpen={open}
        onAdd={() => {
          void act('addSheet', { title: freeTitle(facts.tabs.map(({ title }) => title)) }).then((outcome) => {
            if ('answer' in outcome && outcome.answer.sheet !== undefined) open(outcome.answer.sheet);
          });
        }}
        onRename={(sheet, title) => void act('renameSheet', { sheet, title })}
        onDelete={(sheet) => void act('deleteSheet', { sheet })}
      />
      <StatusBar view={view} />
    </main>
  );
}

/** The selection after a cell, a row's number or a column's letters were picked. */
function picked(
  selection: Selection,
  on: 'cell' | 'row' | 'column',
  cell: Cell,
  extending: boolean,
  rowCount: number,
  columnCount: number,
): Selection {
  if (on === 'cell') return extending ? extend(selection, cell) : select(cell);
  const first = on === 'row' ? { row: cell.row, column: 0 } : { row: 0, column: cell.column };
  const corner = on === 'row' ? { row: cell.row, column: columnCount - 1 } : { row: rowCount - 1, column: cell.column };
  return extend(extending ? selection : select(first), corner);
}

function freeTitle(taken: readonly string[]): string {
  for (let number = taken.length + 1; ; number++) {
    const title = `Sheet${String(number)}`;
    if (!taken.some((other) => other.toLowerCase() === title.toLowerCase())) return title;
  }
}
