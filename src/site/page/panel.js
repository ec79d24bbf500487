// The camera's part of the options: its own controls. It is fetched when it is first opened, with settings.js, so that
// the page itself stays small.

const SEND_MS = 200; // between two values of one control
const SET_MS = 15000; // how long the camera may take to answer: some controls block for seconds

let panelTile = null; // whose camera is shown
let panelSeen = ''; // what /state said of it when its controls were fetched
let panelAsked = 0; // requests that were sent
let panelShown = 0; // the last one whose answer is shown: older ones may come after it
let panelRows = new Map(); // by the controls' names
let panelClasses = ''; // the rows' names and classes, in their order

// A text of the server: plain, with values, or a problem.
function plain(text) {
  if (!text || typeof text === 'string') return text || '';
  return text.texts ? told(inWords(text)) : worded(text);
}

const said = (text) => sentence(plain(text));

// Numbers beyond what the browser's are exact for become strings.
function parseExact(json) {
  const tokens = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
  return JSON.parse(json.replace(tokens, (token) => (/^-?\d{16,}$/.test(token) ? `"${token}"` : token)));
}

// What people call a control, or an item of a menu: drivers know English only.
function nameOf(kind, name, given) {
  return TEXT[`${kind}_${name.toLowerCase().replace(/\W+/g, '_')}`] || given;
}

// Asks the server about the camera: its answer, and why there is none.
async function askCamera(path, method = 'GET', data) {
  const stop = new AbortController();
  const limit = setTimeout(() => stop.abort(), SET_MS);
  try {
    const url = fromRoot(`/api/cameras/${encodeURIComponent(panelTile.name)}/${path}`);
    const answer = await fetch(url, { method, headers: OURS, body: data, cache: 'no-store', signal: stop.signal });
    if (!answer.ok) return { why: await whyRefused(answer), isAbsent: answer.status === 404 };
    await loadMessages();
    return { answer: parseExact(await answer.text()) };
  } catch (error) {
    return { why: TEXT.unreachable_silent };
  } finally {
    clearTimeout(limit);
  }
}

// --- One control.

const isExact = (value) => Number.isSafeInteger(Number(value));

// How a control is shown: slider, number, switch, choice, press or text.
function kindOf({ type, min, max }) {
  if (type === 'integer' || type === 'integer64') return isExact(min) && isExact(max) && min < max ? 'slider' : 'number';
  return { boolean: 'switch', menu: 'choice', integer_menu: 'choice', button: 'press', string: 'text' }[type] || 'number';
}

class Row {
  constructor(control) {
    this.name = control.name;
    this.label = nameOf('label', control.name, control.label);
    this.kind = kindOf(control);
    this.form = Row.form(control);
    this.next = this.last = null; // the value to be sent, and the newest one, as JSON
    this.isSending = false;
    this.isEdited = false; // somebody is dragging or typing
    this.refused = ''; // why the last value was refused
    const id = `row-${randomName()}`;
    const described = `${id}-why ${id}-wrong`;
    this.inputs = this.makeInputs(control, { 'aria-describedby': described, 'aria-labelledby': `${id}-label` });
    this.inputs[0].id = id;
    this.why = make('p', { id: `${id}-why`, class: 'hint' });
    this.wrong = make('p', { id: `${id}-wrong`, class: 'wrong', role: 'status' });
    this.reset = make('button', { type: 'button', class: 'reset', title: fill(TEXT.panel_reset, { control: this.label }) });
    this.reset.setAttribute('aria-label', this.reset.title);
    this.reset.append(TEXT.panel_reset_sign);
    this.reset.onclick = () => {
      this.inputs[0].focus(); // this button goes
      this.change('DELETE', `controls?control=${encodeURIComponent(this.name)}`);
    };
    const label = make('label', { id: `${id}-label`, for: id, title: this.name }, this.label);
    this.element = make('div', { class: `row ${this.kind}` }, label, this.reset, ...this.inputs, this.why, this.wrong);
    this.update(control);
  }

  // A control whose form has changed needs another row.
  static form({ type, min, max, step, menu, label }) {
    return JSON.stringify([type, min, max, step, menu, label]);
  }

  makeInputs({ type, min, max, step, menu }, attributes) {
    const number = /^-?\d+$|^0x[\da-f]+$/i;
    const send = (input) => {
      if (number.test(input.value.trim())) this.send(String(BigInt(input.value.trim())));
      else this.show(); // no number: what holds again
    };
    const edited = (input, changed) => {
      const end = () => (this.isEdited = false);
      input.addEventListener('input', () => (this.isEdited = true));
      // A slider that is let go where it was taken has not changed.
      for (const event of ['change', 'blur', 'pointerup', 'pointercancel']) input.addEventListener(event, end);
      input.addEventListener('change', () => changed(input));
      return input;
    };
    if (this.kind === 'slider') {
      const limits = { ...attributes, min, max, step: step > 0 ? step : 1 };
      const range = edited(make('input', { type: 'range', ...limits }), send);
      range.addEventListener('input', () => {
        typed.value = range.value;
        send(range);
      });
      // Any number can be typed: what the camera does not take, the server refuses with the range.
      const typed = edited(make('input', { type: 'number', ...limits, step: 'any' }), send);
      typed.addEventListener('change', () => (range.value = typed.value));
      return [range, typed];
    }
    if (this.kind === 'switch') {
      const input = make('input', { type: 'checkbox', role: 'switch', ...attributes });
      return [edited(input, () => this.send(String(input.checked)))];
    }
    if (this.kind === 'choice') {
      const items = (menu || []).map(({ value, label }) => make('option', { value }, nameOf('item', String(label), label)));
      return [edited(make('select', attributes, ...items), (input) => this.send(input.value))];
    }
    if (this.kind === 'press') {
      const label = `${TEXT.panel_press}: ${this.label}`;
      const button = make('button', { ...attributes, type: 'button', class: 'act', 'aria-label': label, 'aria-labelledby': false }, TEXT.panel_press);
      button.onclick = () => this.send('true');
      return [button];
    }
    if (this.kind === 'text') {
      const input = make('input', { type: 'text', maxlength: max, spellcheck: 'false', autocomplete: 'off', ...attributes });
      return [edited(input, () => this.send(JSON.stringify(input.value)))];
    }
    // Numbers that may be larger than a slider can show exactly, and bits.
    const mode = type === 'bitmask' ? undefined : 'numeric';
    return [edited(make('input', { type: 'text', inputmode: mode, autocomplete: 'off', ...attributes }), send)];
  }

  update(control) {
    this.control = control;
    const { inactive, read_only: isReadOnly, waits_for: waitsFor, kept, value, type } = control;
    for (const input of this.inputs) input.disabled = inactive || isReadOnly;
    this.element.classList.toggle('off', inactive || isReadOnly);
    let why = '';
    if (isReadOnly) why = TEXT.panel_read_only;
    else if (inactive && waitsFor) why = fill(TEXT.panel_waits, { control: labelOf(waitsFor) });
    else if (inactive) why = TEXT.panel_inactive;
    else if (this.kind === 'number' && type !== 'bitmask') why = fill(TEXT.panel_range, control);
    fillElement(this.why, why);
    const isKnown = ![value, control.default].some((each) => each === null || each === undefined);
    const isOther = kept || (isKnown && String(value) !== String(control.default));
    this.reset.hidden = !isOther || isReadOnly || this.kind === 'press';
    this.show();
  }

  // Shows what holds, unless somebody is changing it.
  show() {
    const text = this.refused || this.control.problem || '';
    fillElement(this.wrong, text);
    for (const input of this.inputs) input.toggleAttribute('aria-invalid', Boolean(this.refused));
    if (this.isEdited || this.isSending || this.kind === 'press') return;
    const { value, type } = this.control;
    for (const input of this.inputs) {
      if (this.kind === 'switch') input.checked = Boolean(value);
      else if (value === null || value === undefined) input.value = '';
      else input.value = type === 'bitmask' ? `0x${BigInt.asUintN(32, BigInt(value)).toString(16)}` : value;
    }
  }

  // Sends a value when the one before it is answered, and not more than five a second: of several the last.
  async send(json) {
    if (this.isSending && json === this.last) return; // the end of a drag
    this.next = this.last = json;
    if (this.isSending) return;
    this.isSending = true;
    while (this.next !== null) {
      const data = `{${JSON.stringify(this.name)}: ${this.next}}`;
      this.next = null;
      const change = this.change('PUT', 'controls', data);
      await new Promise((resolve) => setTimeout(resolve, SEND_MS));
      await change;
    }
    this.isSending = false;
    this.show();
  }

  async change(method, path, data) {
    const { answer, why } = await askControls(method, path, data);
    const problem = answer && (answer.problems || []).find(({ control }) => control === this.name);
    this.refused = why || (problem ? said(problem.text) : '');
    this.show();
  }
}

// --- All of them.

function labelOf(name) {
  const row = panelRows.get(name);
  return row ? row.label : nameOf('label', name, name);
}

async function askControls(method, path = 'controls', data) {
  const tile = panelTile;
  panelAsked += 1;
  const mine = panelAsked;
  const asked = await askCamera(path, method, data);
  if (tile === panelTile && asked.answer && mine > panelShown) {
    panelShown = mine;
    listControls(asked.answer);
  }
  return asked;
}

function listControls({ available, why, why_text: whyText, controls, left_out_texts: leftOut, problems, problem: notKept }) {
  const told = new Map((problems || []).map(({ control, text }) => [control, said(text)]));
  const rows = new Map();
  for (const control of controls) {
    control.problem = told.get(control.name);
    const row = panelRows.get(control.name);
    const fits = row && row.form === Row.form(control);
    const { activeElement } = document;
    rows.set(control.name, fits ? row : new Row(control));
    if (row && !fits) {
      const hadFocus = row.element.contains(activeElement);
      row.element.replaceWith(rows.get(control.name).element);
      if (hadFocus) rows.get(control.name).inputs[0].focus();
    }
  }
  panelRows = rows;
  for (const control of controls) rows.get(control.name).update(control); // now that all labels are known
  const classes = JSON.stringify(controls.map((control) => [control.name, control.class]));
  if (classes !== panelClasses) {
    panelClasses = classes;
    const groups = [...new Set(controls.map((control) => control.class))].map((name) => {
      const id = `class-${name}`;
      const members = controls.filter((control) => control.class === name).map((control) => rows.get(control.name).element);
      return make('section', { role: 'group', 'aria-labelledby': id }, make('h3', { id }, nameOf('class', name, sentence(name))), ...members);
    });
    byId('panel-controls').replaceChildren(...groups);
  }
  byId('panel-controls').disabled = !available;
  setText('panel-none', available ? '' : said(whyText || why));
  const others = [...told].filter(([name]) => !rows.has(name)).map(([name, text]) => `${name}: ${text}`);
  const lines = [...(leftOut || []).map(plain), ...others];
  byId('panel-left-out').hidden = !lines.length;
  byId('panel-left-out').replaceChildren(...lines.map((line) => make('li', {}, line)));
  setText('panel-kept', notKept ? said(notKept) : TEXT.panel_kept);
  byId('panel-kept').hidden = byId('panel-reset').hidden = !controls.length;
}

async function fetchControls() {
  const { why, isAbsent } = await askControls('GET');
  if (isAbsent) byId('settings').open = true; // there is nothing else
  if (why) setText('panel-none', isAbsent ? '' : why);
}

// --- The panel.

function makePanel() {
  const back = make('button', { id: 'panel-back', type: 'button', title: TEXT.options, 'aria-label': TEXT.options }, '‹');
  const reset = make('button', { id: 'panel-reset', type: 'button', class: 'act', hidden: true }, TEXT.panel_reset_all);
  back.onclick = () => {
    closePanel();
    byId('tune').focus();
  };
  reset.onclick = async () => {
    for (const row of panelRows.values()) row.refused = '';
    const { why } = await askControls('DELETE');
    note(why ? fill(TEXT.not_changed, { why }) : TEXT.panel_was_reset);
  };
  if (byId('panel-back')) byId('panel-back').remove();
  byId('sheet-title').before(back);
  byId('panel').replaceChildren(
    make('p', { id: 'panel-none', class: 'hint', role: 'status' }, TEXT.panel_loading),
    makeSettings(),
    makeMotion(),
    make('fieldset', { id: 'panel-controls' }),
    make('ul', { id: 'panel-left-out', class: 'hint', hidden: true }),
    make('p', { id: 'panel-kept', class: 'hint', hidden: true }, TEXT.panel_kept),
    reset,
  );
}

// What /state says that may have changed the controls or settings.
function panelState({ camera: { state, controls, change_refused: refused, format, quality } }) {
  return JSON.stringify([state, controls, refused, format, quality]);
}

function openPanel(tile) {
  if (!byId('sheet').open) openSheet();
  panelTile = tile;
  panelRows = new Map();
  panelClasses = '';
  panelSeen = panelState(tile);
  makePanel();
  byId('panel').hidden = false;
  body.classList.add('tuning');
  setText('sheet-title', tiles.length > 1 ? `${TEXT.tune}: ${tile.title}` : TEXT.tune);
  byId('sheet').scrollTop = 0;
  byId('panel-back').focus();
  fetchControls();
}

function closePanel() {
  panelTile = null;
  byId('panel').hidden = true;
  byId('panel').replaceChildren();
  byId('panel-back').remove();
  body.classList.remove('tuning');
  setText('sheet-title', TEXT.options);
}

// After each /state.
function updatePanel(tile) {
  if (!panelTile) return;
  if (!tile || you.role !== 'control') {
    closePanel();
  } else if (tile !== panelTile) {
    openPanel(tile);
  } else if (panelSeen !== panelState(tile)) {
    panelSeen = panelState(tile);
    fetchControls();
    changeSettings('GET');
  }
}
