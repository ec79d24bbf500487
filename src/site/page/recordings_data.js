// What was recorded, and what happened: the server's lists.

const VIDEO = 'mov'; // what is offered beside the file as it is: the most programs open it (docs/recording.md)
const LISTED = 300; // recordings in one answer of the server
const ANSWERS_MAX = 30; // answers that are read for one day
const EVENTS_ANSWERS_MAX = 10; // the same, of events

const pad = (value) => String(value).padStart(2, '0');
const dayText = (date) => `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;

// The day in the browser's time zone that begins `by` days after the one of `text`: `2026-11-28`.
function dayOf(text, by = 0) {
  const [year, month, date] = text.split('-').map(Number);
  const at = (days) => new Date(year, month - 1, date + days);
  return { text: dayText(at(by)), from: at(by).getTime(), to: at(by + 1).getTime() };
}

class Entry {
  constructor({ name, camera, start, bytes, url, recording, duration_s: duration = null }) {
    Object.assign(this, { name, camera, bytes, duration, growing: recording, url: fromRoot(url) });
    this.from = Date.parse(start);
    this.seenAt = performance.now();
    this.events = 0;
  }

  // How long it is, in seconds, as far as is known.
  length() {
    if (this.growing) return (this.duration || 0) + (performance.now() - this.seenAt) / 1000 + (this.duration === null ? 1e6 : 0);
    return this.duration === null ? 1e6 : this.duration;
  }

  to() {
    const known = this.duration === null ? 0 : this.length();
    return this.from + (this.growing ? Math.max(known, this.duration === null ? (Date.now() - this.from) / 1000 : 0) : known) * 1000;
  }
}

// The server's list from `before` on, the newest first, until `isEnough`, and what it says of the folder. A relative URL:
// behind /cameras/NAME/ it is that of one camera.
async function fetchRecordings(before, isEnough) {
  const all = [];
  let from = before;
  let disk = null;
  for (let i = 0; i < ANSWERS_MAX; i += 1) {
    const answer = await request(`api/recordings?limit=${LISTED}${from ? `&before=${from}` : ''}`);
    if (!answer) return null;
    const { recordings, more, ...rest } = await answer.json();
    all.push(...recordings.map((each) => new Entry(each)));
    disk = rest;
    if (!more || !recordings.length || isEnough(all)) break;
    from = recordings[recordings.length - 1].name;
  }
  return { all, disk };
}

// When something moved before the camera on this day, the earliest first. `null` if the server cannot say so now, `false` if
// it never can.
async function fetchEvents(camera, day) {
  const found = [];
  let before = '';
  for (let i = 0; i < EVENTS_ANSWERS_MAX; i += 1) {
    try {
      const answer = await fetch(`api/events?limit=100&camera=${encodeURIComponent(camera)}${before}`, { cache: 'no-store' });
      if (!answer.ok) return answer.status === 404 ? false : null;
      const { events, more } = await answer.json();
      found.push(...events);
      const last = events[events.length - 1];
      if (!more || !last || Date.parse(last.start) < day.from) break;
      before = `&before=${last.number}`;
    } catch (error) {
      return null;
    }
  }
  const moves = found.filter((event) => event.kind === 'motion' && event.camera === camera);
  const spans = moves.map(({ start, end }) => ({ from: Date.parse(start), to: end ? Date.parse(end) : Date.now() }));
  return spans.filter(({ from, to }) => to >= day.from && from < day.to).reverse();
}
