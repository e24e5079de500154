/**
 * Tells rowcast at once that somebody edited this spreadsheet. Paste it into Extensions > Apps Script, save, reload the
 * spreadsheet, and choose rowcast > Set up. docs/google-sheets.md has the steps.
 *
 * It says that something changed and where, never what: rowcast looks for itself. A call that fails for good loses
 * nothing, for rowcast also polls; it shows under Executions, and Google mails it to whoever set the triggers up.
 */

const HOOKS = 'rowcast.hooks'; // [{url, secret}], one for each source that this spreadsheet has
const TRIGGERS = 'rowcast.triggers'; // {owner, ids}: the one set that serves all editors
const WANTED = 'rowcast.wanted'; // the last edit that is to be told
const TOLD = 'rowcast.told'; // the last edit that was told
const REMEMBERED_S = 21600;
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 250;
const LOCK_MS = 1000;
const ADDRESS = /^https?:\/\/\S+\/hooks\/sheets\/[a-z][a-z0-9_]*$/;
const RETRIED = [408, 425, 429];

/** A simple trigger: the menu, for everybody who opens the spreadsheet. */
function onOpen() {
  SpreadsheetApp.getUi()
    .createMenu('rowcast')
    .addItem('Set up…', 'rowcastSetUp')
    .addItem('Test', 'rowcastTest')
    .addSeparator()
    .addItem('Remove', 'rowcastRemove')
    .addToUi();
}

/** Menu: asks for the address and secret of a source, and installs the triggers. Done again, it mends and replaces. */
function rowcastSetUp() {
  const ui = SpreadsheetApp.getUi();
  const url = ask_('Address of the hook', 'The url that rotateHookSecret shows: https://…/hooks/sheets/<source>');
  if (url === null) return;
  if (!ADDRESS.test(url)) {
    ui.alert('rowcast', `“${url}” is no address of a hook: it ends with /hooks/sheets/ and the source's name.`, ui.ButtonSet.OK);
    return;
  }
  const secret = ask_('Secret of the hook', 'The secret that rotateHookSecret shows with it. It is kept in this document.');
  if (secret === null) return;
  const takesOver = agreesToTakeOver_();
  const lock = LockService.getDocumentLock();
  lock.waitLock(30000);
  try {
    const others = hooks_().filter((hook) => hook.url !== url);
    write_(HOOKS, [...others, { url, secret }]);
    if (takesOver) installTriggers_();
  } finally {
    lock.releaseLock();
  }
  rowcastTest();
}

/** Menu: calls every hook, and shows what it answered. */
function rowcastTest() {
  const ui = SpreadsheetApp.getUi();
  const hooks = hooks_();
  const triggers = read_(TRIGGERS);
  const lines = hooks.length ? [] : ['No source is set up: choose rowcast > Set up.'];
  if (hooks.length) {
    const answers = call_(hooks, { event: 'test', spreadsheetId: SpreadsheetApp.getActive().getId() });
    answers.forEach((answer, index) => lines.push(`${hooks[index].url}: ${answer.reason || 'it works.'}`));
  }
  lines.push(triggers ? `The triggers are ${triggers.owner}'s.` : 'No triggers are installed: choose rowcast > Set up.');
  ui.alert('rowcast', lines.join('\n'), ui.ButtonSet.OK);
}

/** Menu: forgets addresses and secrets, and ends the triggers; those of another editor do nothing from then on. */
function rowcastRemove() {
  const lock = LockService.getDocumentLock();
  lock.waitLock(30000);
  try {
    ownTriggers_().forEach((trigger) => ScriptApp.deleteTrigger(trigger));
    const properties = PropertiesService.getDocumentProperties();
    properties.deleteProperty(HOOKS);
    properties.deleteProperty(TRIGGERS);
  } finally {
    lock.releaseLock();
  }
}

/** Installable trigger: a person edited cells. */
function rowcastOnEdit(event) {
  tell_(event, {
    event: 'edit',
    sheetId: event.range.getSheet().getSheetId(),
    sheet: event.range.getSheet().getName(),
    range: event.range.getA1Notation(),
  });
}

/** Installable trigger: a person inserted or removed rows, columns or sheets, or changed something else. */
function rowcastOnChange(event) {
  tell_(event, { event: 'change', changeType: event.changeType });
}

/**
 * Calls the hooks, unless somebody else's call that is still to come says the same. Of many edits at once one is told
 * at once, and the rest by one call after it: whoever holds the lock looks again once he has released it.
 */
function tell_(event, what) {
  const hooks = hooks_();
  const triggers = read_(TRIGGERS);
  if (!hooks.length || (triggers && !triggers.ids.includes(String(event.triggerUid)))) return;
  const cache = CacheService.getDocumentCache();
  cache.put(WANTED, Utilities.getUuid(), REMEMBERED_S);
  const body = { spreadsheetId: event.source.getId(), ...what };
  const lock = LockService.getDocumentLock();
  let wanted;
  do {
    if (!lock.tryLock(LOCK_MS)) return;
    try {
      wanted = cache.get(WANTED);
      // Where the cache has lost its marks the edit counts as not told: better twice than never.
      if (wanted !== null && wanted === cache.get(TOLD)) return;
      deliver_(hooks, body);
      if (wanted !== null) cache.put(TOLD, wanted, REMEMBERED_S);
    } finally {
      lock.releaseLock();
    }
  } while (cache.get(WANTED) !== wanted);
}

/** Calls the hooks until each has answered, with growing pauses. Throws, for Google to report, where one gives up. */
function deliver_(hooks, body) {
  let left = hooks;
  const failed = [];
  for (let attempt = 0; left.length; attempt += 1) {
    if (attempt > 0) Utilities.sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2));
    const answers = call_(left, body);
    const repeated = [];
    answers.forEach((answer, index) => {
      if (answer.again && attempt + 1 < ATTEMPTS) repeated.push(left[index]);
      else if (answer.reason) failed.push(`${left[index].url}: ${answer.reason}`);
    });
    left = repeated;
  }
  if (failed.length) throw new Error(`rowcast was not told of an edit; its next poll finds it. ${failed.join(' ')}`);
}

/** One signed call of each hook: for each {reason, again}, the reason empty where it was accepted. */
function call_(hooks, body) {
  const payload = JSON.stringify(body);
  const timestamp = String(Math.floor(Date.now() / 1000));
  const requests = hooks.map(({ url, secret }) => ({
    url,
    method: 'post',
    contentType: 'application/json',
    payload,
    headers: { 'X-Rowcast-Timestamp': timestamp, 'X-Rowcast-Signature': sign_(secret, timestamp, payload) },
    muteHttpExceptions: true,
    followRedirects: false,
  }));
  try {
    return UrlFetchApp.fetchAll(requests).map((response) => judge_(response));
  } catch (error) {
    // No connection with one of them: which one isn't said, and a hook that comes twice does no harm.
    return hooks.map(() => ({ reason: `no connection (${error.message}).`, again: true }));
  }
}

function judge_(response) {
  const status = response.getResponseCode();
  if (status >= 200 && status < 300) return { reason: '', again: false };
  const said = response.getContentText().slice(0, 200);
  const again = status >= 500 || RETRIED.includes(status);
  const hint = status === 401 ? ' Choose rowcast > Set up with a secret of rotateHookSecret.' : '';
  return { reason: `it answered ${status}: ${said}${hint}`, again };
}

/** `sha256=` and the hex of HMAC-SHA256(secret, timestamp + "." + payload). */
function sign_(secret, timestamp, payload) {
  const digest = Utilities.computeHmacSha256Signature(`${timestamp}.${payload}`, secret, Utilities.Charset.UTF_8);
  return `sha256=${digest.map((byte) => ((byte + 256) % 256).toString(16).padStart(2, '0')).join('')}`;
}

/** Whether the triggers shall be this user's: they are, there are none, or he says so. */
function agreesToTakeOver_() {
  const triggers = read_(TRIGGERS);
  if (!triggers || triggers.owner === me_()) return true;
  const ui = SpreadsheetApp.getUi();
  const question =
    `The triggers are ${triggers.owner}'s, and tell of everybody's edits. They end if that account does. ` +
    'Replace them by your own?';
  return ui.alert('rowcast', question, ui.ButtonSet.YES_NO) === ui.Button.YES;
}

/** One set of triggers, kept where it is whole. Another editor's can't be deleted; tell_ knows them by their ids. */
function installTriggers_() {
  const old = ownTriggers_();
  const known = read_(TRIGGERS);
  const ids = old.map((trigger) => trigger.getUniqueId());
  if (known && known.ids.length === ids.length && known.ids.every((id) => ids.includes(id))) return;
  const spreadsheet = SpreadsheetApp.getActive();
  const made = [
    ScriptApp.newTrigger('rowcastOnEdit').forSpreadsheet(spreadsheet).onEdit().create(),
    ScriptApp.newTrigger('rowcastOnChange').forSpreadsheet(spreadsheet).onChange().create(),
  ];
  write_(TRIGGERS, { owner: me_(), ids: made.map((trigger) => trigger.getUniqueId()) });
  old.forEach((trigger) => ScriptApp.deleteTrigger(trigger));
}

function ownTriggers_() {
  const handlers = ['rowcastOnEdit', 'rowcastOnChange'];
  return ScriptApp.getProjectTriggers().filter((trigger) => handlers.includes(trigger.getHandlerFunction()));
}

function me_() {
  return Session.getEffectiveUser().getEmail();
}

/** What the user typed, without blanks around it; null where he cancelled or typed nothing. */
function ask_(title, text) {
  const ui = SpreadsheetApp.getUi();
  const answer = ui.prompt(title, text, ui.ButtonSet.OK_CANCEL);
  return (answer.getSelectedButton() === ui.Button.OK && answer.getResponseText().trim()) || null;
}

function hooks_() {
  return read_(HOOKS) || [];
}

function read_(name) {
  const text = PropertiesService.getDocumentProperties().getProperty(name);
  return text === null ? null : JSON.parse(text);
}

function write_(name, value) {
  PropertiesService.getDocumentProperties().setProperty(name, JSON.stringify(value));
}
