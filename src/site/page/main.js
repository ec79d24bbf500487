// The live page: polls /state, decides which cameras are shown live, by stills or not at all, and shows problems.
// Everything it knows about the server comes from /state.

const POLL_MS = 2000; // between two polls of /state
const ANSWER_MS = 4000; // how long /state may take
const FAILED_POLLS = 2; // after this many polls without an answer, say more than "reconnecting"
const STILL_MS = 2000; // between two stills of one camera
const STILL_PAUSE_MS = 300; // between any two stills
const SCROLL_MS = 150; // streams are opened and closed when scrolling has stopped for this long
const TILE_GAP = 8; // pixels between tiles, as in page.css
const TILE_MIN = 150; // the least width of a tile, in pixels

let program = null; // about the server, from the last /state
let you = null; // about this user, from the last /state
let viewers = []; // everybody who watches, from the last /state
let network = {}; // how other devices reach the server
let tiles = []; // one for each camera, in the server's order
let failure = null; // why the last poll had no answer
let failures = 0; // polls without an answer, in a row
let timer = 0;
let polling = null; // the poll in progress
let awake = false; // the page is visible

const share = new StreamShare(() => awake && !failures && assign());

// --- Polling /state.

function pollIn(ms) {
  clearTimeout(timer);
  if (awake) timer = setTimeout(poll, ms);
}

async function poll() {
  if (polling) polling.abort();
  const mine = new AbortController();
  polling = mine;
  const limit = setTimeout(() => mine.abort(), ANSWER_MS);
  let state = null;
  let why = TEXT.unreachable_silent;
  try {
    // A relative URL: behind /cameras/NAME/ it is about that camera only.
    const answer = await fetch('state', { cache: 'no-store', signal: mine.signal });
    if (answer.status === 401) location.reload(); // signed out: the server redirects to the form
    await loadMessages();
    if (answer.ok) state = await answer.json();
    else why = fill(TEXT.unreachable_status, { code: answer.status });
  } catch (error) {
    if (navigator.onLine === false) why = TEXT.unreachable_offline;
  }
  clearTimeout(limit);
  if (polling !== mine) return; // another poll has replaced this one, or the page is hidden
  polling = null;
  if (state) {
    failures = 0;
    pollIn(POLL_MS);
    update(state);
  } else {
    pollIn(retryDelay(failures));
    failures += 1;
    failure = why;
    for (const { stream } of tiles) if (stream) stream.stale = true;
  }
  show();
}

function update(state) {
  if (program && program.version !== state.program.version) {
    location.reload(); // the server has another version of the page
    return;
  }
  if (program && program.instance !== state.program.instance) tiles.forEach((tile) => tile.close());
  program = state.program;
  you = state.you;
  network = state.network;
  viewers = state.viewers;
  folder = state.recordings;
  for (const camera of state.cameras) camera.url = fromRoot(camera.url);
  if (state.cameras.map((camera) => camera.name).join('/') !== tiles.map((tile) => tile.name).join('/')) {
    tiles.forEach((tile) => tile.close());
    visibility.disconnect();
    tiles = state.cameras.map((camera) => new Tile(camera));
    byId('tiles').replaceChildren(...tiles.map((tile) => tile.element));
    tiles.forEach((tile) => visibility.observe(tile.element));
  }
  tiles.forEach((tile, i) => tile.update(state.cameras[i], viewers));
  assign();
}

// The page is hidden: no streams, no polls.
function sleep() {
  awake = false;
  clearTimeout(timer);
  if (polling) polling.abort();
  polling = null;
  assign();
}

// The page is visible again, or the network is back: open connections may be dead without the browser knowing.
function wake() {
  if (document.hidden) return;
  sleep();
  awake = true;
  show();
  poll();
}

// --- The camera that fills the window: the one in the URL's fragment, or the only one; otherwise all are shown.

function chosen() {
  let name = location.hash.slice(1);
  try {
    name = decodeURIComponent(name);
  } catch (error) {
    // Not written by this page; it names no camera.
  }
  return tiles.find((tile) => tile.name === name) || (tiles.length === 1 ? tiles[0] : null);
}

// Shows one camera; the browser's back button returns to all.
function choose(tile) {
  history.pushState({ fromAll: true }, '', `#${encodeURIComponent(tile.name)}`);
  change();
  byId('back').focus();
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

let before = null; // the camera that filled the window before

function change() {
  const tile = chosen();
  resetZoom(before);
  if (recordingsView) recordingsView.opened(isPast());
  assign();
  show();
  if (!tile && before) before.button.focus();
  before = tile;
}

// --- Which cameras are live: the visible ones, as many as this window may open streams.

function assign() {
  const one = chosen();
  const past = isPast(); // then a recording may be played
  const shown = past ? [] : tiles.filter((tile) => (one ? tile === one : tile.isVisible));
  // A camera without pictures gets no stream, unless it is shown alone: then its stream shows the card.
  const wanting = shown.filter((tile) => one || tile.mayShow()).slice(0, LIVE_MAX);
  const granted = wanting.slice(0, share.request(awake ? wanting.length + past : 0));
  for (const tile of tiles) {
    if (!awake || !shown.includes(tile)) tile.setMode('none', '');
    else if (granted.includes(tile)) tile.setMode('live', CHOICES[choice]);
    else tile.setMode('stills', CHOICES[choice]);
    if (tile.mode === 'live' && !tile.stream) pollIn(Math.min(tile.retryAt - performance.now(), POLL_MS));
  }
  takeStills();
}

let scrollTimer = 0;
const visibility = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const tile = tiles.find(({ element }) => element === entry.target);
    if (tile) tile.isVisible = entry.isIntersecting;
  }
  clearTimeout(scrollTimer);
  scrollTimer = setTimeout(() => {
    if (awake && !failures) assign();
    show();
  }, SCROLL_MS);
});

let takingStills = false; // the loop below is running

// Takes stills one at a time, the oldest first, so that they occupy only one connection.
async function takeStills() {
  if (takingStills) return;
  takingStills = true;
  for (;;) {
    const due = tiles.filter((tile) => tile.mode === 'stills' && tile.mayShow());
    if (!due.length) break;
    const oldest = due.reduce((a, b) => (b.stillAt < a.stillAt ? b : a));
    if (performance.now() - oldest.stillAt > STILL_MS || !oldest.stillAt) await oldest.takeStill();
    await new Promise((resolve) => setTimeout(resolve, STILL_PAUSE_MS));
  }
  takingStills = false;
}

// --- Showing it.

function show() {
  const one = chosen();
  let state = program ? 'reconnecting' : 'connecting';
  if (!failures && program) state = one ? one.state() : 'live';
  body.dataset.view = isPast() ? 'recordings' : one || !tiles.length ? 'one' : 'all';
  body.dataset.state = state;
  byId('back').hidden = !one || tiles.length < 2;
  showStatus(one, state);

  let problem = null;
  if (failures >= FAILED_POLLS) problem = { what: TEXT.unreachable, why: failure, advice: TEXT.unreachable_advice };
  else if (program && program.problem) problem = inWords(program.problem); // an error in the settings
  else if (one) problem = inWords(one.camera.problem) || privacyProblem(one);
  byId('problem').hidden = !problem;
  const isClosed = Boolean(problem && problem.isPrivate);
  byId('reopen').hidden = !isClosed || !mayClose();
  byId('problem').lang = failures || messages || isClosed ? TEXT.lang : 'en';
  body.classList.toggle('has-problem', Boolean(problem));
  for (const part of ['what', 'why', 'advice']) setText(part, sentence(problem && problem[part]));
  setText('slow', one && one.camera.slow && !problem ? told(inWords(one.camera.slow.problem)) : '');

  for (const tile of tiles) {
    tile.element.classList.toggle('chosen', tile === one);
    showTile(tile);
  }
  showDetails(one);
  showRecording();
  layOut();
  if (state !== 'live') showControls();
  if (isPast()) showRecordings();
}

// What only the options show.
function showDetails(tile) {
  showStatistics(tile);
  if (!byId('sheet').open) return;
  showAddress();
  showLinks();
  showRights(tile);
  showOrientation(tile);
  showPrivacy();
  byId('tune').hidden = !mayTune(tile);
  if (body.classList.contains('tuning')) updatePanel(tile);
}

function showTile(tile) {
  const state = failures ? 'reconnecting' : tile.state();
  const problem = inWords(tile.camera.problem);
  tile.element.dataset.state = state;
  const parts = { '.how': TEXT[`state_${state}`], '.what': problem && problem.what, '.advice': problem && problem.advice };
  parts['.moves'] = isMoving(tile) && !failures ? TEXT.moves : '';
  for (const [part, text] of Object.entries(parts)) {
    const element = tile.element.querySelector(part);
    if (element.textContent !== sentence(text)) element.textContent = sentence(text);
  }
}

// Makes the tiles as large as the window allows. The first `wide` ones span two columns.
function layOut() {
  const list = byId('tiles');
  if (body.dataset.view !== 'all') return;
  const format = tiles.map((tile) => tile.camera.picture).find(Boolean) || { width: 16, height: 9 };
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
      const available = height - (rows - 1) * TILE_GAP;
      // A wide tile is as wide as two others and the gap between them, and higher to match.
      const across = (width - (columns - 1) * TILE_GAP) / columns;
      const most = (available * shape - wide * TILE_GAP) / (rows + wide);
      const side = Math.min(across, most);
      const area = side * side * (count - wide) + wide * (2 * side + TILE_GAP) ** 2;
      // Of layouts that are nearly as good, takes the one with the most columns.
      if (!best || area > best.area * 0.95) best = { area, columns, wide, side };
    }
  }
  if (best.side < TILE_MIN) {
    const columns = Math.max(1, Math.floor(width / (TILE_MIN + TILE_GAP)));
    best = { columns, wide: 0, side: (width - (columns - 1) * TILE_GAP) / columns }; // then the page scrolls
  }
  list.style.setProperty('--columns', best.columns);
  list.style.setProperty('--side', `${Math.floor(best.side)}px`);
  list.style.setProperty('--shape', shape);
  tiles.forEach((tile, i) => tile.element.classList.toggle('wide', i < best.wide));
}

// --- Start.

document.addEventListener('visibilitychange', () => (document.hidden ? sleep() : wake()));
addEventListener('pagehide', sleep);
addEventListener('pageshow', wake); // when it is loaded, and when it returns from the back-forward cache
addEventListener('online', wake);
addEventListener('hashchange', change);
addEventListener('resize', () => {
  placePicture();
  layOut();
});
