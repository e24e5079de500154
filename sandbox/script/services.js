// The services of Apps Script that the sandbox has, for one execution. Evaluates to a function that installs them and
// returns another, which runs a handler. What needs the outside goes to the host, in plain JSON.
(() => {
  const host = globalThis.__host;
  delete globalThis.__host;

  function ask(name, ...args) {
    const answer = JSON.parse(host(name, JSON.stringify(args)));
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value === undefined ? null : answer.value;
  }

  const enumeration = (...names) => Object.freeze(Object.fromEntries(names.map((name) => [name, name])));

  // The spreadsheet

  class Range {
    constructor(sheet, place) {
      Object.assign(this, place);
      Object.defineProperty(this, 'sheet_', { value: sheet, enumerable: false });
      Object.defineProperty(this, 'name_', { value: place.a1, enumerable: false });
      delete this.a1;
    }
    getA1Notation() { return this.name_; }
    getSheet() { return this.sheet_; }
    getRow() { return this.rowStart; }
    getColumn() { return this.columnStart; }
    getLastRow() { return this.rowEnd; }
    getLastColumn() { return this.columnEnd; }
    getNumRows() { return this.rowEnd - this.rowStart + 1; }
    getNumColumns() { return this.columnEnd - this.columnStart + 1; }
  }

  class Sheet {
    constructor(known) { Object.defineProperty(this, 'known_', { value: known, enumerable: false }); }
    getSheetId() { return this.known_.sheetId; }
    getName() { return this.known_.title; }
  }

  class Spreadsheet {
    constructor(known) { Object.defineProperty(this, 'known_', { value: known, enumerable: false }); }
    getId() { return this.known_.id; }
    getName() { return this.known_.title; }
    getUrl() { return this.known_.url; }
    getSheets() { return this.known_.sheets.map((sheet) => new Sheet(sheet)); }
    getSheetByName(title) { return this.getSheets().find((sheet) => sheet.getName() === title) || null; }
  }

  class User {
    constructor(email) {
      this.email = email;
      this.nickname = email.split('@')[0];
    }
    getEmail() { return this.email; }
  }

  // Dialogs

  const Button = enumeration('CLOSE', 'OK', 'CANCEL', 'YES', 'NO');
  const ButtonSet = enumeration('OK', 'OK_CANCEL', 'YES_NO', 'YES_NO_CANCEL');

  /** The overloads of alert and prompt: (text), (text, buttons), (title, text, buttons). */
  function dialog(kind, args) {
    const buttons = args.length > 1 ? args[args.length - 1] : ButtonSet.OK;
    const [title, text] = args.length === 3 ? args : ['', args[0]];
    return ask('dialog', kind, String(title), String(text), buttons);
  }

  class Menu {
    constructor(caption) { this.content = { caption, items: [] }; }
    addItem(caption, handler) { this.content.items.push({ caption, function: handler }); return this; }
    addSeparator() { return this; }
    addSubMenu(menu) { this.content.items.push(menu.content); return this; }
    addToUi() { ask('menu', this.content); }
  }

  const ui = {
    Button,
    ButtonSet,
    createMenu: (caption) => new Menu(caption),
    alert: (...args) => dialog('alert', args).button,
    prompt: (...args) => {
      const answer = dialog('prompt', args);
      return { getSelectedButton: () => answer.button, getResponseText: () => answer.text };
    },
  };

  // What is kept

  const properties = (scope) => () => ({
    getProperty: (key) => ask('properties', scope)[key] ?? null,
    getProperties: () => ask('properties', scope),
    getKeys: () => Object.keys(ask('properties', scope)),
    setProperty(key, value) { ask('setProperties', scope, { [key]: String(value) }); return this; },
    setProperties(values) {
      const texts = Object.entries(values).map(([key, value]) => [key, String(value)]);
      ask('setProperties', scope, Object.fromEntries(texts));
      return this;
    },
    deleteProperty(key) { ask('deleteProperties', scope, [key]); return this; },
    deleteAllProperties() { ask('deleteProperties', scope, Object.keys(ask('properties', scope))); return this; },
  });

  const cache = (scope) => () => ({
    get: (key) => ask('cached', scope, key),
    put: (key, value, seconds = 600) => { ask('cache', scope, key, String(value), seconds); },
    remove: (key) => { ask('uncache', scope, key); },
  });

  const lock = (scope) => () => ({
    tryLock: (milliseconds) => ask('lock', scope, milliseconds),
    waitLock: (milliseconds) => {
      if (!ask('lock', scope, milliseconds)) {
        throw new Error('Lock timeout: another process was holding the lock for too long.');
      }
    },
    hasLock: () => ask('hasLock', scope),
    releaseLock: () => { ask('unlock', scope); },
  });

  // The network

  class HTTPResponse {
    constructor(answer) { Object.defineProperty(this, 'answer_', { value: answer, enumerable: false }); }
    getResponseCode() { return this.answer_.status; }
    getContentText() { return this.answer_.text; }
    getHeaders() { return this.answer_.headers; }
    getAllHeaders() { return this.answer_.headers; }
  }

  function plain(url, options = {}) {
    const { contentType, headers = {}, method = 'get', payload = null } = options;
    const type = contentType || (payload === null ? null : 'application/x-www-form-urlencoded');
    return {
      url,
      method: method.toUpperCase(),
      headers: type ? { ...headers, 'Content-Type': type } : headers,
      payload: payload !== null && typeof payload === 'object' ? form(payload) : payload,
      followRedirects: options.followRedirects !== false,
      muteHttpExceptions: options.muteHttpExceptions === true,
    };
  }

  const form = (fields) =>
    Object.entries(fields).map((pair) => pair.map(encodeURIComponent).join('=')).join('&');

  function fetchAll(requests) {
    const wanted = requests.map((one) => (typeof one === 'string' ? plain(one) : plain(one.url, one)));
    return ask('fetch', wanted).map((answer, index) => {
      const { muteHttpExceptions, url } = wanted[index];
      if (!muteHttpExceptions && answer.status >= 300) {
        throw new Error(
          `Request failed for ${url} returned code ${answer.status}. Truncated server response: ` +
            `${answer.text.slice(0, 200)} (use muteHttpExceptions option to examine full response)`,
        );
      }
      return new HTTPResponse(answer);
    });
  }

  // Triggers

  const EventType = enumeration('ON_EDIT', 'ON_CHANGE');

  class Trigger {
    constructor(known) { Object.defineProperty(this, 'known_', { value: known, enumerable: false }); }
    getUniqueId() { return this.known_.id; }
    getHandlerFunction() { return this.known_.function; }
    getEventType() { return this.known_.event === 'edit' ? EventType.ON_EDIT : EventType.ON_CHANGE; }
    getTriggerSourceId() { return this.known_.spreadsheet; }
  }

  const builder = (handler) => ({
    forSpreadsheet: (sheet) => {
      const id = typeof sheet === 'string' ? sheet : sheet.getId();
      const ending = (event) => () => ({ create: () => new Trigger(ask('newTrigger', handler, id, event)) });
      return { onEdit: ending('edit'), onChange: ending('change') };
    },
  });

  // Bytes are signed, as in Java.
  const bytes = (list) => list.map((byte) => (byte > 127 ? byte - 256 : byte));
  const encoded = (name, value) => ask(name, typeof value === 'string' ? value : value.map((byte) => (byte + 256) % 256));
  const written = (level) => (...args) =>
    ask('log', level, args.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(' '));

  return (text) => {
    const context = JSON.parse(text);
    const active = new Spreadsheet(context.spreadsheet);
    const user = new User(context.user);

    Object.assign(globalThis, {
      console: { log: written('info'), info: written('info'), warn: written('warning'), error: written('error') },
      Logger: { log: written('info') },
      CacheService: {
        getDocumentCache: cache('document'), getScriptCache: cache('script'), getUserCache: cache(context.user),
      },
      LockService: {
        getDocumentLock: lock('document'), getScriptLock: lock('script'), getUserLock: lock(context.user),
      },
      PropertiesService: {
        getDocumentProperties: properties('document'),
        getScriptProperties: properties('script'),
        getUserProperties: properties(context.user),
      },
      ScriptApp: {
        AuthMode: enumeration('NONE', 'CUSTOM_FUNCTION', 'LIMITED', 'FULL'),
        EventType,
        newTrigger: builder,
        getProjectTriggers: () => ask('triggers').map((known) => new Trigger(known)),
        deleteTrigger: (trigger) => { ask('deleteTrigger', trigger.getUniqueId()); },
      },
      Session: { getActiveUser: () => user, getEffectiveUser: () => user, getScriptTimeZone: () => 'Etc/UTC' },
      SpreadsheetApp: {
        getActive: () => active,
        getActiveSpreadsheet: () => active,
        getUi: () => {
          if (context.event) throw new Error('Cannot call SpreadsheetApp.getUi() from this context.');
          return ui;
        },
      },
      UrlFetchApp: { fetch: (url, options) => fetchAll([{ ...options, url }])[0], fetchAll },
      Utilities: {
        Charset: enumeration('US_ASCII', 'UTF_8'),
        base64Encode: (value) => encoded('base64Encode', value),
        base64EncodeWebSafe: (value) => encoded('base64Encode', value).replaceAll('+', '-').replaceAll('/', '_'),
        base64Decode: (value) => bytes(ask('base64Decode', value)),
        computeHmacSha256Signature: (value, key) => bytes(ask('hmacSha256', value, key)),
        getUuid: () => ask('uuid'),
        sleep: (milliseconds) => { ask('sleep', milliseconds); },
      },
    });

    return (handler) => {
      if (typeof globalThis[handler] !== 'function') throw new Error(`Script function not found: ${handler}`);
      const { event } = context;
      const shown = event && { ...event, source: active, user: new User(event.user) };
      if (shown && shown.range) shown.range = new Range(new Sheet(shown.range.sheet), shown.range.place);
      const value = shown ? globalThis[handler](shown) : globalThis[handler]();
      return JSON.stringify(value === undefined ? null : value);
    };
  };
})()
