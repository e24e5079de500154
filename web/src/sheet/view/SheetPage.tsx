import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Book } from '../book/book';
import { Merges } from '../core/merges';
import { areaName, cellName, freeTitle } from '../core/names';
import { areaOf, holds, pick as picked, selectArea } from '../core/selection';
import { CellEditor } from './CellEditor';
import { FormulaBar } from './FormulaBar';
import { boxOf, geometry, HEAD_HEIGHT, type Hit } from './geometry';
import { Grid } from './Grid';
import { lineActions } from './lineActions';
import { Menu } from './Menu';
import { focusPart } from './parts';
import { StatusBar } from './StatusBar';
import { Tabs } from './Tabs';
import { Toolbar } from './Toolbar';
import { useBook } from './useBook';
import { useClipboard } from './useClipboard';
import { useCommands } from './useCommands';
import { useDraft } from './useDraft';
import { useKeys } from './useKeys';
import { useSelection } from './useSelection';
import { useWaitingKeys } from './useWaitingKeys';

const MENU_VERBS = { insert: 'Insert', delete: 'Delete', sort: 'Sort', view: '' } as const;
const NO_MERGES = new Merges();

/** The sheet to type in: what keys, mouse and clipboard do, and where it is shown. */
export function SheetPage({ book }: { readonly book: Book }) {
  const view = useBook(book);
  const { facts } = view;
  const at = useMemo(() => (facts === null ? null : geometry(facts)), [facts]);
  const selecting = useSelection(facts?.sheet, view.shifts);
  const { selection, reveal, showStart, mark } = selecting;
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
  const clipboard = useClipboard(book, view, selection, at?.merges ?? NO_MERGES, (pasted) => {
    showStart(selectArea(pasted));
  });
  const ready = facts !== null;
  useEffect(() => {
    if (ready) field.current?.focus({ preventScroll: true });
  }, [ready]);
  useEffect(() => {
    if (facts !== null) document.title = `${facts.title} · sandbox`;
  }, [facts]);

  const waiting = useWaitingKeys();
  const commands = useCommands({ book, facts, at, selecting, draft, clipboard, waiting, focus, pageRows });
  const { act, open, revert, run } = commands;
  const keys = useKeys({ active: selection.active, draft, waiting, run, focus });

  function focus(): void {
    field.current?.focus({ preventScroll: true });
  }

  function pageRows(): number {
    const shown = document.getElementById('cells')?.clientHeight ?? 0;
    return Math.max(Math.floor((shown - (at?.head.height ?? 0)) / (at?.rows.sizeAt(0) ?? 1)) - 1, 1);
  }

  if (facts === null || at === null) return <StatusBar view={view} />;
  const selected = areaOf(selection, at.merges);
  const { active } = selection;

  function pick(on: Hit, extending: boolean): void {
    if (at === null) return;
    waiting.forget();
    draft.commit();
    focus();
    if (on.on === 'corner') run({ do: 'select', what: 'all' });
    else mark(picked(selection, on.on, on.cell, extending, at));
  }

  /** A finger selects a cell, and edits the one that is selected. */
  function touch(on: Hit): void {
    const again = on.on === 'cell' && on.cell.row === active.row && on.cell.column === active.column;
    if (!again) {
      pick(on, false);
      return;
    }
    if (draft.draft !== null) return;
    run({ do: 'edit' });
    if (field.current === null) return;
    // The keyboard on the screen comes with the focus, where the field wants one by then.
    field.current.inputMode = 'text';
    field.current.blur();
    focus();
  }

  function openMenu(on: Hit, x: number, y: number): void {
    const inside =
      on.on !== 'corner' &&
      holds(selected, on.on === 'column' ? selected.top : on.cell.row, on.on === 'row' ? selected.left : on.cell.column);
    if (!inside) pick(on, false);
    setMenu({ x, y });
  }

  const actions = lineActions(facts, at, selected, active);
  const text = draft.draft?.text ?? null;
  const edited = draft.draft?.cell ?? active;
  const merged = at.merges.around(edited.row, edited.column);
  const box = boxOf(merged, at, { top: 0, left: 0, bottom: at.rows.shown, right: at.columns.shown });
  return (
    <main
      className="sheet-page"
      ref={frame}
      onMouseDown={(event) => {
        // A click beside the buttons leaves the focus in the cells.
        const target = event.target as HTMLElement;
        const bar = target.closest('.toolbar, .formula, .foot');
        if (bar !== null && target.closest('button, a, label, input, textarea, dialog') === null) event.preventDefault();
      }}
      onKeyDown={(event) => {
        if (event.key !== 'F6') return;
        event.preventDefault();
        draft.commit();
        focusPart(event.currentTarget, event.shiftKey ? -1 : 1);
      }}
    >
      <Toolbar
        title={facts.title}
        actions={actions}
        onUndo={() => void revert('undo')}
        onRedo={() => void revert('redo')}
        onAct={(action, what) => void act(action, what)}
        onLeave={focus}
      />
      <FormulaBar
        name={areaName(selected)}
        text={text ?? book.entered(active)}
        onBegin={() => {
          if (draft.draft === null) run({ do: 'edit' });
        }}
        onChange={draft.change}
        onKeyDown={keys.edit}
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
        onTouch={touch}
        onEdit={() => {
          run({ do: 'edit' });
        }}
        onSize={commands.size}
        onFit={(dimension, index) => void commands.fit(dimension, index)}
        onShow={(dimension, first, count) => {
          void act('lines', { sheet: facts.sheet, dimension, at: first, count, hidden: false });
        }}
        onFill={commands.fill}
        onFillDown={() => void commands.fillDown()}
        onMenu={openMenu}
      >
        <CellEditor
          field={field}
          text={text}
          label={cellName(edited.row, edited.column)}
          scrollsDown={at.rows.place(edited.row) >= at.frozen.rows}
          scrollsAcross={at.columns.place(edited.column) >= at.frozen.columns}
          style={
            box === null
              ? undefined
              : {
                  insetBlockStart: HEAD_HEIGHT + box.insetBlockStart,
                  insetInlineStart: box.insetInlineStart,
                  minInlineSize: box.inlineSize,
                  minBlockSize: box.blockSize,
                }
          }
          active={`cell-${cellName(active.row, active.column)}`}
          onMenu={(x, y) => {
            setMenu({ x, y });
          }}
          onInput={keys.input}
          onKeyDown={keys.press}
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
              label: `${MENU_VERBS[group]} ${label.charAt(0).toLowerCase()}${label.slice(1)}`.trimStart(),
              run: () => void act(action, what),
            }))}
          />
        )}
      </Grid>
      <footer className="foot">
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
          onLeave={focus}
        />
        <StatusBar view={view} />
      </footer>
    </main>
  );
}
