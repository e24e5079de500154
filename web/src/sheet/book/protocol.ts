/** What the sandbox and the page say to each other, and the two ways in which a call fails. */
import type { Area, Cell } from '../core/selection';
import type { Towards } from '../core/keys';
import type { Shift } from '../core/shifts';

export type CellKind = 'text' | 'number' | 'boolean' | 'error';

/** How a cell looks, in CSS's words; what is as usual isn't there. `size` is times the usual one. */
export interface Look {
  readonly bold?: true;
  readonly italic?: true;
  readonly underline?: true;
  readonly strikethrough?: true;
  readonly wrap?: true;
  readonly color?: string;
  readonly fill?: string;
  readonly align?: 'start' | 'center' | 'end';
  readonly vertical?: 'start' | 'center';
  readonly size?: number;
  readonly font?: string;
  readonly top?: string;
  readonly right?: string;
  readonly bottom?: string;
  readonly left?: string;
}

/** What a cell shows, and what a person would type to get it. */
export type CellContent = readonly [shown: string, entered: string, kind: CellKind, look?: Look];

/** A row's uid stays with it wherever it goes; 0 for one that was never touched. */
export type RowContent = readonly [uid: number, cells: Readonly<Record<string, CellContent>>];

export type Corners = readonly [top: number, left: number, bottom: number, right: number];

export interface Tab {
  readonly id: number;
  readonly title: string;
}

/** What is known of a whole worksheet, as of a version of the spreadsheet. */
export interface SheetFacts {
  readonly title: string;
  readonly version: number;
  readonly tabs: readonly Tab[];
  readonly sheet: number;
  readonly rowCount: number;
  readonly columnCount: number;
  readonly usedRows: number;
  readonly usedColumns: number;
  readonly frozenRows: number;
  readonly frozenColumns: number;
  /** Rows with a height of their own. */
  readonly rowPixels: readonly (readonly [first: number, count: number, pixels: number])[];
  readonly merges: readonly Corners[];
  readonly columns: Readonly<Record<string, { readonly hidden: boolean; readonly pixels: number | null }>>;
  readonly hiddenRows: readonly number[];
  readonly locked: readonly Corners[];
}

/** The facts, and a window of rows from `first` on. */
export interface Window extends SheetFacts {
  readonly first: number;
  readonly rows: readonly RowContent[];
}

/** Somebody changed the spreadsheet; `page` is empty where a program did. */
export interface Change {
  readonly version: number;
  readonly by: string;
  readonly page: string;
  readonly sheets: Readonly<Record<string, readonly (readonly [row: number, column: number])[]>>;
  /** Of each worksheet's rows and columns, in this order. */
  readonly shifts: Readonly<Record<string, readonly Shift[]>>;
}

export type Action =
  | 'type'
  | 'clear'
  | 'paste'
  | 'insert'
  | 'delete'
  | 'sort'
  | 'fill'
  | 'lines'
  | 'freeze'
  | 'addSheet'
  | 'renameSheet'
  | 'deleteSheet'
  | 'undo'
  | 'redo';

export interface Reverted {
  readonly kind: string;
  readonly sheet: number;
  readonly area: Corners;
  /** Cells or rows that stay as others left them. */
  readonly kept: number;
}

export interface Answer {
  readonly version: number;
  readonly row?: number;
  readonly sheet?: number;
  readonly reverted?: Reverted | null;
}

/** An edit on its way. `page` and `number` tell it from all others, so that one that is sent twice is carried out once. */
export interface Edit {
  readonly page: string;
  readonly action: Action;
  readonly number: number;
  readonly edit: Readonly<Record<string, unknown>>;
}

/** The sandbox doesn't answer: try again. */
export class Unreachable extends Error {}

/** The sandbox says no, and why. */
export class Refused extends Error {}

export interface Sandbox {
  readonly file: string;
  load: (sheet: number | null, first: number, end: number) => Promise<Window>;
  edge: (sheet: number, from: Cell, towards: Towards) => Promise<Cell>;
  send: (name: string, edit: Edit) => Promise<Answer>;
  /** Calls back on every change, and when the stream comes (with the version by then) or goes. Ends with the answer. */
  follow: (listener: Listener) => () => void;
}

export interface Listener {
  connected: (version: number) => void;
  lost: () => void;
  changed: (change: Change) => void;
}

export function corners({ top, left, bottom, right }: Area): Corners {
  return [top, left, bottom, right];
}

export function area([top, left, bottom, right]: Corners): Area {
  return { top, left, bottom, right };
}
