// Recordings inside the browser, in the place of the server's: days of them, with what goes wrong, and what moved. A picture
// has its time in the recording in bright and dark stripes, 16 bits of tenths of a second. `simulated` says what there is,
// `asked` has the requests that came, `atOnce` the most pictures that were asked for at the same time.

window.asked = [];
window.atOnce = 0;
let running = 0;

const DAY = '2026-11-20';
const each = (name, camera, start, duration_s, more = {}) => ({
  ...{ name, camera, start, duration_s, bytes: Math.round(duration_s * 900000), url: `/api/recordings/${name}`, recording: false },
  ...more,
});
const made = (camera, time, duration, more) => each(`${camera}_${time.replace('T', '_').replace(/:/g, '-')}.mkv`, camera, time, duration, more);
window.simulated = {
  delayMs: 0,
  noEvents: false,
  recordings: [
    made('camera', '2026-11-18T09:00:00Z', 200),
    made('attic', '2026-11-19T09:00:00Z', 200),
    made('camera', `${DAY}T08:00:00Z`, 300),
    made('camera', `${DAY}T08:05:00Z`, 300),
    made('camera', `${DAY}T12:00:00Z`, 4),
    made('camera', `${DAY}T12:00:10Z`, 60),
    made('camera', `${DAY}T13:00:00Z`, 60, { is: 'garbage' }),
    made('camera', `${DAY}T14:00:00Z`, 60, { is: 'hanging' }),
    made('camera', `${DAY}T15:00:00Z`, 60, { is: 'gone' }),
    made('camera', `${DAY}T16:00:00Z`, 3700, { recording: true }),
  ],
  events: [['08:01:00', '08:01:20'], ['08:06:00', '08:06:05'], ['12:00:20', '12:00:24']].map(([start, end], number) => ({
    ...{ number, camera: 'camera', kind: 'motion', start: `${DAY}T${start}Z`, end: `${DAY}T${end}Z` },
    ...{ recording: null, at_s: null, picture: null },
  })),
};

const json = (data) => new Response(JSON.stringify(data), { headers: { 'Content-Type': 'application/json' } });

function list(query) {
  const start = ({ start }) => Date.parse(start);
  const before = (query.get('before') || '').match(/_(\d+-\d+-\d+)_(\d+)-(\d+)-(\d+)Z/);
  const until = before ? Date.parse(`${before[1]}T${before[2]}:${before[3]}:${before[4]}Z`) : Infinity;
  const found = simulated.recordings.filter((one) => start(one) < until).sort((a, b) => start(b) - start(a));
  const limit = Math.min(Number(query.get('limit')), 5); // so that there are pages
  const bytes = found.reduce((sum, one) => sum + one.bytes, 0);
  return { recordings: found.slice(0, limit), more: found.length > limit, count: found.length, bytes, free: 79e9, problem: null, blocked: false };
}

// A picture as a file, with its time written into it.
function picture(at, size) {
  const [width, height] = size || [640, 360];
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  context.fillStyle = `hsl(${at % 360} 40% 40%)`;
  context.fillRect(0, 0, width, height);
  const tenths = Math.round(at * 10);
  for (let bit = 0; bit < 16; bit += 1) {
    context.fillStyle = tenths & (1 << bit) ? '#fff' : '#000';
    context.fillRect((bit * width) / 16, 0, width / 16, height / 4);
  }
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.9));
}

const found = (url) => simulated.recordings.find(({ name }) => url.pathname.includes(name));
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function frame(url, signal) {
  const one = found(url);
  const { searchParams: query } = url;
  if (!one || one.is === 'gone') return new Response('There is no such recording.', { status: 404 });
  if (one.is === 'garbage') {
    const text = { template: 'There is no such recording. /api/recordings lists them.', values: [] }; // any that is translated
    return new Response(text.template, { status: 422, headers: { 'Boardcam-Message': JSON.stringify(text) } });
  }
  if (one.is === 'hanging') await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new DOMException('', 'AbortError'))));
  await wait(simulated.delayMs);
  const tenths = Math.floor(Math.min(Number(query.get('at')), one.duration_s - 0.1) * 10 + 1e-6) + Number(query.get('step') || 0);
  const at = Math.max(0, Math.min(tenths / 10, one.duration_s - 0.1));
  const size = query.get('size') && query.get('size').split('x').map(Number);
  return new Response(await picture(at, size), { headers: { 'Content-Type': 'image/jpeg', 'Boardcam-At': at.toFixed(3) } });
}

const realFetch = window.fetch;
window.fetch = async (input, options = {}) => {
  const url = new URL(input, document.baseURI);
  const method = options.method || 'GET';
  const what = (url.pathname.match(/\/api\/(recordings|events).*/) || [])[0];
  if (!what) return realFetch(input, options);
  asked.push({ method, what: what.replace('/api/', '') + url.search });
  if (url.pathname.endsWith('/api/events')) return simulated.noEvents ? new Response('', { status: 404 }) : json({ events: [...simulated.events].reverse(), more: false });
  if (url.pathname.endsWith('/api/recordings')) return json(list(url.searchParams));
  if (method === 'DELETE') {
    simulated.recordings = simulated.recordings.filter((one) => one !== found(url));
    return new Response('', { status: 202 });
  }
  running += 1;
  atOnce = Math.max(atOnce, running);
  try {
    return await frame(url, options.signal);
  } finally {
    running -= 1;
  }
};

// An image of a frame, or of a stream: ten pictures a second until it gets another source.
const { set: setSource, get: getSource } = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, 'src');
const sources = new WeakMap();
Object.defineProperty(HTMLImageElement.prototype, 'src', {
  get: getSource,
  set(value) {
    const url = new URL(value, document.baseURI);
    sources.set(this, value);
    if (!/\/api\/recordings\/.*\/(stream|frame)$/.test(url.pathname)) return setSource.call(this, value);
    asked.push({ method: 'IMG', what: url.pathname.split('/api/').pop() + url.search });
    const one = found(url);
    const show = async (at, size) => {
      const blob = await picture(at, size);
      if (sources.get(this) === value) setSource.call(this, URL.createObjectURL(blob));
    };
    const { searchParams: query } = url;
    if (!one || one.is === 'garbage' || one.is === 'gone') return setTimeout(() => sources.get(this) === value && this.onerror && this.onerror());
    if (one.is === 'hanging') return undefined;
    if (url.pathname.endsWith('frame')) return show(Number(query.get('at')), [160, 90]);
    const began = performance.now();
    const next = async () => {
      const at = Number(query.get('start')) + ((performance.now() - began) / 1000) * Number(query.get('speed'));
      if (sources.get(this) !== value || at > one.duration_s) return;
      await show(at);
      setTimeout(next, 100);
    };
    return next();
  },
});
