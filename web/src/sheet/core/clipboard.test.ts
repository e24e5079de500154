import { describe, expect, test } from 'vitest';
import { formatBlock, formatHtml, parseBlock, readMark, repeated, squared, target } from './clipboard';

describe('text on the clipboard', () => {
  test.each([
    ['a\tb\nc\td', [['a', 'b'], ['c', 'd']]],
    ['a\tb\r\nc\td\r\n', [['a', 'b'], ['c', 'd']]],
    ['"two\nlines"\t"a\ttab"', [['two\nlines', 'a\ttab']]],
    ['"say ""so"""', [['say "so"']]],
    ['"open', [['"open']]],
    ['"a" b\tc', [['"a" b', 'c']]],
    ['5" pipe\t6"', [['5" pipe', '6"']]],
    ['\t\n\t', [['', ''], ['', '']]],
    ['', [['']]],
    ['a\n\nb', [['a'], [''], ['b']]],
  ])('%j is read', (text, block) => {
    expect(parseBlock(text)).toEqual(block);
  });

  test('what was written is read again', () => {
    const block = [['', 'plain', '"quoted"'], ['tab\there', 'line\nbreak', 'both\t"\n"'], ['5" pipe', ' ', '']];
    expect(parseBlock(formatBlock(block))).toEqual(block);
  });

  test('many cells are read in a moment', () => {
    const block = Array.from({ length: 20_000 }, (_, row) => [`row ${String(row)}`, '"', 'x\ny']);
    expect(parseBlock(formatBlock(block))).toEqual(block);
  });
});

describe('a table on the clipboard', () => {
  const copied = { file: 'a"b<c>&d', sheet: 3, area: { top: 1, left: 2, bottom: 3, right: 4 } };
  test('says where it was copied, to pages of the same spreadsheet alone', () => {
    const html = formatHtml([['<b>', 'a\nb']], copied);
    expect(html).toContain('<td>&lt;b></td><td>a<br>b</td>');
    expect(readMark(`<meta charset="utf-8">${html}`, copied.file)).toEqual(copied);
    expect(readMark(html, 'another')).toBeNull();
  });
  test('of other programs, or broken, is no mark', () => {
    expect(readMark('<table><tr><td>1</td></tr></table>', 'f')).toBeNull();
    expect(readMark('<table data-sandbox-cells="{oops">', 'f')).toBeNull();
  });
});

describe('where a block goes', () => {
  const selected = { top: 1, left: 1, bottom: 5, right: 4 };
  test('as often as it fits into the selection', () => {
    expect(target(2, 1, selected)).toEqual({ top: 1, left: 1, bottom: 5, right: 4 });
    expect(target(3, 2, selected)).toEqual({ top: 1, left: 1, bottom: 4, right: 3 });
    expect(target(9, 9, selected)).toEqual({ top: 1, left: 1, bottom: 10, right: 10 });
  });
  test('again and again', () => {
    expect(repeated([['a', 'b']], { top: 0, left: 0, bottom: 2, right: 4 })).toEqual([['a', 'b', 'a', 'b'], ['a', 'b', 'a', 'b']]);
  });
  test('with lines of one length', () => {
    expect(squared([['a'], ['b', 'c']])).toEqual([['a', ''], ['b', 'c']]);
  });
});
