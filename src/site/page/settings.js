// The camera's settings that can be changed while it runs: size, rate, format and quality. A part of the panel.

const SETTINGS = ['size', 'fps', 'format', 'quality'];
// What is suggested where the camera lists nothing; anything else can be typed.
const SUGGESTED = {
  size: ['640x480', '800x600', '1280x720', '1920x1080'],
  fps: [5, 10, 15, 25, 30],
  format: ['auto', 'mjpeg', 'yuyv', 'nv12'],
  quality: [50, 70, 80, 90],
};

let settingRows = new Map();
let settingsForm = ''; // what the rows were made from

// A value as people write it.
function settingText(name, value) {
  if (name === 'format' && value === AUTOMATIC) return TEXT.panel_automatic;
  if (name === 'size') return String(value).replace('x', '×');
  return typeof value === 'number' ? rounded(value) : String(value);
}

const AUTOMATIC = 'auto'; // the format that leaves the choice to the program
const OTHER = 'other'; // in place of a value: one that is not listed

class SettingRow {
  constructor(name, { choices, configured }) {
    this.name = name;
    this.isEdited = false;
    this.id = `setting-${name}`;
    const attributes = { 'aria-describedby': `${this.id}-wrong`, autocomplete: 'off' };
    const hasChoices = Boolean(choices && choices.length);
    const inputmode = name === 'fps' ? 'decimal' : name === 'quality' && 'numeric';
    this.unset = make('option', { value: '' });
    this.field = make('input', { type: 'text', inputmode, list: !hasChoices && `${this.id}-list`, ...attributes });
    this.field.onblur = () => this.leave();
    this.parts = [this.field];
    if (!hasChoices) {
      this.parts.push(make('datalist', { id: `${this.id}-list` }, ...SUGGESTED[name].map((value) => make('option', { value }))));
    }
    if (hasChoices) {
      // Without a format in the settings, automatic is as in the settings.
      const isOffered = (value) => value !== AUTOMATIC || Boolean(configured);
      const items = choices.filter(isOffered).map((value) => make('option', { value }, settingText(name, value)));
      // A camera takes the nearest size and rate that it has, and no other format.
      const other = name === 'format' ? '' : make('option', { value: OTHER }, TEXT.setting_other);
      this.select = make('select', attributes, this.unset, ...items, other);
      this.parts = [this.select];
    }
    this.input = this.parts[0];
    this.input.id = this.id;
    for (const input of [this.field, this.select].filter(Boolean)) {
      input.oninput = () => (this.isEdited = true);
      input.onchange = () => (input.value === OTHER ? this.type() : changeSettings('PUT', this));
    }
    this.wrong = make('p', { id: `${this.id}-wrong`, class: 'wrong', role: 'status' });
    const label = make('label', { for: this.id }, TEXT[`setting_${name}`]);
    this.element = make('div', { class: 'row choice' }, label, ...this.parts, this.wrong);
  }

  // Shows the field to type in, or the list again.
  use(input) {
    if (input === this.input) return;
    const isFocused = document.activeElement === this.input;
    const before = this.input;
    this.input = input; // first: an element that goes loses the focus
    before.removeAttribute('id');
    input.id = this.id;
    before.replaceWith(input);
    if (isFocused) input.focus();
  }

  type() {
    this.field.value = '';
    this.use(this.field);
    this.isEdited = true; // what comes from the camera meanwhile does not close the field
  }

  leave() {
    if (!this.select || this.field.value || this.input !== this.field) return;
    this.isEdited = false;
    if (settingsNow) showSettings();
  }

  show({ value, configured, overruled }) {
    const isSet = configured !== null && configured !== undefined;
    const holds = isSet ? configured : overruled ? null : value;
    const unset = isSet ? TEXT.panel_configured : TEXT.panel_automatic;
    const shown = holds === null ? unset : `${unset} (${settingText(this.name, holds)})`;
    fillElement(this.unset, shown);
    this.field.placeholder = shown;
    if (this.isEdited) return;
    if (this.select) this.use(this.select);
    const text = overruled ? String(value) : '';
    if (overruled && this.select && ![...this.select.options].some((item) => item.value === text)) {
      this.unset.after(make('option', { value: text }, settingText(this.name, value)));
    }
    this.input.value = text;
  }

  refuse(why) {
    fillElement(this.wrong, why);
    this.input.toggleAttribute('aria-invalid', Boolean(why));
  }
}

// One after the other: each change reopens the camera.
let changingSettings = Promise.resolve();

function changeSettings(method, row) {
  const tile = panelTile;
  const asked = changingSettings.then(async () => {
    if (tile !== panelTile) return;
    const text = row && row.input.value.trim().replace('×', 'x').replace(',', '.');
    const isNumber = text && Number.isFinite(Number(text));
    const value = isNumber ? Number(text) : text || null;
    if (method !== 'GET') fillElement(byId('settings-how'), TEXT.panel_changing);
    const { answer, why } = await askCamera('settings', method, row && JSON.stringify({ [row.name]: value }));
    if (tile !== panelTile) return;
    if (row) row.isEdited = false;
    if (answer) listSettings(answer);
    else if (settingsNow) showSettings();
    if (row) row.refuse(why || '');
    else if (why && method !== 'GET') note(fill(TEXT.not_changed, { why }));
  });
  changingSettings = asked;
  return asked;
}

let settingsNow = null; // the last answer

function listSettings(answer) {
  settingsNow = answer;
  const there = SETTINGS.filter((name) => answer.settings[name]);
  const form = JSON.stringify(there.map((name) => [name, answer.settings[name].choices]));
  if (form !== settingsForm) {
    settingsForm = form;
    const focused = document.activeElement.id;
    settingRows = new Map(there.map((name) => [name, new SettingRow(name, answer.settings[name])]));
    byId('settings-rows').replaceChildren(...[...settingRows.values()].map(({ element }) => element));
    if (focused && byId(focused)) byId(focused).focus();
  }
  byId('settings').hidden = !there.length;
  showSettings();
}

function showSettings() {
  const { settings, applied, problem } = settingsNow;
  for (const [name, row] of settingRows) row.show(settings[name]);
  const overruled = [...settingRows.keys()].filter((name) => settings[name].overruled);
  const how = [said(problem)];
  if (!applied && panelTile.camera.state !== 'waiting') how.push(TEXT.panel_changing);
  if (overruled.length) how.push(fill(TEXT.panel_overruled, { settings: overruled.join(', ') }));
  fillElement(byId('settings-how'), how.filter(Boolean).join(' '));
  byId('settings-reset').hidden = !overruled.length;
}

function makeSettings() {
  settingRows = new Map();
  settingsForm = '';
  settingsNow = null;
  const reset = make('button', { id: 'settings-reset', type: 'button', class: 'act', hidden: true }, TEXT.unturn);
  reset.onclick = () => {
    [...settingRows.values()][0].input.focus(); // this button goes
    for (const row of settingRows.values()) row.refuse('');
    changeSettings('DELETE');
  };
  const part = make(
    'details',
    { id: 'settings', hidden: true },
    make('summary', {}, TEXT.panel_settings),
    make('p', { class: 'hint' }, TEXT.panel_settings_for),
    make('div', { id: 'settings-rows' }),
    make('p', { id: 'settings-how', class: 'hint', role: 'status' }),
    reset,
  );
  changeSettings('GET');
  return part;
}
