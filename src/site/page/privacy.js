// Privacy: cameras that nobody is to see are closed. One switch, for the camera that fills the window, or for all.

const meant = () => (chosen() ? [chosen()] : tiles);
const isPrivate = () => meant().every((tile) => tile.camera.privacy);
const mayClose = () => Boolean(tiles.length && you && you.role === 'control');

let doubt = {}; // the camera that is closed, and the reason if perhaps nobody wanted that

// What is said in place of its picture, as of a camera that has none.
function privacyProblem(tile) {
  if (tile.camera.state !== 'private') {
    doubt = {};
    return null;
  }
  if (doubt.tile !== tile || Date.now() - doubt.asked > 10000) askWhyPrivate(tile);
  const words = inWords(doubt.reason) || { why: TEXT.privacy_why, advice: '' };
  return { ...words, what: TEXT.state_private, isPrivate: true };
}

async function askWhyPrivate(tile) {
  const mine = { tile, asked: Date.now(), reason: doubt.tile === tile ? doubt.reason : null };
  doubt = mine;
  try {
    const answer = await fetch(`${tile.camera.url}api/privacy`, { cache: 'no-store' });
    if (answer.ok) mine.reason = (await answer.json()).cameras.find(({ name }) => name === tile.name).reason;
  } catch (error) {
    // Then it is said without.
  }
  show();
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
