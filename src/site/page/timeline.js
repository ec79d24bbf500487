// The timeline of a day: when something was recorded, when something moved, and where the player is. A tap or a drag
// moves the player; pinching, the wheel and two buttons change how much of the day is shown.

const SPAN_MIN_MS = 60000; // the shortest time that the whole width may show
const ZOOM_STEP = 2; // by one press of a button
const JOINED_MS = 3000; // recordings with a shorter gap between them are drawn as one bar
const TICK_PX = 72; // the least distance between two labels
const TICKS_MS = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600].map((s) => s * 1000);
const HELD_PX = 6; // a finger that has moved this far drags
const EDGE = 0.06; // a finger in this part of the width, at either end, moves the time that is shown
const EDGE_MS = 50;
const EVENT_PX = 10; // a tap this near to an event is one on it
const EVENTS_PX = 32; // the height of the upper part, in which events are
const FITTED_MIN_MS = 600000; // of a day with few recordings, at least this much is shown at first

const clockTime = (ms, withSeconds = true) =>
  new Date(ms).toLocaleTimeString(TEXT.lang, { hour: 'numeric', minute: '2-digit', second: withSeconds ? '2-digit' : undefined });

// A length of time: `5:00`, `1:02:03`.
function lengthText(seconds) {
  const whole = Math.round(seconds);
  const two = (value) => String(value).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

class Timeline {
  // Calls `seek` with a time, and whether the finger is still down; `pick` with an event that is pressed.
  constructor({ seek, pick }) {
    Object.assign(this, { seek, pick });
    this.day = { from: 0, to: 1 };
    this.shown = { from: 0, to: 1 };
    this.head = 0;
    this.spans = []; // recorded times
    this.events = [];
    this.cut = null; // the piece that is marked: `from`, `to`, each may be null
    this.pointers = new Map(); // the position of each finger
    this.isDragging = false;
    this.edgeTimer = 0;
    this.drawn = make('div', { class: 'drawn' });
    this.needle = make('div', { class: 'needle' });
    this.flag = make('output', { class: 'flag', 'aria-hidden': 'true' });
    this.needle.append(this.flag);
    this.peeked = null; // the event under the mouse
    this.peekImage = make('img', { alt: '' });
    this.peekTime = make('span');
    this.peek = make('div', { id: 'peek', 'aria-hidden': 'true', hidden: true }, this.peekImage, this.peekTime);
    const slider = { role: 'slider', tabindex: '0', 'aria-label': TEXT.play_position, 'aria-valuemin': '0' };
    this.band = make('div', { id: 'line', ...slider }, this.drawn, this.needle);
    const button = (id, text, sign, factor) => {
      const made = make('button', { id, type: 'button', title: text, 'aria-label': text }, sign);
      made.onclick = () => this.zoom(factor, this.head);
      return made;
    };
    this.farther = button('farther', TEXT.play_farther, '−', ZOOM_STEP);
    this.closer = button('closer', TEXT.play_closer, '+', 1 / ZOOM_STEP);
    this.element = make('div', { id: 'time' }, this.farther, this.band, this.closer, this.peek);
    this.watch();
    new ResizeObserver(() => this.draw()).observe(this.band);
  }

  // --- What is drawn.

  showDay(day) {
    this.day = day;
    this.shown = { ...day };
    this.pointers.clear();
    this.letGo();
    this.showPeek(null);
  }

  // `spans` in the order of their time, with `from` and `to`.
  show(spans, events) {
    this.spans = [];
    for (const { from, to, growing } of spans) {
      const last = this.spans[this.spans.length - 1];
      if (last && from - last.to < JOINED_MS) Object.assign(last, { to: Math.max(last.to, to), growing });
      else this.spans.push({ from, to, growing });
    }
    this.events = events;
    this.draw();
  }

  // Shows the part of the day in which something was recorded.
  fit() {
    const { spans } = this;
    if (!spans.length) return;
    const [from, to] = [spans[0].from, spans[spans.length - 1].to];
    const span = Math.max(FITTED_MIN_MS, (to - from) * 1.1);
    this.move((from + to - span) / 2, span);
  }

  showCut(cut) {
    this.cut = cut;
    this.draw();
  }

  // Moves the playhead; follows it if it leaves the time that is shown.
  setHead(ms, words) {
    this.head = ms;
    const { from, to } = this.shown;
    if (!this.isDragging && (ms < from || ms > to)) this.move(ms - (to - from) / 2);
    this.needle.style.left = this.left(ms);
    this.flag.textContent = clockTime(ms);
    const place = (ms - this.shown.from) / (this.shown.to - this.shown.from);
    this.flag.dataset.side = place < 0.2 ? 'right' : place > 0.8 ? 'left' : 'middle';
    if (!words) return;
    this.band.setAttribute('aria-valuemax', Math.round((this.day.to - this.day.from) / 1000));
    this.band.setAttribute('aria-valuenow', Math.round((ms - this.day.from) / 1000));
    this.band.setAttribute('aria-valuetext', words);
  }

  left(ms) {
    return `${((ms - this.shown.from) / (this.shown.to - this.shown.from)) * 100}%`;
  }

  draw() {
    const { from, to } = this.shown;
    const parts = [];
    const add = (kind, start, end) => {
      if (end < from || start > to) return;
      const part = make('div', { class: kind });
      const [left, right] = [Math.max(start, from), Math.min(end, to)];
      part.style.left = this.left(left);
      part.style.width = `${((right - left) / (to - from)) * 100}%`;
      parts.push(part);
    };
    const width = this.band.clientWidth || 300;
    const step = TICKS_MS.find((ms) => ((to - from) / ms) * TICK_PX <= width) || TICKS_MS[TICKS_MS.length - 1];
    for (let ms = this.day.from + Math.ceil((from - this.day.from) / step) * step; ms < to; ms += step) {
      const tick = make('div', { class: 'tick' }, clockTime(ms, step < 60000));
      tick.style.left = this.left(ms);
      parts.push(tick);
    }
    for (const span of this.spans) add(span.growing ? 'span growing' : 'span', span.from, span.to);
    for (const event of this.events) add('event', event.from, event.to);
    if (this.cut && this.cut.from !== null) add('cut', this.cut.from, this.cut.to === null ? this.cut.from : this.cut.to);
    this.drawn.replaceChildren(...parts);
    this.needle.style.left = this.left(this.head);
    this.farther.disabled = to - from >= this.day.to - this.day.from;
    this.closer.disabled = to - from <= SPAN_MIN_MS;
  }

  // --- How much of the day is shown.

  move(from, span = this.shown.to - this.shown.from) {
    const most = this.day.to - this.day.from;
    const wide = Math.min(most, Math.max(Math.min(SPAN_MIN_MS, most), span));
    const start = Math.min(this.day.to - wide, Math.max(this.day.from, from));
    this.shown = { from: start, to: start + wide };
    this.draw();
  }

  // Shows `factor` times as much; the time `around` stays where it is.
  zoom(factor, around) {
    const { from, to } = this.shown;
    const span = Math.min(this.day.to - this.day.from, Math.max(SPAN_MIN_MS, (to - from) * factor));
    this.move(around - ((around - from) / (to - from)) * span, span);
  }

  // --- Fingers and mouse.

  timeAt(x) {
    const { left, width } = this.band.getBoundingClientRect();
    const place = Math.min(1, Math.max(0, (x - left) / (width || 1)));
    return this.shown.from + place * (this.shown.to - this.shown.from);
  }

  // The event at this place of the window.
  eventAt({ clientX, clientY }) {
    const { left, top, width } = this.band.getBoundingClientRect();
    if (clientY - top > EVENTS_PX) return null;
    const { from, to } = this.shown;
    const far = (ms) => ((ms - from) / (to - from)) * width + left - clientX;
    return this.events.findLast((event) => far(event.from) < EVENT_PX && far(event.to) > -EVENT_PX) || null;
  }

  // Shows an event's picture and time above the timeline.
  showPeek(event) {
    if (event === this.peeked) return;
    this.peeked = event;
    this.peek.hidden = !event;
    this.band.classList.toggle('picks', Boolean(event));
    if (!event) return;
    this.peekImage.hidden = !event.picture;
    this.peekImage.src = event.picture || BLANK;
    this.peekTime.textContent = clockTime(event.from);
    const place = (event.from - this.shown.from) / (this.shown.to - this.shown.from);
    const inside = Math.min(1, Math.max(0, place)) * 100;
    this.peek.style.left = `${inside}%`;
    this.peek.style.transform = `translateX(-${inside}%)`; // so that it stays in the window
  }

  watch() {
    const { band } = this;
    let down = null; // where the first finger came down; null once it cannot be a tap
    let pinch = null; // two fingers: how far apart they were, the time between them, and the span then
    const middle = () => {
      const [a, b] = [...this.pointers.values()];
      return { x: (a + b) / 2, apart: Math.max(20, Math.abs(a - b)) };
    };
    band.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || this.pointers.size === 2) return;
      this.pointers.set(event.pointerId, event.clientX);
      band.setPointerCapture(event.pointerId);
      down = this.pointers.size === 1 ? event.clientX : null;
      if (this.pointers.size < 2) return;
      if (this.isDragging) this.letGo(true);
      const { x, apart } = middle();
      pinch = { apart, around: this.timeAt(x), span: this.shown.to - this.shown.from };
    });
    band.addEventListener('pointerleave', () => this.showPeek(null));
    band.addEventListener('pointermove', (event) => {
      if (event.pointerType === 'mouse') this.showPeek(this.pointers.size ? null : this.eventAt(event));
      if (!this.pointers.has(event.pointerId)) return;
      this.pointers.set(event.pointerId, event.clientX);
      if (pinch && this.pointers.size === 2) {
        const { x, apart } = middle();
        this.move(this.shown.from, (pinch.span * pinch.apart) / apart);
        this.move(this.shown.from + pinch.around - this.timeAt(x));
      } else if (!pinch && (this.isDragging || Math.abs(event.clientX - down) > HELD_PX)) {
        this.drag(event.clientX);
      }
    });
    const up = (event) => {
      if (!this.pointers.has(event.pointerId)) return;
      const { x } = { x: this.pointers.get(event.pointerId) };
      this.pointers.delete(event.pointerId);
      if (this.isDragging) this.letGo(true);
      else if (event.type === 'pointerup' && down !== null && !pinch) this.tap(event, x);
      if (!this.pointers.size) pinch = null;
    };
    band.addEventListener('pointerup', up);
    band.addEventListener('pointercancel', up);
    const wheel = (event) => {
      event.preventDefault(); // otherwise the browser zooms or scrolls the page
      const step = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 30;
      if (event.deltaX || event.shiftKey) {
        const by = ((event.deltaX || event.deltaY) * step) / (this.band.clientWidth || 1);
        this.move(this.shown.from + by * (this.shown.to - this.shown.from));
      } else {
        this.zoom(Math.exp(event.deltaY * step * 0.002), this.timeAt(event.clientX));
      }
    };
    band.addEventListener('wheel', wheel, { passive: false });
  }

  tap(event, x) {
    const picked = this.eventAt(event);
    if (picked) this.pick(picked);
    else this.seek(this.timeAt(x), false);
  }

  drag(x) {
    this.isDragging = true;
    this.element.classList.add('dragging');
    this.seek(this.timeAt(x), true);
    clearInterval(this.edgeTimer);
    const { left, width } = this.band.getBoundingClientRect();
    const place = (x - left) / (width || 1);
    const by = place < EDGE ? -1 : place > 1 - EDGE ? 1 : 0;
    if (!by) return;
    this.edgeTimer = setInterval(() => {
      this.move(this.shown.from + by * 0.01 * (this.shown.to - this.shown.from));
      this.seek(this.timeAt(x), true);
    }, EDGE_MS);
  }

  letGo(isDone) {
    clearInterval(this.edgeTimer);
    this.isDragging = false;
    this.element.classList.remove('dragging');
    if (isDone) this.seek(this.head, false);
  }
}
