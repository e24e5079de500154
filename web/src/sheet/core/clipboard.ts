/** Blocks of cells as spreadsheets put them on the clipboard: tab-separated text, and a table for those that read HTML. */
import type { Area } from './selection';

export type Block = readonly (readonly string[])[];

/** What was copied here: pasted here again, cells go with their formulas and formats. */
export interface Copied {
  readonly file: string;
  readonly sheet: number;
  readonly area: Area;
}

const CELL = /"((?:[^"]|"")*)"(?=\t|\r?\n|$)|([^\t\r\n]*)/gy;
const MARK = /data-sandbox-cells="([^"]*)"/;

/** Lines of cells. A cell in quotes may hold tabs, line breaks and doubled quotes; a line break at the end is none. */
export function parseBlock(text: string): Block {
  const lines: string[][] = [[]];
  let at = 0;
  for (;;) {
    CELL.lastIndex = at;
    const [whole, quoted, plain = ''] = CELL.exec(text) ?? [''];
    lines.at(-1)?.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    at += whole.length;
    const separator = /^(\t|\r?\n|\r)/.exec(text.slice(at, at + 2))?.[0];
    if (separator === undefined) return lines;
    at += separator.length;
    if (separator !== '\t') {
      if (at === text.length) return lines;
      lines.push([]);
    }
  }
}

export function formatBlock(block: Block): string {
  return block.map((line) => line.map(quote).join('\t')).join('\n');
}

function quote(text: string): string {
  return /[\t\n\r]|^"/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The same as a table, which other spreadsheets prefer to text; with a mark of where it came from. */
export function formatHtml(block: Block, copied: Copied): string {
  const mark = escapeHtml(JSON.stringify(copied));
  const rows = block.map((line) => `<tr>${line.map((text) => `<td>${cellHtml(text)}</td>`).join('')}</tr>`);
  return `<table data-sandbox-cells="${mark}">${rows.join('')}</table>`;
}

/** What was copied on a page of the same spreadsheet, or null. */
export function readMark(html: string, file: string): Copied | null {
  const mark = MARK.exec(html)?.[1];
  if (mark === undefined) return null;
  try {
    const copied = JSON.parse(mark.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&amp;', '&')) as Copied;
    return copied.file === file ? copied : null;
  } catch (error) {
    // Anybody may put anything on a clipboard: what can't be read is no mark of ours.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Whether a page of the sandbox has written it, for whatever spreadsheet. */
export function isMarked(html: string): boolean {
  return MARK.test(html);
}

function cellHtml(text: string): string {
  return escapeHtml(text).replaceAll('\n', '<br>');
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** Every line as long as the longest. */
export function squared(block: Block): Block {
  const width = Math.max(...block.map((line) => line.length));
  return block.map((line) => [...line, ...Array<string>(width - line.length).fill('')]);
}

/** Where a block of that size goes: into the selection as often as it fits, else once from its first cell on. */
export function target(height: number, width: number, selected: Area): Area {
  const tall = selected.bottom - selected.top;
  const wide = selected.right - selected.left;
  return {
    top: selected.top,
    left: selected.left,
    bottom: selected.top + (tall % height === 0 ? tall : height),
    right: selected.left + (wide % width === 0 ? wide : width),
  };
}

/** The block again and again until it fills an area. */
export function repeated(block: Block, area: Area): Block {
  return Array.from({ length: area.bottom - area.top }, (_, down) => {
    const line = block[down % block.length] ?? [];
    return Array.from({ length: area.right - area.left }, (__, right) => line[right % line.length] ?? '');
  });
}
