
// Recordings: the button, and the list in the options. The server records, whether or not a page is open.

const LIST_STEP = 20; // recordings shown at first, and added by each "show more"

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
    note((await answer.text()).trim() || fill(TEXT.unreachable_status, { code: answer.status }));
  } catch (error) {
    note(TEXT.unreachable_silent);
  } finally {
    clearTimeout(limit);
  }
  return null;
}

async function record() {
  const tile = chosen();
  if (!tile || !tile.camera.recording) return;
  const on = !tile.camera.recording.on;
  const headers = { 'Content-Type': 'application/json' };
  const answer = await request(`${tile.camera.url}api/recording`, { method: 'POST', headers, body: JSON.stringify({ on }) });
  if (!answer) return;
  tile.camera.recording = await answer.json();
  note(on ? TEXT.rec_on : TEXT.rec_off);
  show();
}

function showRecording() {
  const tile = chosen();
  const { on, problem } = (tile && tile.camera.recording) || {};
  const wrong = problem || (folder && folder.problem);
  byId('record').hidden = on === undefined;
  byId('record').setAttribute('aria-pressed', Boolean(on));
  setText('recorded', !on ? '' : wrong ? fill(TEXT.rec_wrong, wrong) : TEXT.rec_on);
  if (on && wrong) showControls(); // and they stay visible
}

const sizeText = (bytes) =>
  bytes < 1e9 ? fill(TEXT.megabytes, { mb: rounded(bytes / 1e6) }) : fill(TEXT.gigabytes, { gb: rounded(bytes / 1e9) });

async function updateList() {
  const one = chosen();
  if (!folder) setText('disk', TEXT.no_folder);
  const answer = folder && (await request(`${one ? one.camera.url : '/'}api/recordings?limit=${listLength}`));
  if (!answer) return;
  const { recordings, more, bytes, free, problem } = await answer.json();
  setText('disk', problem ? fill(TEXT.rec_wrong, problem) : fill(TEXT.disk, { used: sizeText(bytes), free: sizeText(free) }));
  const names = recordings.map(({ name }) => name);
  for (const [name, row] of rows) {
    if (names.includes(name)) continue;
    row.remove();
    rows.delete(name);
  }
  recordings.forEach((recording, i) => {
    const row = rows.get(recording.name) || makeRow(recording);
    row.querySelector('small').textContent = recording.recording ? TEXT.rec_on : sizeText(recording.bytes);
    row.querySelector('button').disabled = recording.recording;
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
  link.href = url;
  link.download = name;
  link.setAttribute('aria-label', fill(TEXT.download, { name: link.textContent }));
  const button = row.querySelector('button');
  button.setAttribute('aria-label', fill(TEXT.delete, { name: link.textContent }));
  button.onclick = async () => {
    if (confirm(fill(TEXT.confirm_delete, { name: link.textContent })) && (await request(url, { method: 'DELETE' }))) updateList();
  };
  rows.set(name, row);
  return row;
}

byId('record').onclick = record;
byId('more').onclick = () => {
  listLength += LIST_STEP;
  updateList();
};
