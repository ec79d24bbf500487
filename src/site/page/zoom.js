// Zooming and panning of the picture that fills the window, by fingers, wheel, double tap and keys. controls.js
// handles the keys.

const ZOOM_MAX = 8;
const ZOOM_TAP = 2.5; // the zoom after a double tap
const ZOOM_KEY = 1.5; // the zoom factor of one press of + or -
const PAN_KEY = 0.2; // one press of an arrow key pans by this part of the window
const TAP_MS = 500; // the longest tap
const DOUBLE_MS = 350; // the longest time between the ends of the two taps of a double tap
const TAP_PX = 12; // how far a finger may move during a tap
const DOUBLE_PX = 40; // how far the taps of a double tap may be apart

const zoom = { times: 1, x: 0, y: 0 }; // x and y: from the window's centre to the picture's, in pixels

// Moves the picture to where `zoom` says, but never further than its edges reach the window's.
function placePicture(smoothly) {
  const tile = chosen();
  if (!tile) return;
  const { innerWidth: width, innerHeight: height } = window;
  // A picture that is cropped to fill the window has the window's size.
  const size = (!body.classList.contains('fill') && tile.size()) || { width, height };
  const fit = Math.min(width / size.width, height / size.height);
  const clamp = (value, side, available) => {
    const most = Math.max(0, (side * fit * zoom.times - available) / 2);
    return Math.min(most, Math.max(-most, value));
  };
  zoom.x = clamp(zoom.x, size.width, width);
  zoom.y = clamp(zoom.y, size.height, height);
  const { times, x, y } = zoom;
  tile.picture.classList.toggle('smooth', Boolean(smoothly));
  tile.picture.style.transform = times > 1 || x || y ? `translate(${x}px, ${y}px) scale(${times})` : '';
  body.classList.toggle('zoomed', times > 1);
  const shown = { times: rounded(times) };
  byId('unzoom').hidden = times === 1;
  setText('unzoom', fill(TEXT.times, shown));
  byId('unzoom').setAttribute('aria-label', fill(TEXT.zoom, shown));
}

// Zooms by `factor`, and moves to `to` what was at the point `from` of the window when the zoom was `start`.
function drag(start, factor, from, to, smoothly) {
  const times = Math.min(ZOOM_MAX, Math.max(1, start.times * factor));
  const [middleX, middleY] = [innerWidth / 2, innerHeight / 2];
  zoom.x = to.x - middleX - ((from.x - middleX - start.x) * times) / start.times;
  zoom.y = to.y - middleY - ((from.y - middleY - start.y) * times) / start.times;
  zoom.times = times;
  placePicture(smoothly);
}

// Zooms by `factor` around the point (x, y) of the window.
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

// For another camera, or all of them: they begin without zoom.
function resetZoom(tile) {
  Object.assign(zoom, { times: 1, x: 0, y: 0 });
  if (tile) tile.picture.style.transform = '';
  placePicture();
}

// --- Fingers and mouse on the picture.

const pointers = new Map(); // the position of each pointer that is down
let dragStart = null; // the zoom and the pointers' middle when the last pointer came or went
let tap = null; // where and when a pointer went down that may be a tap
let lastTap = null; // the previous tap

function middle() {
  const [a, b = a] = pointers.values();
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) };
}

function startDrag() {
  dragStart = pointers.size ? { ...zoom, from: middle() } : null;
}

function near(a, b, px) {
  return Math.hypot(a.x - b.x, a.y - b.y) < px;
}

// Watches the pointers on `surface`; calls `tapped` with the event of each tap.
function watchPointers(surface, tapped) {
  surface.addEventListener('pointerdown', (event) => {
    if (body.dataset.view !== 'one' || event.button !== 0 || pointers.size === 2) return;
    const point = { x: event.clientX, y: event.clientY };
    pointers.set(event.pointerId, point);
    surface.setPointerCapture(event.pointerId);
    tap = pointers.size === 1 ? { ...point, at: event.timeStamp } : null;
    startDrag();
  });
  surface.addEventListener('pointermove', (event) => {
    const point = pointers.get(event.pointerId);
    if (!point) return;
    Object.assign(point, { x: event.clientX, y: event.clientY });
    if (tap && !near(tap, point, TAP_PX)) tap = null;
    if (tap) return;
    const to = middle();
    drag(dragStart, dragStart.from.apart > 0 ? to.apart / dragStart.from.apart : 1, dragStart.from, to);
  });
  surface.addEventListener('pointercancel', (event) => {
    pointers.delete(event.pointerId);
    startDrag();
    tap = null;
  });
  surface.addEventListener('pointerup', (event) => {
    if (!pointers.delete(event.pointerId)) return;
    startDrag();
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
    event.preventDefault(); // otherwise the browser zooms or scrolls the page
    const step = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 30);
    // A pinch on a touchpad comes as small steps with ctrlKey.
    zoomBy(Math.exp(-step * (event.ctrlKey ? 0.01 : 0.002)), event.clientX, event.clientY);
  };
  surface.addEventListener('wheel', wheel, { passive: false });
}

