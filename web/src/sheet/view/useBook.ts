import { useSyncExternalStore } from 'react';
import type { Book, View } from '../book/book';

/** What the book shows, drawn again with every change. */
export function useBook(book: Book): View {
  return useSyncExternalStore(
    (listener) => book.subscribe(listener),
    () => book.view,
  );
}
