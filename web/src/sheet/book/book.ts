/** The open spreadsheet: the worksheet in view, what is typed into it, and what others do. Knows no React. */
import { areaName } from '../core/names';
import type { Cell } from '../core/selection';
import type { Towards } from '../core/keys';
import { Shifts } from '../core/shifts';
import { activities, FLASH_MS, shiftsOf, shortName, type Flash } from './flashes';
import { Outbox, type Outcome, type Shelf } from './outbox';
import { pendingOf, type Pending } from './pending';
import type { Action, Change, Edit, Sandbox, SheetFacts, Tab } from './protocol';
import { Refused, Unreachable } from './protocol';
import { Rows } from './rows';

/** Between attempts to reach a sandbox that doesn't answer. */
const PAUSE_MS = 1000;

export interface Message {
  readonly text: string;
  readonly wrong: boolean;
}

/** What is drawn. A new object whenever any of it changes. */
export interface View {
  /** Null until the first answer. */
  readonly facts: SheetFacts | null;
  readonly rows: Rows;
  /** What became of rows and columns, up to what is shown. */
  readonly shifts: Shifts;
  readonly pending: Pending;
  readonly flashes: readonly Flash[];
  /** Edits that aren't answered yet. */
  readonly waiting: number;
  readonly connected: boolean;
  readonly message: Message;
  /** What another did last. */
  readonly activity: string;
}

const NOTHING: Message = { text: '', wrong: false };

export interface Identity {
  /** Tells this page's edits from those of others; another one for each page that is opened. */
  readonly page: string;
  readonly name: () => string;
}

export class Book {
  readonly #sandbox: Sandbox;
  readonly #identity: Identity;
  readonly #outbox: Outbox;
  readonly #listeners = new Set<() => void>();
  #view: View = {
    facts: null,
    rows: new Rows(),
    shifts: new Shifts(),
    pending: new Map(),
    flashes: [],
    waiting: 0,
    connected: true,
    message: NOTHING,
    activity: '',
  };
  #sheet: number | null;
  #shown: readonly [first: number, end: number] = [0, 1];
  /** The newest version that is known of, and the one that the stream of changes told last. */
  #version = 0;
  #told = 0;
  #changes: Change[] = [];
  #loading = false;
  #flashId = 0;
  /** Edits that were answered, but are not in what is shown yet, and the version that has them. */
  #answered: { readonly edit: Edit; readonly version: number }[] = [];
  readonly #paused = new Set<() => void>();

  constructor(sandbox: Sandbox, identity: Identity, shelf: Shelf, sheet: number | null) {
    this.#sandbox = sandbox;
    this.#identity = identity;
    this.#sheet = sheet;
    this.#outbox = new Outbox(
      (edit) => this.#deliver(edit),
      () => this.#pause(),
      () => {
        this.#show({});
      },
      shelf,
      `edits of ${sandbox.file}`,
      identity.page,
    );
  }

  get view(): View {
    return this.#view;
  }

  get file(): string {
    return this.#sandbox.file;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Loads, sends what waits, and follows what others do, until the function that it gives is called. */
  start(): () => void {
    void this.#outbox.run();
    this.#load();
    return this.#sandbox.follow({
      connected: (version) => {
        this.#heard(version, version < this.#told);
        this.#show({ connected: true });
        for (const retry of this.#paused) retry();
        this.#load();
      },
      lost: () => {
        this.#show({ connected: false });
      },
      changed: (change) => {
        this.#heard(change.version, change.version <= this.#told);
        this.#changes.push(change);
        this.#load();
      },
    });
  }

  /** Shows another worksheet. */
  open(sheet: number): void {
    if (sheet === this.#view.facts?.sheet) return;
    this.#sheet = sheet;
    this.#shown = [0, 1];
    const { shifts } = this.#take(Infinity);
    this.#show({ rows: new Rows(), shifts, flashes: [], activity: '' });
    this.#load();
  }

  /** Rows `first` to `end - 1` are in sight. */
  look(first: number, end: number): void {
    this.#shown = [first, end];
    this.#load();
  }

  /** What a person would type to get the cell's content, and what is on its way there. */
  entered({ row, column }: Cell): string {
    return this.#view.pending.get(row)?.get(column) ?? this.#view.rows.at(row)[1][String(column)]?.[1] ?? '';
  }

  edge(from: Cell, towards: Towards): Promise<Cell | null> {
    return this.#ask((sheet) => this.#sandbox.edge(sheet, from, towards));
  }

  /** What the cells of rows show, loaded where it isn't yet; null where the sandbox can't be reached. */
  async read(first: number, end: number): Promise<Rows | null> {
    let rows = this.#view.rows;
    for (let gap = rows.missing(first, end, 0); gap !== null; gap = rows.missing(first, end, 0)) {
      const [from, to] = gap;
      const window = await this.#ask((sheet) => this.#sandbox.load(sheet, from, to));
      if (window === null) return null;
      rows = rows.with(window, to);
    }
    return rows;
  }

  /** Types a block from a cell on; it is shown at once. */
  type({ row, column }: Cell, values: readonly (readonly string[])[], uid = this.#view.rows.at(row)[0]): void {
    void this.act('type', { sheet: this.#view.facts?.sheet, row, column, uid, values });
  }

  /** An edit of the person. It is carried out when the sandbox is reached; a refusal is shown. */
  act(action: Action, edit: Edit['edit']): Promise<Outcome> {
    this.#show({ message: NOTHING });
    return this.#outbox.add(action, edit);
  }

  say(text: string, wrong = false): void {
    this.#show({ message: { text, wrong } });
  }

  async #deliver(edit: Edit) {
    try {
      const answer = await this.#sandbox.send(this.#identity.name(), edit);
      this.#answered.push({ edit, version: answer.version });
      this.#version = Math.max(this.#version, answer.version);
      // What it did may be shown already, and no more word come of it.
      this.#load();
      return answer;
    } catch (error) {
      if (error instanceof Refused) this.say(error.message, true);
      throw error;
    }
  }

  async #ask<T>(call: (sheet: number) => Promise<T>): Promise<T | null> {
    const sheet = this.#view.facts?.sheet;
    if (sheet === undefined) return null;
    try {
      return await call(sheet);
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof Refused)) throw error;
      this.say(error.message, true);
      return null;
    }
  }

  /** A version was told; `restarted` where it isn't newer than the last: then the spreadsheet was made anew. */
  #heard(version: number, restarted: boolean): void {
    this.#told = version;
    if (restarted) {
      this.#version = version;
      this.#answered = [];
      this.#changes = [];
      this.#show({ rows: new Rows(), flashes: [] });
    } else this.#version = Math.max(this.#version, version);
  }

  /** Until the sandbox is heard of again, or for a while. */
  async #pause(): Promise<void> {
    this.#show({ connected: false });
    await this.#wait();
  }

  async #wait(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#paused.add(resolve);
      setTimeout(resolve, PAUSE_MS);
    });
    this.#paused.clear();
  }

  /** Rows in sight, those that stay there at the top among them, which are missing or older than a version. */
  #gap(version: number): readonly [first: number, end: number] | null {
    const { rows, facts } = this.#view;
    const frozen = facts?.frozenRows ?? 0;
    return rows.missing(...this.#shown, version) ?? (frozen > 0 ? rows.missing(0, frozen, version) : null);
  }

  #load(): void {
    if (this.#loading) return;
    this.#loading = true;
    void this.#loadAll().finally(() => {
      this.#loading = false;
    });
  }

  async #loadAll(): Promise<void> {
    for (;;) {
      const sheet = this.#sheet;
      const version = this.#version;
      const gap = this.#gap(version);
      if (gap === null) {
        this.#settle(version);
        return;
      }
      try {
        const window = await this.#sandbox.load(sheet, ...gap);
        if (sheet !== this.#sheet) continue; // another worksheet was opened meanwhile
        if (sheet !== null && sheet !== window.sheet) this.#gone(sheet, window);
        this.#sheet = window.sheet;
        this.#version = Math.max(this.#version, window.version);
        this.#answered = this.#answered.filter(({ version }) => version > window.version);
        const known = this.#view.facts?.sheet === window.sheet ? this.#view.rows : new Rows();
        const { due, shifts } = this.#take(window.version);
        this.#show({ facts: window, rows: known.with(window, gap[1]), shifts, connected: true });
        this.#flash(due);
        // Older than what was told already: the spreadsheet was made anew, of which word is on its way.
        if (window.version < version) await this.#wait();
      } catch (error) {
        if (error instanceof Refused) {
          this.say(error.message, true);
          return;
        }
        if (!(error instanceof Unreachable)) throw error;
        await this.#pause();
      }
    }
  }

  /** Another worksheet came than was asked for: that is not there any more. */
  #gone(sheet: number, { tabs, sheet: shown }: SheetFacts): void {
    const title = (of: readonly Tab[], id: number) => of.find((tab) => tab.id === id)?.title ?? '';
    const was = title(this.#view.facts?.tabs ?? [], sheet);
    if (was !== '') this.say(`The worksheet “${was}” was deleted. This is “${title(tabs, shown)}”.`);
  }

  /** What is shown has all edits up to a version: also one whose answer, or of which word, came after what it did. */
  #settle(version: number): void {
    const left = this.#answered.filter((one) => one.version > version);
    const { due, shifts } = this.#take(version);
    if (left.length === this.#answered.length && due.length === 0) return;
    this.#answered = left;
    this.#show({ shifts });
    this.#flash(due);
  }

  /** The changes up to a version, with what has become of rows and columns by then; they wait no more. */
  #take(version: number): { readonly due: readonly Change[]; readonly shifts: Shifts } {
    const due = this.#changes.filter((change) => change.version <= version);
    this.#changes = this.#changes.filter((change) => change.version > version);
    return { due, shifts: this.#view.shifts.with(shiftsOf(due, this.#identity.page)) };
  }

  /** Marks what others changed, now that it is shown. */
  #flash(due: readonly Change[]): void {
    const sheet = this.#view.facts?.sheet;
    if (sheet === undefined) return;
    const seen = activities(due, sheet, this.#identity.page);
    const flashes = seen.flatMap(({ by, cells }) =>
      cells.map(([row, column], place): Flash => {
        this.#flashId += 1;
        return { id: this.#flashId, row, column, by: place === 0 ? shortName(by) : null };
      }),
    );
    if (flashes.length === 0) return;
    const { by = '', cells = [] } = seen.at(-1) ?? {};
    this.#show({ flashes: [...this.#view.flashes, ...flashes], activity: `${by} changed ${placesName(cells)}` });
    setTimeout(() => {
      const over = new Set(flashes);
      this.#show({ flashes: this.#view.flashes.filter((flash) => !over.has(flash)) });
    }, FLASH_MS);
  }

  #show(part: Partial<View>): void {
    const sheet = part.facts?.sheet ?? this.#view.facts?.sheet ?? -1;
    const waiting = this.#outbox.edits;
    const edits = [...this.#answered.map(({ edit }) => edit), ...waiting];
    this.#view = { ...this.#view, ...part, waiting: waiting.length, pending: pendingOf(edits, sheet) };
    for (const listener of this.#listeners) listener();
  }
}

function placesName(cells: readonly (readonly [row: number, column: number])[]): string {
  const rows = cells.map(([row]) => row);
  const columns = cells.map(([, column]) => column);
  return areaName({
    top: Math.min(...rows),
    left: Math.min(...columns),
    bottom: Math.max(...rows) + 1,
    right: Math.max(...columns) + 1,
  });
}
