// Privacy: cameras that nobody is to see are closed. One switch, for the camera that fills the window, or for all.

const meant = () => (chosen() ? [chosen()] : tiles);
const isPrivate = () => meant().every((tile) => tile.camera.privacy);
const mayClose = () => Boolean(tiles.length && you && you.role === 'control');

// What is said in place of its picture, as of a camera that has none.
function privacyProblem({ camera }) {
  return camera.state === 'private' ? { what: TEXT.state_private, why: TEXT.privacy_why, advice: '', isPrivate: true } : null;
}

function showPrivacy() {
  byId('privacy').hidden = !mayClose();
  byId('privacy-on').checked = isPrivate();
  setText('privacy-what', chosen() ? TEXT.privacy_one : TEXT.privacy_all);
}

async function switchPrivacy(on) {
  if (!mayClose()) return;
  const url = chosen() ? `${chosen().camera.url}api/privacy` : fromRoot('/api/privacy');
  try {
    const answer = await fetch(url, { method: 'PUT', headers: OURS, body: JSON.stringify({ on }) });
    if (!answer.ok) {
      note(fill(TEXT.not_changed, { why: await whyRefused(answer) }));
    } else {
      const { problem } = await answer.json();
      note(problem ? sentence(inWords(problem).what) : on ? TEXT.state_private : TEXT.privacy_off);
    }
  } catch (error) {
    note(fill(TEXT.not_changed, { why: TEXT.unreachable_silent }));
  }
  pollIn(0);
}

byId('reopen').onclick = () => switchPrivacy(false);
byId('privacy-on').onchange = (event) => switchPrivacy(event.target.checked);
