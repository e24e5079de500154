/**
 * Edits on their way to the sandbox: one after the other, in the order in which they were made. One that can't be
 * delivered waits and is sent again; what waits outlives a reload of the page.
 */
import { Refused, Unreachable, type Action, type Answer, type Edit } from './protocol';

/** Where edits wait. `Storage` of a browser's tab is one. */
export interface Shelf {
  getItem: (key: string) => string | null;
  setItem: (key: string, value: string) => void;
}

interface Waiting {
  readonly edit: Edit;
  readonly settle: (outcome: Outcome) => void;
}

/** What became of an edit. */
export type Outcome = { readonly answer: Answer } | { readonly refusal: string };

export class Outbox {
  readonly #send: (edit: Edit) => Promise<Answer>;
  readonly #pause: () => Promise<void>;
  readonly #changed: () => void;
  readonly #shelf: Shelf;
  readonly #key: string;
  readonly #page: string;
  #waiting: Waiting[] = [];
  #next = 1;
  #sending = false;

  /** `pause` resolves when it is worth to try again; `changed` hears that edits came or went. */
  constructor(
    send: (edit: Edit) => Promise<Answer>,
    pause: () => Promise<void>,
    changed: () => void,
    shelf: Shelf,
    key: string,
    page: string,
  ) {
    this.#send = send;
    this.#pause = pause;
    this.#changed = changed;
    this.#shelf = shelf;
    this.#key = key;
    this.#page = page;
    const edits = JSON.parse(shelf.getItem(key) ?? '[]') as Edit[];
    this.#waiting = edits.map((edit) => ({ edit, settle: () => undefined }));
  }

  /** The edits that were made and aren't answered yet. */
  get edits(): readonly Edit[] {
    return this.#waiting.map(({ edit }) => edit);
  }

  add(action: Action, edit: Edit['edit']): Promise<Outcome> {
    return new Promise((settle) => {
      this.#waiting.push({ edit: { page: this.#page, number: this.#next++, action, edit }, settle });
      this.#keep();
      void this.run();
    });
  }

  /** Sends what waits. Whoever makes the outbox calls it once, for what was left by the page before a reload. */
  async run(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const outcome = await this.#attempt(first.edit);
      if (outcome === null) {
        await this.#pause();
        continue;
      }
      this.#waiting.shift();
      this.#keep();
      first.settle(outcome);
    }
    this.#sending = false;
  }

  /** Null where the sandbox can't be reached. */
  async #attempt(edit: Edit): Promise<Outcome | null> {
    try {
      return { answer: await this.#send(edit) };
    } catch (error) {
      if (error instanceof Refused) return { refusal: error.message };
      if (error instanceof Unreachable) return null;
      throw error;
    }
  }

  #keep(): void {
    try {
      this.#shelf.setItem(this.#key, JSON.stringify(this.edits));
    } catch (error) {
      // A browser keeps a few megabytes for a page: a larger paste doesn't outlive a reload.
      if (!(error instanceof DOMException && error.name === 'QuotaExceededError')) throw error;
      this.#shelf.setItem(this.#key, '[]');
    }
    this.#changed();
  }
}
