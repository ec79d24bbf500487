// Motion, a part of the panel: how it is noticed, what is seen of it now, and the parts of the picture that are left out.
// They are drawn on the picture with finger or mouse, or typed in a list.

const LOOK_MS = 500; // between two looks at what moves, while this part is open
const PART_PX = 12; // what is drawn smaller than this is a slip of the finger
const PART_EDGE = 0.015; // the part of the picture's side that counts as its edge
const NEW_PART = [0.35, 0.35, 0.3, 0.3]; // left, top, width and height of a part that is added in the list
const SENSITIVITIES = ['off', 'low', 'medium', 'high'];
const PART_SIDES = ['left', 'top', 'width', 'height'];

let motionNow = null; // the last answer
let motionTimer = 0;
let motionAsked = 0; // requests that were sent
let parts = []; // what is left out, as it is shown: while somebody draws, more than the server has
let partChosen = -1; // the selected part
let partDrawn = null; // the part that is being drawn

const perCent = (share) => (share * 100).toLocaleString(TEXT.lang, { maximumFractionDigits: share < 0.0995 ? 1 : 0 });
// What is drawn nearly to an edge goes to it.
const snapped = (share) => (share < PART_EDGE ? 0 : share > 1 - PART_EDGE ? 1 : share);
const toShare = (value) => Math.min(1, Math.max(0, value));
const rounds = (share) => Math.round(share * 10000) / 10000;

// --- The server.

async function askMotion(method, data) {
  clearTimeout(motionTimer);
  const tile = panelTile;
  motionAsked += 1;
  const mine = motionAsked;
  const { answer, why } = await askCamera('motion', method, data && JSON.stringify(data));
  if (tile !== panelTile || !byId('motion')) return;
  if (mine === motionAsked && byId('motion').open) motionTimer = setTimeout(askMotion, LOOK_MS, 'GET');
  // What was asked before a change, and comes after it, is old.
  if (answer && mine === motionAsked) listMotion(answer, method !== 'GET');
  if (method !== 'GET') fillElement(byId('motion-wrong'), why || '');
  if (why && method !== 'GET' && motionNow) listMotion(motionNow, true);
}

const setParts = () => askMotion('PUT', { ignore: parts });

// --- What is shown.

function listMotion(answer, isChanged) {
  const before = motionNow;
  motionNow = answer;
  const { available, why, why_text: whyText, sensitivity, level, threshold, moving, overruled, problem } = answer;
  // It may be open just now.
  if (isChanged || !before || before.sensitivity !== sensitivity) byId('motion-sensitivity').value = sensitivity;
  const isOn = sensitivity !== 'off';
  byId('motion-on').hidden = !isOn;
  const isKnown = level !== null && level !== undefined;
  const shown = isKnown ? level : 0;
  // Small shares matter most: the bar is their cube root.
  byId('motion-bar').style.width = `${Math.cbrt(toShare(shown)) * 100}%`;
  byId('motion-mark').hidden = !isKnown;
  if (isKnown) byId('motion-mark').style.left = `${Math.cbrt(toShare(threshold)) * 100}%`;
  byId('motion-level').classList.toggle('moving', moving);
  const figure = isKnown ? fill(TEXT.panel_motion_level, { level: perCent(level), threshold: perCent(threshold) }) : '';
  byId('motion-level').setAttribute('aria-valuenow', Math.round(shown * 1000) / 10);
  byId('motion-level').setAttribute('aria-valuetext', figure || TEXT.none);
  fillElement(byId('motion-figure'), figure);
  const sees = moving ? TEXT.panel_motion_moving : TEXT.panel_motion_still;
  fillElement(byId('motion-now'), isKnown ? sees : available ? '' : said(whyText || why));
  const how = [said(problem)];
  if (overruled.length) how.push(fill(TEXT.panel_overruled, { settings: overruled.join(', ') }));
  fillElement(byId('motion-how'), how.filter(Boolean).join(' '));
  byId('motion-reset').hidden = !overruled.length;
  const isOther = !before || JSON.stringify(before.ignore) !== JSON.stringify(answer.ignore);
  if (!partDrawn && (isOther || isChanged)) listParts(answer.ignore);
  placeParts();
}

// Shows these parts on the picture and in the list.
function listParts(list) {
  parts = list.map((part) => [...part]);
  if (partChosen >= parts.length) partChosen = -1;
  byId('parts-head').hidden = !parts.length;
  byId('parts-add').disabled = motionNow && parts.length >= motionNow.ignore_max;
  const rows = [...byId('parts-list').children];
  while (rows.length > parts.length) rows.pop().remove();
  while (rows.length < parts.length) {
    rows.push(makePartRow(rows.length));
    byId('parts-list').append(rows[rows.length - 1]);
  }
  rows.forEach((row, n) => {
    row.querySelectorAll('input').forEach((input, side) => {
      if (document.activeElement !== input) input.value = Math.round(parts[n][side] * 1000) / 10;
    });
  });
  const shapes = parts.map((part, n) => {
    const shape = make('div', { class: n === partChosen ? 'part selected' : 'part' }, make('b', {}, rounded(n + 1)));
    if (n === partChosen) shape.append(make('button', { type: 'button', tabindex: '-1', class: 'remove' }, '×'));
    place(shape, part);
    return shape;
  });
  byId('parts-area').replaceChildren(...shapes);
  rows.forEach((row, n) => row.classList.toggle('selected', n === partChosen));
}

function place(shape, [left, top, width, height]) {
  Object.assign(shape.style, { left: `${left * 100}%`, top: `${top * 100}%`, width: `${width * 100}%`, height: `${height * 100}%` });
}

function makePartRow(n) {
  const name = fill(TEXT.panel_motion_part, { n: rounded(n + 1) });
  const inputs = PART_SIDES.map((side, number) => {
    const label = `${name}, ${TEXT[`panel_motion_${side}`]}`;
    const attributes = { type: 'number', min: 0, max: 100, step: 'any', 'aria-label': label, title: TEXT[`panel_motion_${side}`] };
    const input = make('input', attributes);
    input.onfocus = () => choosePart(n);
    input.onchange = () => {
      const changed = parts.map((part) => [...part]);
      changed[n][number] = rounds(toShare(Number(input.value) / 100));
      // A part ends where the picture ends.
      for (const [from, length] of [[0, 2], [1, 3]]) {
        if (changed[n][from] + changed[n][length] > 1) changed[n][length] = rounds(1 - changed[n][from]);
      }
      parts = changed;
      setParts();
    };
    return input;
  });
  const remove = make('button', { type: 'button', class: 'remove', title: fill(TEXT.panel_motion_remove, { part: name }) }, '×');
  remove.setAttribute('aria-label', remove.title);
  remove.onclick = () => removePart(n);
  return make('li', {}, make('b', { 'aria-hidden': 'true' }, rounded(n + 1)), ...inputs, remove);
}

function choosePart(n) {
  if (partChosen === n) return;
  partChosen = n;
  listParts(parts);
}

function removePart(n) {
  parts.splice(n, 1);
  partChosen = -1;
  listParts(parts);
  const left = byId('parts-list').children[Math.min(n, parts.length - 1)];
  if (document.activeElement === body) (left ? left.querySelector('button') : byId('parts-add')).focus(); // its button went
  setParts();
}

function addPart() {
  parts.push([...NEW_PART]);
  partChosen = parts.length - 1;
  listParts(parts);
  byId('parts-list').lastElementChild.querySelector('input').focus();
  setParts();
}

// --- On the picture. It lies behind the open dialog; what is drawn on lies in the dialog, over the picture.

// The part of the window in which the whole picture is shown, without its margins.
function pictureBox() {
  const frame = panelTile.picture.getBoundingClientRect();
  const size = panelTile.size();
  if (!size || !size.width || !frame.width) return null;
  const fit = Math.min(frame.width / size.width, frame.height / size.height);
  const [width, height] = [size.width * fit, size.height * fit];
  return { frame, left: (frame.width - width) / 2, top: (frame.height - height) / 2, width, height };
}

function placeParts() {
  const surface = byId('parts');
  if (!surface) return;
  const box = byId('motion').open && motionNow && motionNow.sensitivity !== 'off' ? pictureBox() : null;
  surface.hidden = !box;
  if (!box) return;
  const px = ({ left, top, width, height }) => ({ left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  Object.assign(surface.style, px(box.frame));
  Object.assign(byId('parts-area').style, px(box));
}

// Where in the picture a pointer is, 0 to 1; beside it, at its edge.
function pointIn(event) {
  const area = byId('parts-area').getBoundingClientRect();
  return [snapped((event.clientX - area.left) / area.width), snapped((event.clientY - area.top) / area.height)];
}

function partAt([x, y]) {
  const isIn = ([left, top, width, height]) => x >= left && x <= left + width && y >= top && y <= top + height;
  return parts.map(isIn).lastIndexOf(true); // the one on top
}

function drawOn(surface) {
  surface.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || partDrawn || event.target.closest('.remove')) return;
    event.preventDefault();
    surface.setPointerCapture(event.pointerId);
    partDrawn = { id: event.pointerId, from: pointIn(event), x: event.clientX, y: event.clientY, shape: null };
  });
  surface.addEventListener('pointermove', (event) => {
    if (!partDrawn || partDrawn.id !== event.pointerId) return;
    const [x, y] = pointIn(event);
    const [fromX, fromY] = partDrawn.from;
    partDrawn.part = [Math.min(x, fromX), Math.min(y, fromY), Math.abs(x - fromX), Math.abs(y - fromY)].map(rounds);
    const isLarge = Math.min(Math.abs(event.clientX - partDrawn.x), Math.abs(event.clientY - partDrawn.y)) >= PART_PX;
    if (!partDrawn.shape && isLarge && parts.length < motionNow.ignore_max) {
      partDrawn.shape = make('div', { class: 'part selected' });
      byId('parts-area').append(partDrawn.shape);
    }
    if (partDrawn.shape) place(partDrawn.shape, partDrawn.part);
  });
  const ends = (event) => {
    if (!partDrawn || partDrawn.id !== event.pointerId) return;
    const { shape, part, from } = partDrawn;
    partDrawn = null;
    if (event.type === 'pointercancel') listParts(parts);
    else if (!shape) choosePart(partAt(from)); // a tap
    else if (part[2] > 0 && part[3] > 0) {
      partChosen = parts.length;
      listParts([...parts, part]);
      setParts();
    } else listParts(parts);
  };
  surface.addEventListener('pointerup', ends);
  surface.addEventListener('pointercancel', ends);
  surface.addEventListener('click', (event) => {
    if (event.target.closest('.remove')) removePart(partChosen);
  });
}

addEventListener('resize', () => {
  if (panelTile) placeParts();
});

// --- The part of the panel.

function makeMotion() {
  clearTimeout(motionTimer);
  motionNow = null;
  parts = [];
  partChosen = -1;
  partDrawn = null;
  const options = SENSITIVITIES.map((value) => make('option', { value }, TEXT[`panel_motion_${value}`]));
  const sensitivity = make('select', { id: 'motion-sensitivity', autocomplete: 'off' }, ...options);
  sensitivity.onchange = () => askMotion('PUT', { sensitivity: sensitivity.value });
  const add = make('button', { id: 'parts-add', type: 'button', class: 'act' }, TEXT.panel_motion_add);
  add.onclick = addPart;
  const reset = make('button', { id: 'motion-reset', type: 'button', class: 'act', hidden: true }, TEXT.unturn);
  reset.onclick = () => {
    sensitivity.focus(); // this button goes
    partChosen = -1;
    askMotion('DELETE');
  };
  const level = make(
    'div',
    { id: 'motion-level', role: 'meter', 'aria-label': TEXT.panel_motion_share, 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': 0 },
    make('div', { id: 'motion-bar' }),
    make('div', { id: 'motion-mark' }),
  );
  const surface = make('div', { id: 'parts', 'aria-hidden': 'true', hidden: true }, make('div', { id: 'parts-area' }));
  drawOn(surface);
  const part = make(
    'details',
    { id: 'motion' },
    make('summary', {}, TEXT.panel_motion),
    make('p', { class: 'hint' }, TEXT.panel_motion_for),
    make('div', { class: 'row choice' }, make('label', { for: 'motion-sensitivity' }, TEXT.panel_motion_sensitivity), sensitivity),
    make('p', { id: 'motion-wrong', class: 'wrong', role: 'status' }),
    make(
      'div',
      { id: 'motion-on', hidden: true },
      level,
      make('p', { id: 'motion-figure', class: 'hint' }),
      make('p', { id: 'motion-now', role: 'status' }),
      make('h3', { id: 'parts-name' }, TEXT.panel_motion_parts),
      make('p', { class: 'hint' }, TEXT.panel_motion_draw),
      make('div', { id: 'parts-head', 'aria-hidden': 'true', hidden: true }, ...PART_SIDES.map((side) => make('span', {}, TEXT[`panel_motion_${side}`]))),
      make('ol', { id: 'parts-list', 'aria-labelledby': 'parts-name' }),
      add,
    ),
    make('p', { id: 'motion-how', class: 'hint', role: 'status' }),
    reset,
    surface,
  );
  part.ontoggle = () => {
    clearTimeout(motionTimer);
    if (!part.isConnected) return;
    if (part.open) {
      resetZoom(panelTile); // what is drawn is drawn on the whole picture
      askMotion('GET');
    } else placeParts();
  };
  return part;
}

function openMotion() {
  byId('motion').open = true;
  byId('motion-sensitivity').focus();
  byId('motion').scrollIntoView();
}
