/** The sandbox's sheet to type in: put together here and nowhere else. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import '../styles/theme.css';
import { Book } from './book/book';
import { connect } from './book/http';
import './sheet.css';
import { SheetPage } from './view/SheetPage';
import { storedName } from './view/useName';

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no element with the id "root".');
const gid = new URLSearchParams(location.hash.slice(1)).get('gid');
const book = new Book(
  connect(location.pathname),
  { page: crypto.randomUUID(), name: storedName },
  sessionStorage,
  gid === null ? null : Number(gid),
);
book.start();
addEventListener('beforeunload', (event) => {
  // What waits outlives a reload, but not the tab's end.
  if (book.view.waiting > 0) event.preventDefault();
});
createRoot(root).render(
  <StrictMode>
    <SheetPage book={book} />
  </StrictMode>,
);
