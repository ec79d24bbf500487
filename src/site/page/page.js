// The live page: keeps one stream of the chosen camera open, brings it back by itself, and says in words what
// is wrong. Everything it knows it asks of /state; it opens and closes the stream by what it hears there.
'use strict';

// Every text a person reads, in one place.
const TEXT = {
  states: {
    connecting: 'Connecting',
    reconnecting: 'Reconnecting',
    starting: 'Starting the camera',
    waiting: 'Waiting for the camera',
    live: 'Live',
  },
  size: (width, height) => `${width}×${height}`,
  rate: (fps) => `${fps} fps`,
  picture: (camera) => `Live picture of ${camera}`,
  cameras: 'Cameras',
  snapshot: 'Take a snapshot (s)',
  saved: (file) => `Saved ${file}`,
  noSnapshot: (why) => `No snapshot: ${why}`,
  fullscreen: 'Full screen (f)',
  fill: 'Fill the screen (f)',
  away: {
    what: 'The camera\'s board does not answer',
    offline: 'This device is not connected to any network',
    noAnswer: 'No answer over the network',
    status: (code) => `It answered with status ${code}`,
    advice: 'Check that the board has power and that this device is on the same network. The picture comes back by itself.',
  },
};

const POLL_MS = 2000; // between two looks at /state
const ANSWER_MS = 4000; // how long /state may take
const SNAPSHOT_MS = 10000; // how long a snapshot may take
const RETRY_MS = [1000, 2000, 4000, 5000]; // before opening a failed stream again; the last one from then on
const MISSING_POLLS = 2; // the server does not list our stream this often: it is gone
const STALLED_POLLS = 3; // frames go out, but not to us, this often: it is stuck
const FAILED_POLLS = 2; // this often without an answer: say more than "reconnecting"
const IDLE_MS = 4000; // until the controls fade
const NOTE_MS = 4000; // how long a note stays
// Another picture in the place of a stream makes every browser close its connection; an empty src does not.
const BLANK = 'data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==';

const at = (id) => document.getElementById(id);
const body = document.body;

// --- The stream: never more than one, since a browser opens few connections to a host.

let stream = null; // the open one
let retries = 0; // failures since a stream last moved
let retryAt = 0; // no stream is opened before this, on the clock of performance.now()

function openStream(camera) {
  const id = Math.random().toString(36).slice(2);
  const image = new Image();
  const opened = { id, image, url: camera.url, moving: false, stale: false, missing: 0, stalled: 0, sent: 0, published: 0 };
  image.alt = ''; // #view carries the description
  image.onload = () => {
    opened.moving = true;
    show();
  };
  image.onerror = () => {
    loseStream();
    show();
  };
  image.src = `${camera.url}stream?id=${id}`; // the id also keeps caches away
  at('view').append(image);
  stream = opened;
}

function closeStream() {
  if (!stream) return;
  const { image } = stream;
  stream = null;
  image.onload = image.onerror = null;
  if (image.naturalWidth) {
    // The last picture stays in sight until the next stream has one.
    const last = at('last');
    last.width = image.naturalWidth;
    last.height = image.naturalHeight;
    last.getContext('2d').drawImage(image, 0, 0);
  }
  image.src = BLANK;
  image.remove();
}

// The stream failed: close it and open it again a little later.
function loseStream() {
  closeStream();
  const wait = RETRY_MS[Math.min(retries, RETRY_MS.length - 1)];
  retries += 1;
  retryAt = performance.now() + wait;
  pollIn(Math.min(wait, POLL_MS));
}

// Whether the server still sends to our stream, by what it says of it.
function isLost(viewers, camera) {
  const row = viewers.find((viewer) => viewer.id === stream.id);
  if (!row) {
    stream.missing += 1;
    return stream.missing >= MISSING_POLLS;
  }
  stream.missing = 0;
  const published = camera.frames.published;
  if (row.frames_sent > stream.sent) {
    stream.moving = true;
    stream.stalled = 0;
    retries = 0;
  } else if (camera.state === 'live' && published > stream.published) {
    stream.stalled += 1;
  }
  stream.sent = row.frames_sent;
  stream.published = published;
  return stream.stalled >= STALLED_POLLS;
}

// --- /state, again and again.

let program = null; // what answered last
let cameras = []; // as last heard
let failure = null; // why there was no answer, while there is none
let failures = 0; // in a row
let timer = 0;
let asking = null; // the request on its way

function pollIn(ms) {
  clearTimeout(timer);
  timer = setTimeout(poll, ms);
}

async function poll() {
  if (asking) asking.abort();
  const mine = new AbortController();
  asking = mine;
  const limit = setTimeout(() => mine.abort(), ANSWER_MS);
  let state = null;
  let why = TEXT.away.noAnswer;
  try {
    const answer = await fetch('/state', { cache: 'no-store', signal: mine.signal });
    if (answer.ok) state = await answer.json();
    else why = TEXT.away.status(answer.status);
  } catch (error) {
    if (navigator.onLine === false) why = TEXT.away.offline;
  }
  clearTimeout(limit);
  if (asking !== mine) return; // another one has taken over, or the page sleeps
  asking = null;
  if (state) {
    failures = 0;
    pollIn(POLL_MS);
    hear(state);
  } else {
    pollIn(RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
    failures += 1;
    failure = why;
    if (stream) stream.stale = true;
  }
  show();
}

function hear(state) {
  if (program && program.version !== state.program.version) {
    location.reload(); // a new page came with it
    return;
  }
  if (program && program.instance !== state.program.instance) closeStream();
  program = state.program;
  cameras = state.cameras;
  const camera = chosen();
  if (stream && (!camera || stream.stale || stream.url !== camera.url)) closeStream();
  if (stream && isLost(state.viewers, camera)) loseStream();
  if (!stream && camera) {
    const wait = retryAt - performance.now();
    if (wait <= 0) openStream(camera);
    else pollIn(Math.min(wait, POLL_MS));
  }
}

// Nobody looks: no stream, no questions.
function sleep() {
  clearTimeout(timer);
  if (asking) asking.abort();
  asking = null;
  closeStream();
}

// Somebody looks again, or the network is back: whatever was open may be dead without a sign.
function wake() {
  if (document.hidden) return;
  sleep();
  retries = retryAt = 0;
  show();
  poll();
}

// --- The chosen camera: named by the URL's fragment, else by the page's own URL, else the first.

function chosen() {
  let name = location.hash.slice(1);
  try {
    name = decodeURIComponent(name);
  } catch (error) {
    // Not written by us; it names no camera.
  }
  return (
    cameras.find((camera) => camera.name === name) ||
    cameras.find((camera) => camera.url === location.pathname) ||
    cameras[0]
  );
}

function choose(camera) {
  history.replaceState(null, '', `#${encodeURIComponent(camera.name)}`);
  change();
}

function change() {
  const camera = chosen();
  if (!camera || (stream && stream.url === camera.url)) return;
  closeStream();
  at('last').width = 1; // not the other camera's picture
  retries = retryAt = 0;
  if (!document.hidden) openStream(camera);
  show();
}

// --- What is shown.

function setText(id, text) {
  const element = at(id);
  if (element.textContent !== text) element.textContent = text; // else it would be read out again
}

function show() {
  const camera = chosen();
  let state = program ? 'reconnecting' : 'connecting';
  if (!failures && camera && (camera.state !== 'live' || (stream && stream.moving))) state = camera.state;
  body.dataset.state = state;
  setText('state', TEXT.states[state] || state);
  const figures = [];
  if (state === 'live' && camera.format) {
    figures.push(TEXT.size(camera.format.width, camera.format.height));
    // 0 is not measured yet; slow cameras need the tenths.
    if (camera.fps > 0) figures.push(TEXT.rate(camera.fps < 9.95 ? camera.fps.toFixed(1) : Math.round(camera.fps)));
  }
  setText('figures', figures.join(', '));

  let problem = null;
  if (failures >= FAILED_POLLS) problem = { what: TEXT.away.what, why: failure, advice: TEXT.away.advice };
  else if (camera) problem = camera.problem;
  at('problem').hidden = !problem;
  body.classList.toggle('told', Boolean(problem));
  for (const part of ['what', 'why', 'advice']) setText(part, sentence(problem && problem[part]));

  showCameras(camera);
  if (camera) {
    at('view').setAttribute('aria-label', TEXT.picture(camera.name));
    document.title = cameras.length > 1 ? `${camera.name} – ${program.name}` : program.name;
  }
  if (state !== 'live') showControls();
}

// The server's parts of a problem are pieces of one log line; here each stands alone.
function sentence(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : '';
}

function showCameras(current) {
  const list = at('cameras');
  const names = cameras.map((camera) => camera.name);
  if (JSON.stringify(names) !== list.dataset.names) {
    list.dataset.names = JSON.stringify(names);
    list.hidden = names.length < 2;
    list.textContent = '';
    for (const camera of cameras) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = camera.name;
      button.onclick = () => choose(camera);
      list.append(button);
    }
  }
  Array.from(list.children).forEach((button, i) => button.setAttribute('aria-pressed', cameras[i] === current));
}

// --- The controls fade while a live picture is watched.

let idle = 0;
let byKeys = false; // the last hand was on the keyboard

function showControls() {
  body.classList.remove('idle');
  clearTimeout(idle);
  idle = setTimeout(() => {
    const focused = byKeys && document.activeElement !== body;
    if (body.dataset.state === 'live' && !focused) body.classList.add('idle');
  }, IDLE_MS);
}

addEventListener('pointermove', (event) => {
  if (event.pointerType === 'mouse') showControls();
});
addEventListener('pointerdown', (event) => {
  byKeys = false;
  const onPicture = at('view').contains(event.target);
  const shown = !body.classList.contains('idle');
  showControls();
  if (event.pointerType === 'touch' && onPicture && shown && body.dataset.state === 'live') body.classList.add('idle');
});
addEventListener('keydown', (event) => {
  byKeys = true;
  showControls();
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key === 'f') toggleFull();
  if (event.key === 's') snapshot();
});

let noteTimer = 0;

function note(text) {
  setText('note', text);
  showControls();
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => setText('note', ''), NOTE_MS);
}

// --- Snapshot: fetched first, so that a refusal can be told in words.

async function snapshot() {
  const camera = chosen();
  if (!camera) return;
  const stop = new AbortController();
  const limit = setTimeout(() => stop.abort(), SNAPSHOT_MS);
  try {
    const answer = await fetch(`${camera.url}snapshot`, { cache: 'no-store', signal: stop.signal });
    if (!answer.ok) {
      note(TEXT.noSnapshot((await answer.text()).trim() || TEXT.away.status(answer.status)));
      return;
    }
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await answer.blob());
    link.download = `${camera.name}-${timeForFile(new Date())}.jpg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), SNAPSHOT_MS);
    body.classList.add('shot');
    setTimeout(() => body.classList.remove('shot'), 300);
    note(TEXT.saved(link.download));
  } catch (error) {
    note(TEXT.noSnapshot(TEXT.away.noAnswer));
  } finally {
    clearTimeout(limit);
  }
}

// 2026-11-22_14-03-05, local time: sorts by name and is allowed in every file system.
function timeForFile(now) {
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60000);
  return local.toISOString().slice(0, 19).replace('T', '_').replace(/:/g, '-');
}

// --- Full screen. An iPhone has it for videos only; there the picture is cropped to fill the screen instead.

const canFull = document.fullscreenEnabled || document.webkitFullscreenEnabled;
const fullElement = () => document.fullscreenElement || document.webkitFullscreenElement;

async function toggleFull() {
  if (!canFull) {
    body.classList.toggle('full', body.classList.toggle('fill'));
    return;
  }
  const root = document.documentElement;
  try {
    if (fullElement()) {
      await (document.exitFullscreen || document.webkitExitFullscreen).call(document);
      return;
    }
    await (root.requestFullscreen || root.webkitRequestFullscreen).call(root);
    const image = stream && stream.image;
    if (image && image.naturalWidth > image.naturalHeight) await screen.orientation.lock('landscape');
  } catch (error) {
    // Refused, or a device whose screen does not turn: the page is as good without.
  }
}

function fullChanged() {
  body.classList.toggle('full', Boolean(fullElement()));
}
addEventListener('fullscreenchange', fullChanged);
addEventListener('webkitfullscreenchange', fullChanged);

// --- Start.

function label(button, text, action) {
  button.title = text;
  button.setAttribute('aria-label', text);
  button.onclick = action;
}
label(at('snapshot'), TEXT.snapshot, snapshot);
label(at('fullscreen'), canFull ? TEXT.fullscreen : TEXT.fill, toggleFull);
at('cameras').setAttribute('aria-label', TEXT.cameras);

document.addEventListener('visibilitychange', () => (document.hidden ? sleep() : wake()));
addEventListener('pagehide', sleep);
addEventListener('pageshow', wake); // the first time, and out of the back-forward cache
addEventListener('online', wake);
addEventListener('hashchange', change);
