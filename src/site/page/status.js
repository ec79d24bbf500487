// The line at the top, and in the options the statistics and the addresses for other devices and programs.

const ANNOUNCE_MS = 1500; // a state is announced to screen readers when it has lasted this long
const COPIED_MS = 2000; // how long a button shows that it has copied

// What people call a camera. One that was given no name is just the board's.
const UNNAMED = 'camera';

// Whether something moves in its picture, where that is noticed.
const isMoving = ({ camera }) => Boolean(camera.motion && camera.motion.moving);

function showStatus(one, state) {
  const live = tiles.filter((tile) => tile.mode === 'live' && tile.camera.state === 'live').length;
  const all = () => fill(TEXT.count, { cameras: counted(TEXT.count_cameras, tiles.length), live: rounded(live) });
  const words = !one && state === 'live' ? all() : TEXT[`state_${state}`];
  const board = program ? network.board : '';
  const named = one && (tiles.length > 1 || one.title !== UNNAMED);
  const title = named ? one.title : board;
  setText('title', title);
  setText('board', named ? board : '');
  setText('state', words);
  const viewers = one && !failures ? one.camera.viewers : 0;
  setText('viewers', viewers ? counted(TEXT.viewers, viewers) : '');
  setText('moves', one && !failures && isMoving(one) ? TEXT.moves : '');
  setText('stills', state === 'stills' ? TEXT.stills_why : '');
  if (program) document.title = named ? fill(TEXT.page, { camera: title, board }) : board;
  announce(fill(TEXT.announcement, { camera: title || document.title, state: words }));
}

// Announces a change to screen readers once it has lasted, so that a poor network does not cause a stream of them.
let announcing = '';
let announceTimer = 0;

function announce(text) {
  if (text === announcing) return;
  announcing = text;
  clearTimeout(announceTimer);
  announceTimer = setTimeout(() => setText('announcement', text), ANNOUNCE_MS);
}

const sizeAndRate = (size, fps) =>
  size ? [fill(TEXT.size, size), fps > 0 && fill(TEXT.rate, { fps: rounded(fps) })].filter(Boolean).join(', ') : TEXT.none;

// What the camera delivers, and what is sent to this page.
function showStatistics(tile) {
  const { format, fps } = (tile && tile.camera) || {};
  const viewer = body.dataset.state === 'live' ? tile && tile.viewer : null;
  const measured = viewer && viewer.fps > 0; // 0: not measured yet
  setText('value-camera', sizeAndRate(format, fps));
  setText('figures', sizeAndRate(tile && tile.size(), measured ? viewer.fps : 0));
  setText('value-age', measured ? time(viewer.age_ms) : TEXT.none);
  setText('value-skipped', viewer ? rounded(viewer.frames_skipped) : TEXT.none);
}

// Shows the URL for other devices, as text and as a QR code.
function showAddress() {
  const { url } = network;
  byId('other-device').hidden = !url;
  if (!url || byId('url').textContent === url) return;
  byId('code').src = `qr.svg?${encodeURIComponent(url)}`; // a new image for a new URL
  byId('code').alt = fill(TEXT.code, { url });
  setText('url', url);
}

// Lists the streams and snapshots of the cameras that are shown.
function showLinks() {
  const shown = chosen() ? [chosen()] : tiles;
  const links = shown.flatMap((tile) =>
    [[TEXT.link_stream, 'stream'], [TEXT.link_snapshot, 'snapshot']].map(([what, path]) => ({
      what: shown.length > 1 ? fill(TEXT.link_of, { camera: tile.title, what }) : what,
      // The page of a single camera has the shorter URLs.
      url: new URL(tiles.length > 1 ? tile.camera.url + path : path, document.baseURI).href,
    })),
  );
  byId('links-signed').hidden = !you || you.open;
  const text = links.map(({ what, url }) => what + url).join();
  if (byId('links').dataset.text === text) return; // the rows keep the focus
  byId('links').dataset.text = text;
  byId('links').replaceChildren(...links.map(makeLink));
}

function makeLink({ what, url }) {
  const row = byId('link').content.firstElementChild.cloneNode(true);
  const button = row.querySelector('button');
  row.querySelector('.what').textContent = what;
  // On a narrow screen it wraps behind a slash.
  row.querySelector('code').append(...url.match(/[^/]+\/*/g).flatMap((part) => [part, document.createElement('wbr')]));
  button.title = fill(TEXT.copy, { what });
  button.setAttribute('aria-label', button.title);
  button.onclick = async () => {
    if (!(await copy(row.querySelector('code')))) return note(TEXT.not_copied);
    note(TEXT.copied);
    row.classList.add('done');
    setTimeout(() => row.classList.remove('done'), COPIED_MS);
  };
  return row;
}

// Copies an element's text. Without encryption, browsers have no clipboard for scripts, but they let it copy
// what is selected.
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch (error) {
    getSelection().selectAllChildren(element);
    return document.execCommand('copy');
  }
}
