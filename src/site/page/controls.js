// Keys, snapshot, full screen, options; and the controls, which fade out over a live picture. zoom.js has what
// happens to the picture itself.

const IDLE_MS = 4000; // until the controls fade out
const NOTE_MS = 4000; // how long a note is shown
const SHOT_MS = 300; // how long the picture flashes

// --- Fading.

let idle = 0;
let byKeys = false; // the last input came from the keyboard

function showControls() {
  body.classList.remove('idle');
  clearTimeout(idle);
  idle = setTimeout(() => {
    const focused = byKeys && document.activeElement !== body;
    if (body.dataset.state === 'live' && !focused && !byId('sheet').open) hideControls();
  }, IDLE_MS);
}

function hideControls() {
  if (body.dataset.view === 'one') body.classList.add('idle');
}

addEventListener('pointermove', (event) => {
  if (event.pointerType === 'mouse') showControls();
});
addEventListener('pointerdown', (event) => {
  byKeys = false;
  if (event.pointerType === 'mouse' || !byId('tiles').contains(event.target)) showControls();
});
watchPointers(byId('tiles'), (event) => {
  if (event.pointerType === 'mouse') return;
  if (body.classList.contains('idle') || body.dataset.state !== 'live') showControls();
  else hideControls();
});

let noteTimer = 0;

function note(text) {
  setText('note', text);
  showControls();
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => setText('note', ''), NOTE_MS);
}

// --- Keys.

const PAN = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
// What a key does while one camera fills the window.
const KEYS = new Map([
  ['s', snapshot],
  ['r', () => record()],
  ['Escape', () => (zoom.times > 1 ? unzoom() : showAll())],
  ['0', unzoom],
  ['+', () => zoomBy(ZOOM_KEY, undefined, undefined, true)],
  ['=', () => zoomBy(ZOOM_KEY, undefined, undefined, true)], // the same key without shift
  ['-', () => zoomBy(1 / ZOOM_KEY, undefined, undefined, true)],
]);

addEventListener('keydown', (event) => {
  byKeys = true;
  showControls();
  const { key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || byId('sheet').open || isPast()) return;
  if (key === 'f' && !event.repeat) toggleFull();
  if (key === 'o' && !event.repeat) openSheet();
  if (key === 'c' && !event.repeat) tune();
  if (key === 'p' && !event.repeat) openRecordings();
  if (key === 'm' && !event.repeat) tune(true);
  if (key === 'h' && !event.repeat) switchPrivacy(!isPrivate());
  if (body.dataset.view !== 'one') return;
  const pan = PAN[key];
  if (pan && zoom.times > 1) panBy(pan[0] * PAN_KEY * innerWidth, pan[1] * PAN_KEY * innerHeight, true);
  else if (pan && pan[0]) neighbour(-pan[0]);
  else if (KEYS.has(key)) KEYS.get(key)();
});

// --- Snapshot: the original picture. It is fetched first, so that the page can say why there is none.

let isSavingSnapshot = false;

async function snapshot() {
  const tile = chosen();
  if (!tile || isSavingSnapshot) return;
  isSavingSnapshot = true;
  const stop = new AbortController();
  const limit = setTimeout(() => stop.abort(), SNAPSHOT_MS);
  try {
    const answer = await fetch(`${tile.camera.url}snapshot`, { cache: 'no-store', signal: stop.signal });
    if (!answer.ok) {
      const { problem } = tile.camera;
      note(fill(TEXT.no_snapshot, { why: problem ? sentence(inWords(problem).what) : await whyRefused(answer) }));
      return;
    }
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await answer.blob());
    link.download = `${tile.name}-${timeForFile(new Date())}.jpg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), SNAPSHOT_MS);
    body.classList.add('shot');
    setTimeout(() => body.classList.remove('shot'), SHOT_MS);
    note(fill(TEXT.saved, { file: link.download }));
  } catch (error) {
    note(fill(TEXT.no_snapshot, { why: TEXT.unreachable_silent }));
  } finally {
    clearTimeout(limit);
    isSavingSnapshot = false;
  }
}

// 2026-11-22_14-03-05, local time: sorts by name, and every file system allows it.
function timeForFile(now) {
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60000);
  return local.toISOString().slice(0, 19).replace('T', '_').replace(/:/g, '-');
}

// --- Full screen. An iPhone offers it for videos only; there the picture is cropped to fill the screen.

const canFull = document.fullscreenEnabled || document.webkitFullscreenEnabled;
const fullElement = () => document.fullscreenElement || document.webkitFullscreenElement;

async function toggleFull() {
  if (!canFull) {
    body.classList.toggle('full', body.classList.toggle('fill'));
    placePicture();
    return;
  }
  const root = document.documentElement;
  try {
    if (fullElement()) {
      await (document.exitFullscreen || document.webkitExitFullscreen).call(document);
      return;
    }
    await (root.requestFullscreen || root.webkitRequestFullscreen).call(root);
    const size = chosen() && chosen().size();
    if (size && size.width > size.height) await screen.orientation.lock('landscape');
  } catch (error) {
    // Refused, or the device's screen cannot rotate: the page works without.
  }
}

function fullChanged() {
  body.classList.toggle('full', Boolean(fullElement()));
}
addEventListener('fullscreenchange', fullChanged);
addEventListener('webkitfullscreenchange', fullChanged);

// --- Options: the choice of picture, stored in this browser.

const CHOICES = { original: '', smaller: 'size=960x720&quality=75', smallest: 'size=480x360&quality=60&fps=10' };
const CHOICE_KEY = 'boardcam.picture';
let choice = 'original';

try {
  const stored = localStorage.getItem(CHOICE_KEY);
  if (Object.keys(CHOICES).includes(stored)) choice = stored;
} catch (error) {
  // The browser stores nothing.
}

function choosePicture(name) {
  choice = name;
  try {
    localStorage.setItem(CHOICE_KEY, name);
  } catch (error) {
    // Then the choice lasts until the page is closed.
  }
  assign();
  show();
}

// Shows what this user may do: change the quality if the board encodes, and sign out.
function showRights(tile) {
  const quality = tile && tile.camera.quality;
  byId('control').hidden = !(tile && tile.camera.quality_can_be_set) || you.role !== 'control';
  // A camera's own JPEGs keep their quality until somebody lowers it.
  if (document.activeElement !== byId('quality')) byId('quality').value = quality || 100;
  setText('value-quality', byId('quality').value);
  byId('open').hidden = !you || !you.open;
  const what = folder ? TEXT.open_record : TEXT.open_watch;
  setText('open', fill(network.url ? TEXT.open_network : TEXT.open_here, { what }));
  byId('sign-out').hidden = !you || !you.session;
  setText('signed-in', fill(TEXT.signed_in, { user: you && you.user }));
}

async function changeQuality() {
  const options = { method: 'PUT', headers: OURS, body: JSON.stringify({ quality: Number(byId('quality').value) }) };
  try {
    const answer = await fetch(`${chosen().camera.url}api/quality`, options);
    if (!answer.ok) note(fill(TEXT.not_changed, { why: await whyRefused(answer) }));
  } catch (error) {
    note(fill(TEXT.not_changed, { why: TEXT.unreachable_silent }));
  }
}

// How a picture is turned (`rotate`, first) and flipped, as it is after what the button does to what is seen.

const FLIPS = ['none', 'horizontal', 'vertical', 'both'];

// In a mirror, the picture turns the other way.
function turned({ rotate, flip }, degrees) {
  const isMirror = flip === 'horizontal' || flip === 'vertical';
  return { rotate: (rotate + (isMirror ? -degrees : degrees) + 360) % 360, flip };
}

function flipped({ rotate, flip }, direction) {
  return { rotate, flip: FLIPS[FLIPS.indexOf(flip) ^ FLIPS.indexOf(direction)] };
}

function showOrientation(tile) {
  byId('orientation').hidden = !tile || you.role !== 'control';
  if (!tile) return;
  const { rotate, flip } = tile.camera;
  const overruled = tile.camera.overruled.filter((name) => name === 'rotate' || name === 'flip');
  byId('mirror').setAttribute('aria-pressed', flip === 'horizontal' || flip === 'both');
  byId('flip').setAttribute('aria-pressed', flip === 'vertical' || flip === 'both');
  const parts = [];
  if (rotate) parts.push(fill(TEXT.turned_by, { degrees: rotate }));
  if (flip !== 'none') parts.push(TEXT[`flipped_${flip}`]);
  const how = parts.length ? `${sentence(parts.join(', '))}.` : TEXT.not_turned;
  setText('turned-how', overruled.length ? fill(TEXT.turned_here, { how, settings: overruled.join(', ') }) : how);
  byId('unturn').hidden = !overruled.length;
}

// One after the other: each button changes what the one before it made.
let turning = Promise.resolve();

function orient(change) {
  const tile = chosen();
  if (!tile) return;
  turning = turning.then(async () => {
    const { camera } = tile;
    const options = { method: 'DELETE', headers: OURS };
    if (change) Object.assign(options, { method: 'PUT', body: JSON.stringify(change(camera)) });
    try {
      const answer = await fetch(`${camera.url}api/orientation`, options);
      if (!answer.ok) {
        note(fill(TEXT.not_changed, { why: await whyRefused(answer) }));
        return;
      }
      const { rotate, flip, overruled, problem } = await answer.json();
      Object.assign(tile.camera, { rotate, flip, overruled });
      if (problem) note(sentence(inWords(problem).what));
      show();
      pollIn(0); // how large the picture is now
    } catch (error) {
      note(fill(TEXT.not_changed, { why: TEXT.unreachable_silent }));
    }
  });
}

byId('turn-left').onclick = () => orient((now) => turned(now, -90));
byId('turn-right').onclick = () => orient((now) => turned(now, 90));
byId('mirror').onclick = () => orient((now) => flipped(now, 'horizontal'));
byId('flip').onclick = () => orient((now) => flipped(now, 'vertical'));
byId('unturn').onclick = () => {
  byId('turn-left').focus(); // this button goes
  orient();
};

// The camera's own controls. Their script and style are fetched when somebody first wants them, as those of recordings are.

const TUNED = ['controls', 'change_refused']; // what /state has where they, or settings, can be changed
const mayTune = (tile) => Boolean(tile && you && you.role === 'control' && TUNED.some((name) => name in tile.camera));
let loadingPanel = null;

function loadParts(name) {
  const parts = [['script', { src: `${name}.js` }], ['link', { rel: 'stylesheet', href: `${name}.css` }]];
  return Promise.all(
    parts.map(([tag, attributes]) => {
      const part = Object.assign(document.createElement(tag), attributes);
      document.head.append(part);
      return new Promise((resolve, reject) => Object.assign(part, { onload: resolve, onerror: reject }));
    }),
  );
}

// Opens them, or at once the part about motion.
async function tune(toMotion = false) {
  if (!mayTune(chosen())) return;
  loadingPanel = loadingPanel || loadParts('panel');
  try {
    await loadingPanel;
  } catch (error) {
    loadingPanel = null; // the next try may succeed
    note(TEXT.unreachable_silent);
    return;
  }
  if (!mayTune(chosen())) return;
  openPanel(chosen());
  if (toMotion) openMotion();
}

function openSheet() {
  byId('choices').querySelector(`[value="${choice}"]`).checked = true;
  if (byId('sheet').showModal) byId('sheet').showModal();
  else byId('sheet').setAttribute('open', ''); // an old browser
  moveNote(byId('sheet'));
  showDetails(chosen());
}

function closeSheet() {
  if (byId('sheet').close) byId('sheet').close();
  else byId('sheet').removeAttribute('open');
  sheetClosed();
}

function sheetClosed() {
  if (body.classList.contains('tuning')) closePanel();
  moveNote(body);
  showControls();
}

// Behind the open options, a note would be neither seen nor read out.
function moveNote(parent) {
  setText('note', '');
  parent.append(byId('note'));
}

byId('quality').oninput = () => setText('value-quality', byId('quality').value);
byId('quality').onchange = changeQuality;
byId('sign-out').onsubmit = (event) => {
  event.preventDefault();
  const again = () => location.reload(); // the server leads to the form
  fetch('sign-out', { method: 'POST', headers: OURS, redirect: 'manual' }).then(again, again);
};
byId('choices').onchange = (event) => choosePicture(event.target.value);
byId('sheet').onclick = (event) => {
  if (event.target === byId('sheet')) closeSheet(); // outside its contents
};
byId('close').onclick = closeSheet;
byId('sheet').addEventListener('close', sheetClosed); // also by Escape
byId('options').onclick = openSheet;
byId('tune').onclick = () => tune();
byId('snapshot').onclick = snapshot;
byId('fullscreen').onclick = toggleFull;
byId('unzoom').onclick = unzoom;
byId('back').onclick = showAll;

// --- The texts of index.html.

document.documentElement.lang = TEXT.lang;
for (const element of document.querySelectorAll('[data-text]')) element.textContent = TEXT[element.dataset.text];
for (const element of document.querySelectorAll('[data-label]')) {
  const text = element.id === 'fullscreen' && !canFull ? TEXT.fill : TEXT[element.dataset.label];
  element.setAttribute('aria-label', text);
  if (element.localName === 'button') element.title = text;
}

