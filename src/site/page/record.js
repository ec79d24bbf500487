
// Recordings: the button, and the list in the options. The server records; this page only says so and asks.

const LIST_STEP = 20; // recordings shown, and how many more at a time

let folder = null; // as last heard; null where nothing can be recorded
let listed = LIST_STEP;
const rows = new Map(); // of the list, by name: what stays keeps its focus

// Asks for something; a refusal is told in words, and null is the answer.
async function ask(url, options) {
  const stop = new AbortController();
  const limit = setTimeout(() => stop.abort(), ANSWER_MS);
  try {
    const answer = await fetch(url, { cache: 'no-store', signal: stop.signal, ...options });
    if (answer.ok) return answer;
    note((await answer.text()).trim() || fill(TEXT.away_status, { code: answer.status }));
  } catch (error) {
    note(TEXT.away_silent);
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
  const answer = await ask(`${tile.camera.url}api/recording`, { method: 'POST', headers, body: JSON.stringify({ on }) });
  if (!answer) return;
  tile.camera.recording = await answer.json();
  note(on ? TEXT.rec_on : TEXT.rec_off);
  show();
}

function showRecording() {
  const tile = chosen();
  const { on, problem } = (tile && tile.camera.recording) || {};
  const wrong = problem || (folder && folder.problem);
  at('record').hidden = on === undefined;
  at('record').setAttribute('aria-pressed', Boolean(on));
  setText('recorded', !on ? '' : wrong ? fill(TEXT.rec_wrong, wrong) : TEXT.rec_on);
  if (on && wrong) showControls(); // and they do not fade meanwhile
}

const megabytes = (bytes) => fill(TEXT.megabytes, { mb: rounded(bytes / 1e6) });

async function list() {
  const one = chosen();
  if (!folder) setText('kept', TEXT.no_folder);
  const answer = folder && (await ask(`${one ? one.camera.url : '/'}api/recordings?limit=${listed}`));
  if (!answer) return;
  const { recordings, more, bytes, free, problem } = await answer.json();
  setText('kept', problem ? fill(TEXT.rec_wrong, problem) : fill(TEXT.kept, { all: megabytes(bytes), free: megabytes(free) }));
  const names = recordings.map(({ name }) => name);
  for (const [name, row] of rows) {
    if (names.includes(name)) continue;
    row.remove();
    rows.delete(name);
  }
  recordings.forEach((recording, i) => {
    const row = rows.get(recording.name) || makeRow(recording);
    row.querySelector('small').textContent = recording.recording ? TEXT.rec_on : megabytes(recording.bytes);
    row.querySelector('button').disabled = recording.recording;
    if (at('list').children[i] !== row) at('list').insertBefore(row, at('list').children[i]);
  });
  at('more').hidden = !more;
}

function makeRow({ name, camera, start, url }) {
  const row = at('row').content.firstElementChild.cloneNode(true);
  const link = row.querySelector('a');
  const when = new Date(start).toLocaleString(TEXT.lang, { dateStyle: 'medium', timeStyle: 'medium' });
  link.textContent = tiles.length > 1 ? `${camera}, ${when}` : when;
  link.href = url;
  link.download = name;
  link.setAttribute('aria-label', fill(TEXT.download, { name: link.textContent }));
  const button = row.querySelector('button');
  button.setAttribute('aria-label', fill(TEXT.remove, { name: link.textContent }));
  button.onclick = async () => {
    if (confirm(fill(TEXT.sure, { name: link.textContent })) && (await ask(url, { method: 'DELETE' }))) list();
  };
  rows.set(name, row);
  return row;
}

at('record').onclick = record;
at('more').onclick = () => {
  listed += LIST_STEP;
  list();
};
