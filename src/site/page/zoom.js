// A closer look at the picture that fills the window: two fingers, wheel, double tap or keys magnify it, and a
// finger or the arrow keys move it. Keys come from controls.js.

const ZOOM_MAX = 8;
const ZOOM_TAP = 2.5; // what a double tap magnifies to
const ZOOM_KEY = 1.5; // what one press of + or - multiplies or divides by
const PAN_KEY = 0.2; // of the window that one press of an arrow key moves by
const TAP_MS = 500; // how long a tap may last
const DOUBLE_MS = 350; // between the ends of the two taps of a double tap, at most
const TAP_PX = 12; // how far a tap may slip
const DOUBLE_PX = 40; // how far they may be apart

const zoom = { times: 1, x: 0, y: 0 }; // the picture's centre is x and y pixels away from the window's

// Puts the picture where `zoom` says; no edge of it comes farther into the window than need be.
function placePicture(smoothly) {
  const tile = chosen();
  if (!tile) return;
  const { innerWidth: width, innerHeight: height } = window;
  // Cropped to fill the window it is as large as that.
  const size = (!body.classList.contains('fill') && tile.size()) || { width, height };
  const fit = Math.min(width / size.width, height / size.height);
  const within = (value, side, room) => {
    const most = Math.max(0, (side * fit * zoom.times - room) / 2);
    return Math.min(most, Math.max(-most, value));
  };
  zoom.x = within(zoom.x, size.width, width);
  zoom.y = within(zoom.y, size.height, height);
  const { times, x, y } = zoom;
  tile.picture.classList.toggle('smooth', Boolean(smoothly));
  tile.picture.style.transform = times > 1 || x || y ? `translate(${x}px, ${y}px) scale(${times})` : '';
  body.classList.toggle('zoomed', times > 1);
  const shown = { times: rounded(times) };
  at('unzoom').hidden = times === 1;
  setText('unzoom', fill(TEXT.times, shown));
  at('unzoom').setAttribute('aria-label', fill(TEXT.zoom, shown));
}

// What was at `from`, a point of the window, when the picture was as in `start`, goes to `to`, magnified by `factor`.
function drag(start, factor, from, to, smoothly) {
  const times = Math.min(ZOOM_MAX, Math.max(1, start.times * factor));
  const [middleX, middleY] = [innerWidth / 2, innerHeight / 2];
  zoom.x = to.x - middleX - ((from.x - middleX - start.x) * times) / start.times;
  zoom.y = to.y - middleY - ((from.y - middleY - start.y) * times) / start.times;
  zoom.times = times;
  placePicture(smoothly);
}

// Magnifies by `factor`; what is under the point (x, y) of the window stays there.
function zoomBy(factor, x = innerWidth / 2, y = innerHeight / 2, smoothly = false) {
  drag({ ...zoom }, factor, { x, y }, { x, y }, smoothly);
}

function unzoom() {
  zoomBy(1 / ZOOM_MAX, undefined, undefined, true);
}

function panBy(x, y, smoothly) {
  zoom.x += x;
  zoom.y += y;
  placePicture(smoothly);
}

// Another camera, or all of them: each begins whole.
function resetZoom(tile) {
  Object.assign(zoom, { times: 1, x: 0, y: 0 });
  if (tile) tile.picture.style.transform = '';
  placePicture();
}

// --- Fingers and mouse on the picture.

const pointers = new Map(); // those that are down, where they are
let grip = null; // how the picture and the pointers were when the last one came or went
let tap = null; // the pointer that may become a tap: where and when it went down
let lastTap = null; // the tap before

function middle() {
  const [a, b = a] = pointers.values();
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) };
}

function takeGrip() {
  grip = pointers.size ? { ...zoom, from: middle() } : null;
}

function near(a, b, px) {
  return Math.hypot(a.x - b.x, a.y - b.y) < px;
}

// `tapped` is called for a single tap, with the event.
function watchPointers(surface, tapped) {
  surface.addEventListener('pointerdown', (event) => {
    if (body.dataset.view !== 'one' || event.button !== 0 || pointers.size === 2) return;
    const point = { x: event.clientX, y: event.clientY };
    pointers.set(event.pointerId, point);
    surface.setPointerCapture(event.pointerId);
    tap = pointers.size === 1 ? { ...point, at: event.timeStamp } : null;
    takeGrip();
  });
  surface.addEventListener('pointermove', (event) => {
    const point = pointers.get(event.pointerId);
    if (!point) return;
    Object.assign(point, { x: event.clientX, y: event.clientY });
    if (tap && !near(tap, point, TAP_PX)) tap = null;
    if (tap) return;
    const to = middle();
    drag(grip, grip.from.apart > 0 ? to.apart / grip.from.apart : 1, grip.from, to);
  });
  surface.addEventListener('pointercancel', (event) => {
    pointers.delete(event.pointerId);
    takeGrip();
    tap = null;
  });
  surface.addEventListener('pointerup', (event) => {
    if (!pointers.delete(event.pointerId)) return;
    takeGrip();
    if (!tap || event.timeStamp - tap.at > TAP_MS) return;
    const { x, y } = tap;
    tapped(event);
    if (lastTap && event.timeStamp - lastTap.at < DOUBLE_MS && near(lastTap, { x, y }, DOUBLE_PX)) {
      lastTap = null;
      zoomBy(zoom.times > 1 ? 1 / ZOOM_MAX : ZOOM_TAP, x, y, true);
    } else {
      lastTap = { x, y, at: event.timeStamp };
    }
  });
  const wheel = (event) => {
    if (body.dataset.view !== 'one') return;
    event.preventDefault(); // else the whole page is magnified or scrolled
    const step = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 30);
    // Two fingers on a touchpad come as small steps with ctrlKey.
    zoomBy(Math.exp(-step * (event.ctrlKey ? 0.01 : 0.002)), event.clientX, event.clientY);
  };
  surface.addEventListener('wheel', wheel, { passive: false });
}

