/** The parts of the page that F6 leads through: the grid keeps Tab for itself. */
const PARTS = [
  ['.toolbar', '.tools button'],
  ['.formula', 'textarea'],
  ['.grid-frame', '.cell-editor'],
  ['.tabs', '[role=tab][aria-selected=true]'],
] as const;

/** Gives the focus to the next part, or the one before. */
export function focusPart(page: HTMLElement, by: 1 | -1): void {
  const now = PARTS.findIndex(([part]) => page.querySelector(part)?.contains(document.activeElement) === true);
  const [part, field] = PARTS.at((now + by) % PARTS.length) ?? PARTS[0];
  page.querySelector<HTMLElement>(`${part} ${field}`)?.focus({ preventScroll: true });
}
