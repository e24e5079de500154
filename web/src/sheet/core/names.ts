/** Names of cells as people write them. Everything else counts from 0; only names count from 1. */
import type { Area } from './selection';

/** 0 is A, 25 is Z, 26 is AA. */
export function columnLetters(index: number): string {
  let letters = '';
  for (let rest = index + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    letters = String.fromCharCode(65 + ((rest - 1) % 26)) + letters;
  }
  return letters;
}

export function cellName(row: number, column: number): string {
  return `${columnLetters(column)}${String(row + 1)}`;
}

/** `B2`, or `B2:D9`. */
export function areaName(area: Area): string {
  const first = cellName(area.top, area.left);
  const last = cellName(area.bottom - 1, area.right - 1);
  return first === last ? first : `${first}:${last}`;
}

/** A title for a new worksheet that no other has; titles are compared without regard to case. */
export function freeTitle(taken: readonly string[]): string {
  for (let number = taken.length + 1; ; number++) {
    const title = `Sheet${String(number)}`;
    if (!taken.some((other) => other.toLowerCase() === title.toLowerCase())) return title;
  }
}
