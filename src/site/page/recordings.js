// Recordings: the button, and the list in the options. The server records, whether or not a page is open.

const LIST_STEP = 20; // recordings shown at first, and added by each "show more"
const SWITCHED_MS = 500; // after the switch was pressed, the server is asked so soon what has come of it

let folder = null; // from the last /state; null if nothing can be recorded
let listLength = LIST_STEP;
const rows = new Map(); // the list's rows by name; kept, so that they keep the focus

// Sends a request. If it fails, shows why and returns null.
async function request(url, options) {
  const stop = new AbortController();
  const limit = setTimeout(() => stop.abort(), ANSWER_MS);
  try {
    const answer = await fetch(url, { cache: 'no-store', signal: stop.signal, ...options });
    if (answer.ok) return answer;
    note(await whyRefused(answer));
  } catch (error) {
    note(TEXT.unreachable_silent);
  } finally {
    clearTimeout(limit);
  }
  return null;
}

// What the server last said about the recording of a camera: how it is (one of the states that page.css shows), what
// is said of it beside the camera's state, and what the button does.
function recordingOf(tile) {
  const recording = !failures && tile && tile.camera.recording;
  if (!tile || failures) return { how: 'unknown', said: '', does: TEXT.record };
  if (!recording || !folder) return { how: 'none', said: '', does: TEXT.rec_none };
  const problem = (recording.on && recording.problem) || (folder.blocked && folder.problem);
  const absent = !['live', 'resting'].includes(tile.camera.state) || tile.camera.problem; // one that rests is opened
  const because = (text) => told({ ...inWords(problem), what: text });
  if (recording.on) {
    const does = TEXT.rec_stop;
    if (problem) return { how: 'failing', said: because(TEXT.rec_failing), does };
    if (absent) return { how: 'failing', said: TEXT.rec_paused, does };
    // There is a file once its first pictures are written.
    return recording.file ? { how: 'on', said: TEXT.rec_on, does } : { how: 'starting', said: TEXT.rec_starting, does };
  }
  if (problem) return { how: 'blocked', said: because(TEXT.rec_blocked), does: because(TEXT.rec_blocked) };
  return { how: 'off', said: '', does: absent ? TEXT.rec_waiting : TEXT.record };
}

async function record() {
  const tile = chosen();
  const { how, does } = recordingOf(tile);
  if (how === 'unknown' || byId('record').hidden) return;
  if (how === 'none' || how === 'blocked') {
    note(does);
    return;
  }
  const on = !tile.camera.recording.on;
  const headers = { 'Content-Type': 'application/json', ...OURS };
  const answer = await request(`${tile.camera.url}api/recording`, { method: 'POST', headers, body: JSON.stringify({ on }) });
  if (!answer) return;
  tile.camera.recording = await answer.json();
  if (!on) note(TEXT.rec_off);
  show();
  pollIn(SWITCHED_MS);
}

function showRecording() {
  const tile = chosen();
  const { how, said, does } = recordingOf(tile);
  const button = byId('record');
  // Who may only watch is not offered it.
  button.hidden = !tile || !you || you.role !== 'control';
  button.dataset.recording = how;
  button.setAttribute('aria-disabled', ['unknown', 'none', 'blocked'].includes(how));
  button.setAttribute('aria-label', does);
  button.title = does;
  byId('recorded').dataset.recording = how;
  setText('recorded', said);
  if (how === 'failing') showControls(); // and they stay visible
}

async function updateList() {
  const one = chosen();
  if (!folder) setText('disk', TEXT.no_folder);
  const answer = folder && (await request(`${one ? one.camera.url : fromRoot('/')}api/recordings?limit=${listLength}`));
  if (!answer) return;
  const { recordings, more, bytes, free, problem } = await answer.json();
  setText('disk', problem ? told(inWords(problem)) : fill(TEXT.disk, { used: sizeText(bytes), free: sizeText(free) }));
  const names = recordings.map(({ name }) => name);
  for (const [name, row] of rows) {
    if (names.includes(name)) continue;
    row.remove();
    rows.delete(name);
  }
  recordings.forEach((recording, i) => {
    const row = rows.get(recording.name) || makeRow(recording);
    const button = row.querySelector('button');
    row.querySelector('small').textContent = recording.recording ? TEXT.rec_on : sizeText(recording.bytes);
    button.hidden = you.role !== 'control';
    button.disabled = recording.recording;
    if (byId('list').children[i] !== row) byId('list').insertBefore(row, byId('list').children[i]);
  });
  byId('more').hidden = !more;
}

function makeRow({ name, camera, start, url }) {
  const row = byId('row').content.firstElementChild.cloneNode(true);
  const link = row.querySelector('a');
  const when = new Date(start).toLocaleString(TEXT.lang, { dateStyle: 'medium', timeStyle: 'medium' });
  const { title } = tiles.find((tile) => tile.name === camera) || { title: camera };
  link.textContent = tiles.length > 1 ? `${title}, ${when}` : when;
  link.href = fromRoot(url);
  link.download = name;
  link.setAttribute('aria-label', fill(TEXT.download, { name: link.textContent }));
  const button = row.querySelector('button');
  button.setAttribute('aria-label', fill(TEXT.delete, { name: link.textContent }));
  button.onclick = async () => {
    if (confirm(fill(TEXT.confirm_delete, { name: link.textContent })) && (await request(link.href, { method: 'DELETE', headers: OURS }))) updateList();
  };
  rows.set(name, row);
  return row;
}

byId('record').onclick = record;
byId('more').onclick = () => {
  listLength += LIST_STEP;
  updateList();
};
