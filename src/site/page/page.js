// The live page: asks /state again and again, says of each camera whether it is shown live, by stills or not at
// all, and tells in words what is wrong. Everything it knows of the server it knows from there.

const POLL_MS = 2000; // between two looks at /state
const ANSWER_MS = 4000; // how long /state may take
const FAILED_POLLS = 2; // this often without an answer: say more than "reconnecting"
const STILL_MS = 2000; // between two stills of one camera
const STILL_PAUSE_MS = 300; // between any two stills
const SIGHT_MS = 150; // scrolling rests this long before streams are opened and closed
const SAID_MS = 1500; // a state lasts this long before it is read out
const TILE_GAP = 8; // pixels between tiles, as in page.css
const TILE_MIN = 150; // pixels a tile is wide at least

let program = null; // what answered last
let you = null; // who it says that we are
let network = {}; // how other devices reach it
let tiles = []; // one for each camera, in the server's order
let failure = null; // why there was no answer, while there is none
let failures = 0; // in a row
let timer = 0;
let asking = null; // the request on its way
let awake = false; // somebody may be looking

const share = new Share(() => awake && !failures && assign());

// --- /state, again and again.

function pollIn(ms) {
  clearTimeout(timer);
  if (awake) timer = setTimeout(poll, ms);
}

async function poll() {
  if (asking) asking.abort();
  const mine = new AbortController();
  asking = mine;
  const limit = setTimeout(() => mine.abort(), ANSWER_MS);
  let state = null;
  let why = TEXT.away_silent;
  try {
    // Beside the page: behind /cameras/NAME/ it is that camera's alone.
    const answer = await fetch('state', { cache: 'no-store', signal: mine.signal });
    if (answer.status === 401) location.reload(); // signed out: to where one signs in
    if (answer.ok) state = await answer.json();
    else why = fill(TEXT.away_status, { code: answer.status });
  } catch (error) {
    if (navigator.onLine === false) why = TEXT.away_offline;
  }
  clearTimeout(limit);
  if (asking !== mine) return; // another one has taken over, or the page sleeps
  asking = null;
  if (state) {
    failures = 0;
    pollIn(POLL_MS);
    hear(state);
  } else {
    pollIn(backOff(failures));
    failures += 1;
    failure = why;
    for (const { stream } of tiles) if (stream) stream.stale = true;
  }
  show();
}

function hear(state) {
  if (program && program.version !== state.program.version) {
    location.reload(); // a new page came with it
    return;
  }
  if (program && program.instance !== state.program.instance) tiles.forEach((tile) => tile.close());
  program = state.program;
  you = state.you;
  network = state.network;
  folder = state.recordings;
  if (state.cameras.map((camera) => camera.name).join('/') !== tiles.map((tile) => tile.name).join('/')) {
    tiles.forEach((tile) => tile.close());
    sight.disconnect();
    tiles = state.cameras.map((camera) => new Tile(camera.name));
    at('tiles').replaceChildren(...tiles.map((tile) => tile.element));
    tiles.forEach((tile) => sight.observe(tile.element));
  }
  tiles.forEach((tile, i) => tile.hear(state.cameras[i], state.viewers));
  assign();
  if (at('sheet').open) list();
}

// Nobody looks: no stream, no questions.
function sleep() {
  awake = false;
  clearTimeout(timer);
  if (asking) asking.abort();
  asking = null;
  assign();
}

// Somebody looks again, or the network is back: whatever was open may be dead without a sign.
function wake() {
  if (document.hidden) return;
  sleep();
  awake = true;
  show();
  poll();
}

// --- Which camera: one is named by the URL's fragment, or there is no other; else all.

function chosen() {
  let name = location.hash.slice(1);
  try {
    name = decodeURIComponent(name);
  } catch (error) {
    // Not written by us; it names no camera.
  }
  return tiles.find((tile) => tile.name === name) || (tiles.length === 1 ? tiles[0] : null);
}

// A step that the browser's back button undoes.
function choose(tile) {
  history.pushState({ fromAll: true }, '', `#${encodeURIComponent(tile.name)}`);
  change();
  at('back').focus();
}

function showAll() {
  const tile = chosen();
  if (!tile || tiles.length === 1) return;
  if (history.state && history.state.fromAll) {
    history.back();
  } else {
    history.replaceState(null, '', location.pathname + location.search);
    change();
  }
}

function neighbour(step) {
  const place = tiles.indexOf(chosen());
  if (place < 0 || tiles.length < 2) return;
  const next = tiles[(place + step + tiles.length) % tiles.length];
  history.replaceState(history.state, '', `#${encodeURIComponent(next.name)}`);
  change();
}

let before = null; // the camera that filled the window

function change() {
  const tile = chosen();
  resetZoom(before);
  assign();
  show();
  if (!tile && before) before.button.focus();
  before = tile;
}

// --- Who is live: the cameras in sight, as many as this window may have.

function assign() {
  const one = chosen();
  const shown = tiles.filter((tile) => (one ? tile === one : tile.inSight));
  // Among several, a stream is not spent on a camera without pictures; a camera alone shows the drawn card.
  const wanting = shown.filter((tile) => one || tile.camera.state === 'live').slice(0, LIVE_MAX);
  const granted = wanting.slice(0, share.ask(awake ? wanting.length : 0));
  for (const tile of tiles) {
    if (!awake || !shown.includes(tile)) tile.be('none', '');
    else if (granted.includes(tile)) tile.be('live', CHOICES[choice]);
    else tile.be('stills', CHOICES[choice]);
    if (tile.mode === 'live' && !tile.stream) pollIn(Math.min(tile.retryAt - performance.now(), POLL_MS));
  }
  takeStills();
}

let sightTimer = 0;
const sight = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const tile = tiles.find(({ element }) => element === entry.target);
    if (tile) tile.inSight = entry.isIntersecting;
  }
  clearTimeout(sightTimer);
  sightTimer = setTimeout(() => {
    if (awake && !failures) assign();
    show();
  }, SIGHT_MS);
});

let taking = false; // the loop below runs

// Stills one after the other, the oldest first: never more than one connection is spent on them.
async function takeStills() {
  if (taking) return;
  taking = true;
  for (;;) {
    const due = tiles.filter((tile) => tile.mode === 'stills' && tile.camera.state === 'live');
    if (!due.length) break;
    const oldest = due.reduce((a, b) => (b.stillAt < a.stillAt ? b : a));
    if (performance.now() - oldest.stillAt > STILL_MS || !oldest.stillAt) await oldest.takeStill();
    await new Promise((resolve) => setTimeout(resolve, STILL_PAUSE_MS));
  }
  taking = false;
}

// --- What is shown.

function show() {
  const one = chosen();
  let state = program ? 'reconnecting' : 'connecting';
  if (!failures && program) state = one ? one.state() : 'live';
  body.dataset.view = one || !tiles.length ? 'one' : 'all';
  body.dataset.state = state;
  const live = tiles.filter((tile) => tile.mode === 'live' && tile.camera.state === 'live').length;
  const words = !one && state === 'live' ? fill(TEXT.count, { all: tiles.length, live }) : TEXT[`state_${state}`];
  const name = one ? one.name : program && program.name;
  setText('state', words || state);
  setText('title', tiles.length > 1 ? name : '');
  document.title = one && tiles.length > 1 ? `${name} – ${program.name}` : program ? program.name : document.title;
  at('back').hidden = !one || tiles.length < 2;
  say(fill(TEXT.says, { camera: name || document.title, state: words || state }));

  let problem = null;
  if (failures >= FAILED_POLLS) problem = { what: TEXT.away, why: failure, advice: TEXT.away_advice };
  else if (program && program.problem) problem = program.problem; // a mistake in the settings
  else if (one) problem = one.camera.problem;
  at('problem').hidden = !problem;
  at('problem').lang = failures ? TEXT.lang : 'en'; // the server speaks English
  body.classList.toggle('told', Boolean(problem));
  for (const part of ['what', 'why', 'advice']) setText(part, sentence(problem && problem[part]));

  for (const tile of tiles) {
    tile.element.classList.toggle('chosen', tile === one);
    showTile(tile);
  }
  showFigures();
  showRecording();
  layOut();
  if (state !== 'live') showControls();
}

// The server's parts of a problem are pieces of one log line; here each stands alone.
function sentence(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : '';
}

function showTile(tile) {
  const state = failures ? 'reconnecting' : tile.state();
  if (tile.element.dataset.state === state) return;
  tile.element.dataset.state = state;
  tile.element.querySelector('.how').textContent = TEXT[`state_${state}`];
  const { problem } = tile.camera;
  tile.element.querySelector('.trouble').textContent = sentence(problem && problem.what);
}

// Small numbers need the tenths.
function rounded(value) {
  const digits = value < 9.95 ? 1 : 0;
  return value.toLocaleString(TEXT.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function time(ms) {
  return ms < 1000 ? fill(TEXT.ms, { ms: rounded(ms) }) : fill(TEXT.seconds, { s: rounded(ms / 1000) });
}

// What the camera gives, and what of it is sent to this page.
function showFigures() {
  const tile = chosen();
  const state = body.dataset.state;
  const size = tile && tile.size();
  const row = state === 'live' ? tile && tile.row : null;
  const figures = [];
  if (size && (state === 'live' || state === 'stills')) {
    figures.push(fill(TEXT.size, size));
    // 0 is not measured yet.
    if (state === 'live' && tile.camera.fps > 0) figures.push(fill(TEXT.rate, { fps: rounded(tile.camera.fps) }));
  }
  setText('figures', figures.join(', '));
  const measured = row && row.fps > 0;
  const mine = measured ? fill(TEXT.mine, { fps: rounded(row.fps), age: time(row.age_ms) }) : '';
  setText('mine', state === 'stills' ? TEXT.stills_why : mine);
  if (!at('sheet').open) return;
  showAddress();
  showRights(tile);
  const { format, fps } = (tile && tile.camera) || {};
  const camera = format ? `${fill(TEXT.size, format)}, ${fill(TEXT.rate, { fps: rounded(fps) })}` : TEXT.none;
  setText('of-camera', camera);
  setText('of-sent', measured ? fill(TEXT.rate, { fps: rounded(row.fps) }) : TEXT.none);
  setText('of-age', measured ? time(row.age_ms) : TEXT.none);
  setText('of-skipped', row ? String(row.frames_skipped) : TEXT.none);
}

// The address for another device, in words and to be scanned.
function showAddress() {
  const { url } = network;
  at('elsewhere').hidden = !url;
  if (!url || at('url').textContent === url) return;
  at('code').src = `qr.svg?${encodeURIComponent(url)}`; // another picture for another address
  at('code').alt = fill(TEXT.code, { url });
  setText('url', url);
}

// Reads a change out once it has lasted, so that a poor network does not make a chatterbox of it.
let saying = '';
let sayTimer = 0;

function say(text) {
  if (text === saying) return;
  saying = text;
  clearTimeout(sayTimer);
  sayTimer = setTimeout(() => setText('said', text), SAID_MS);
}

// The tiles as large as the window allows: in so many columns, with the first `wide` ones across two of them.
function layOut() {
  const list = at('tiles');
  if (body.dataset.view !== 'all') return;
  const format = tiles.map((tile) => tile.camera.format).find(Boolean) || { width: 16, height: 9 };
  const shape = format.width / format.height;
  const style = getComputedStyle(list);
  const width = innerWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const height = innerHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
  const count = tiles.length;
  let best = null;
  for (let columns = 1; columns <= count; columns += 1) {
    for (let wide = 0; wide <= (columns === 2 ? count - 2 : 0); wide += 1) {
      if (wide && (count - wide) % columns) continue; // no gap in the last row
      const rows = wide + Math.ceil((count - wide) / columns);
      const room = height - (rows - 1) * TILE_GAP;
      // A wide tile is as high as two others and the gap between them is wide.
      const across = (width - (columns - 1) * TILE_GAP) / columns;
      const most = (room * shape - wide * TILE_GAP) / (rows + wide);
      const side = Math.min(across, most);
      const area = side * side * (count - wide) + wide * (2 * side + TILE_GAP) ** 2;
      // Of those that are nearly as good, the one with most columns.
      if (!best || area > best.area * 0.95) best = { area, columns, wide, side };
    }
  }
  if (best.side < TILE_MIN) {
    const columns = Math.max(1, Math.floor(width / (TILE_MIN + TILE_GAP)));
    best = { columns, wide: 0, side: (width - (columns - 1) * TILE_GAP) / columns }; // and the page scrolls
  }
  list.style.setProperty('--columns', best.columns);
  list.style.setProperty('--side', `${Math.floor(best.side)}px`);
  list.style.setProperty('--shape', shape);
  tiles.forEach((tile, i) => tile.element.classList.toggle('wide', i < best.wide));
}

// --- Start.

document.addEventListener('visibilitychange', () => (document.hidden ? sleep() : wake()));
addEventListener('pagehide', sleep);
addEventListener('pageshow', wake); // the first time, and out of the back-forward cache
addEventListener('online', wake);
addEventListener('hashchange', change);
addEventListener('resize', () => {
  placePicture();
  layOut();
});
