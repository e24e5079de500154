import { useState, type ClipboardEvent } from 'react';
import type { Book, View } from '../book/book';
import { corners } from '../book/protocol';
import type { Rows } from '../book/rows';
import { formatBlock, formatHtml, isMarked, parseBlock, readMark, repeated, squared, target, type Block, type Copied } from '../core/clipboard';
import { same, type Merges } from '../core/merges';
import { areaOf, clip, type Area, type Selection } from '../core/selection';
import { areaAfter } from '../core/shifts';
import { pastedTable } from './pastedTable';

interface Held extends Copied {
  readonly cut: boolean;
  /** What was entered there; null where it wasn't loaded. */
  readonly entered: Block | null;
  /** It was cut and is pasted: what is on the clipboard is text by now. */
  readonly spent: boolean;
  /** So many shifts of rows and columns there had been when it was copied. */
  readonly followed: number;
}

/** Copy, cut and paste: between spreadsheets as text, within this one with formulas and formats. */
export function useClipboard(book: Book, { facts, rows, shifts }: View, selection: Selection, merges: Merges, pasted: (area: Area) => void) {
  const [held, setHeld] = useState<Held | null>(null);
  /** Where that is by now, wherever its rows and columns went; null where they are gone. */
  const heldArea =
    held &&
    shifts.since(held.followed, held.sheet).reduce<Area | null>((area, { shift }) => area && areaAfter(area, shift), held.area);

  function hold(event: ClipboardEvent, cut: boolean): void {
    if (facts === null) return;
    event.preventDefault();
    const selected = areaOf(selection, merges);
    const used = { top: 0, left: 0, bottom: facts.usedRows, right: facts.usedColumns };
    // Of whole rows and columns what holds something; an empty selection is its first cell.
    const { top, left, bottom, right } = clip(selected, used);
    const area = { top, left, bottom: Math.max(bottom, top + 1), right: Math.max(right, left + 1) };
    const copied = { file: book.file, sheet: facts.sheet, area };
    const loaded = rows.has(area.top, area.bottom);
    setHeld({ ...copied, cut, entered: loaded ? entered(area) : null, spent: false, followed: shifts.count });
    if (loaded) {
      const block = shown(rows, area);
      event.clipboardData.setData('text/plain', formatBlock(block));
      event.clipboardData.setData('text/html', formatHtml(block, copied));
    } else void copyUnloaded(copied);
  }

  /** Of rows that must be loaded first the browser takes a promise. */
  async function copyUnloaded(copied: Copied): Promise<void> {
    const block = book.read(copied.area.top, copied.area.bottom).then((all) => shown(all ?? rows, copied.area));
    const blob = (type: string, format: (block: Block) => string) =>
      block.then((cells) => new Blob([format(cells)], { type }));
    try {
      await navigator.clipboard.write([
        new ClipboardItem({
          'text/plain': blob('text/plain', formatBlock),
          'text/html': blob('text/html', (cells) => formatHtml(cells, copied)),
        }),
      ]);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      book.say(`The browser doesn’t let the page copy: ${error.message}`, true);
    }
  }

  function entered(area: Area): Block {
    return cellsOf(area, (row, column) => book.entered({ row, column }));
  }

  /** Whether something else is there by now than what was copied: rows were sorted, or somebody typed. */
  function isOther({ sheet, entered: was }: Held, area: Area): boolean {
    if (was === null || sheet !== facts?.sheet || !rows.has(area.top, area.bottom)) return false;
    return JSON.stringify(was) !== JSON.stringify(entered(area));
  }

  function paste(event: ClipboardEvent): void {
    if (facts === null) return;
    event.preventDefault();
    const selected = areaOf(selection, merges);
    const html = event.clipboardData.getData('text/html');
    const copied = readMark(html, book.file);
    const ours = held !== null && copied !== null && held.sheet === copied.sheet && same(held.area, copied.area);
    if (copied !== null && !(ours && (held.spent || heldArea === null || isOther(held, heldArea)))) {
      const { sheet } = copied;
      const area = ours && heldArea !== null ? heldArea : copied.area;
      const cut = ours && held.cut;
      const [height, width] = [area.bottom - area.top, area.right - area.left];
      const to = cut
        ? { ...selected, bottom: selected.top + height, right: selected.left + width }
        : target(height, width, selected);
      void book.act('paste', { source: sheet, area: corners(area), sheet: facts.sheet, target: corners(to), cut });
      if (cut) setHeld({ ...held, spent: true });
      pasted(to);
      return;
    }
    // Of pages of other spreadsheets here the text is exact.
    const table = html === '' || isMarked(html) ? null : pastedTable(html, { row: selected.top, column: selected.left });
    const text = event.clipboardData.getData('text/plain');
    if (table === null && text === '') {
      book.say('There is no text on the clipboard.');
      return;
    }
    const block = squared(table ?? parseBlock(text));
    const to = target(block.length, block[0]?.length ?? 1, selected);
    book.type({ row: to.top, column: to.left }, repeated(block, to));
    pasted(to);
  }

  return {
    /** The dashed cells: what was copied from the worksheet in sight. */
    copied: held !== null && !held.spent && held.sheet === facts?.sheet ? heldArea : null,
    copy: (event: ClipboardEvent) => {
      hold(event, false);
    },
    cut: (event: ClipboardEvent) => {
      hold(event, true);
    },
    paste,
    letGo: () => {
      setHeld(null);
    },
  };
}

function shown(rows: Rows, area: Area): Block {
  return cellsOf(area, (row, column) => rows.at(row)[1][String(column)]?.[0] ?? '');
}

function cellsOf({ top, left, bottom, right }: Area, text: (row: number, column: number) => string): Block {
  return Array.from({ length: bottom - top }, (_, down) =>
    Array.from({ length: right - left }, (__, across) => text(top + down, left + across)),
  );
}
