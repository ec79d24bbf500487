// Recording: the button, and the way to the view of recordings (recordings.js). The server records, whether or not a page
// is open.

const SWITCHED_MS = 500; // after the switch was pressed, the server is asked so soon what has come of it

let folder = null; // from the last /state; null if nothing can be recorded

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
  const problem = ((recording.on || recording.armed) && recording.problem) || (folder.blocked && folder.problem);
  const absent = !['live', 'resting'].includes(tile.camera.state) || tile.camera.problem; // one that rests is opened
  const because = (text) => told({ ...inWords(problem), what: text });
  if (recording.on) {
    const does = TEXT.rec_stop;
    if (problem) return { how: 'failing', said: because(TEXT.rec_failing), does };
    if (absent) return { how: 'failing', said: TEXT.rec_paused, does };
    // There is a file once its first pictures are written.
    const said = recording.armed ? TEXT.rec_moves : TEXT.rec_on;
    return recording.file ? { how: 'on', said, does } : { how: 'starting', said: TEXT.rec_starting, does };
  }
  // It waits for motion which is not looked for; the button records all the same.
  const isBlind = problem && recording.armed && !tile.camera.motion && !folder.blocked;
  if (isBlind) return { how: 'blind', said: TEXT.rec_blind, does: TEXT.record };
  if (problem) return { how: 'blocked', said: because(TEXT.rec_blocked), does: because(TEXT.rec_blocked) };
  if (recording.disarmed) return { how: 'disarmed', said: TEXT.rec_disarmed, does: TEXT.rec_arm };
  // It records by itself when something moves, and the button records at once.
  if (recording.armed && !absent) return { how: 'armed', said: TEXT.rec_armed, does: TEXT.record };
  return { how: 'off', said: recording.armed ? TEXT.rec_paused : '', does: absent ? TEXT.rec_waiting : TEXT.record };
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
  byId('recordings').hidden = !folder;
  body.classList.toggle('records', Boolean(folder));
  byId('no-folder').hidden = Boolean(folder);
  if (['failing', 'blind'].includes(how)) showControls(); // and they stay visible
}

// The view of recordings is fetched when somebody first opens it.

const RECORDINGS = '#/recordings'; // what the URL's fragment begins with in that view; no camera's name has a slash
const isPast = () => location.hash.startsWith(RECORDINGS);
let recordingsView = null; // null until it has been fetched
let loadingView = null;

// Leads to the recordings of the camera that is shown; the browser's back button returns.
function openRecordings() {
  if (!folder || isPast()) return;
  const tile = chosen();
  history.pushState({ fromLive: true }, '', RECORDINGS + (tile ? `/${encodeURIComponent(tile.name)}` : ''));
  change();
}

async function showRecordings() {
  if (recordingsView) {
    recordingsView.update();
    return;
  }
  if (loadingView || !program) return;
  loadingView = loadParts('recordings');
  try {
    await loadingView;
    recordingsView = new RecordingsView();
  } catch (error) {
    note(TEXT.unreachable_silent);
    history.replaceState(null, '', location.pathname + location.search);
    change();
  }
  loadingView = null;
  show();
}

byId('record').onclick = record;
byId('recordings').onclick = openRecordings;
