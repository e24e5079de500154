/** The table that another program has put on the clipboard as HTML: Google Sheets, Excel, a page of the web. */
import type { Block } from '../core/clipboard';
import { formulaAt } from '../core/r1c1';
import type { Cell } from '../core/selection';

const ENDS_OF_LINES = new Set(['BR', 'P', 'DIV', 'LI', 'TR']);
const LARGEST_SPAN = 1000;

/**
 * What would be typed from a cell on; null where there is more than one table, or something beside it: then the text is
 * better. A formula of Google Sheets refers to the cells around its new place, what a cell spans besides its first is empty.
 */
export function pastedTable(html: string, at: Cell): Block | null {
  const page = new DOMParser().parseFromString(html, 'text/html');
  for (const unseen of page.querySelectorAll('style, script, colgroup')) unseen.remove();
  const [table, another] = page.querySelectorAll('table');
  const text = page.body.textContent.trim();
  if (another === undefined && table?.textContent.trim() === text) return laidOut(table.rows, at);
  // A single cell comes without a table.
  const single = page.querySelector('span[data-sheets-formula]');
  return single?.textContent.trim() === text ? [[typed(single, at.row, at.column)]] : null;
}

function laidOut(rows: HTMLCollectionOf<HTMLTableRowElement>, at: Cell): Block {
  // By its text: the page allows no style in attributes, so that none is read from them.
  const shown = [...rows].filter((row) => !/display:\s*none/i.test(row.getAttribute('style') ?? ''));
  const block: string[][] = shown.map(() => []);
  shown.forEach((row, down) => {
    const line = block[down] ?? [];
    let right = 0;
    for (const cell of row.cells) {
      while (line[right] !== undefined) right++;
      const [wide, high] = [Math.min(cell.colSpan, LARGEST_SPAN), Math.min(cell.rowSpan, LARGEST_SPAN)];
      for (const spanned of block.slice(down, down + high)) {
        for (let place = right; place < right + wide; place++) spanned[place] = '';
      }
      line[right] = typed(cell, at.row + down, at.column + right);
    }
  });
  return block.map((line) => Array.from(line, (text: string | undefined) => text ?? ''));
}

function typed(cell: Element, row: number, column: number): string {
  const formula = cell.getAttribute('data-sheets-formula');
  return (formula === null ? null : formulaAt(formula, row, column)) ?? textOf(cell);
}

/** The text as a page shows it: white space is one space, lines end where their elements do. */
function textOf(cell: Element): string {
  const lines = [...pieces(cell)].join('').split('\n');
  return lines.map((line) => line.replaceAll('\u00a0', ' ').trim()).join('\n').trim();
}

function* pieces(node: Node): Generator<string> {
  for (const child of node.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) yield (child.textContent ?? '').replace(/[ \t\r\n]+/g, ' ');
    yield* pieces(child);
    if (ENDS_OF_LINES.has(child.nodeName)) yield '\n';
  }
}
