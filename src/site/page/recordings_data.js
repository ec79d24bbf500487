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
  constructor({ name, camera, start, bytes, url, recording, time_lapse: timeLapse = false, duration_s: duration = null }) {
    Object.assign(this, { name, camera, bytes, duration, timeLapse, growing: recording, url: fromRoot(url) });
    this.from = Date.parse(start);
    this.seenAt = performance.now();
    this.events = []; // what moved meanwhile
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

// What moved before the camera on this day, the earliest first: `from`, `to`, a `picture`, and the `recording` that it is in,
// `at` so many seconds, as far as these are known. `null` if the server cannot say so now, `false` if it never can.
async function fetchEvents(camera, day) {
  const found = [];
  let before = '';
  for (let i = 0; i < EVENTS_ANSWERS_MAX; i += 1) {
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), ANSWER_MS);
    try {
      const url = `api/events?limit=100&camera=${encodeURIComponent(camera)}${before}`;
      const answer = await fetch(url, { cache: 'no-store', signal: stop.signal });
      if (!answer.ok) return answer.status === 404 ? false : null;
      const { events, more } = await answer.json();
      found.push(...events);
      const last = events[events.length - 1];
      if (!more || !last || Date.parse(last.start) < day.from) break;
      before = `&before=${last.number}`;
    } catch (error) {
      return null;
    } finally {
      clearTimeout(limit);
    }
  }
  const moves = found.filter((event) => event.kind === 'motion' && event.camera === camera);
  const all = moves.map(({ start, end, recording, at_s: at, picture }) => ({
    ...{ from: Date.parse(start), to: end ? Date.parse(end) : Date.now() },
    ...{ recording, at, picture: picture && fromRoot(picture) },
  }));
  return all.filter(({ from, to }) => to >= day.from && from < day.to).reverse();
}

// The recording that an event is in, if that is there.
function entryOf({ recording, at }, entries) {
  return recording && at !== null ? entries.find(({ name }) => name === recording) : undefined;
}

// Puts events at their place in their recordings, whose own start is known in whole seconds.
function placeEvents(events, entries) {
  for (const event of events) {
    const entry = entryOf(event, entries);
    if (!entry) continue;
    const from = entry.from + event.at * 1000;
    Object.assign(event, { from, to: from + event.to - event.from });
  }
  for (const entry of entries) entry.events = events.filter(({ from }) => from >= entry.from && from < entry.to());
}
