
// The server's messages in the page's language. The server sends them as English templates with values, and
// messages/*.json has their translations.

let messages = TEXT.lang === 'en' ? {} : null; // translations by template; null: not fetched yet

async function loadMessages() {
  if (messages) return;
  try {
    const answer = await fetch('messages.json');
    if (answer.ok) messages = await answer.json();
  } catch (error) {
    // Then the messages are in English until the next try.
  }
}

// A text of the server. The blanks of a translation may have numbers.
function worded({ template, values }) {
  let next = 0;
  return ((messages || {})[template] || template).replace(/\{(\d*)\}/g, (_, place) => {
    const value = values[place || next++];
    if (typeof value === 'number') return value.toLocaleString(TEXT.lang);
    return typeof value === 'string' ? value : worded(value);
  });
}

// The parts of a problem.
function inWords(problem) {
  if (!problem) return null;
  const { what, why, advice } = problem.texts;
  return { what: worded(what), why: worded(why), advice: worded(advice) };
}

// Why the server refused a request. A proxy says it in English, if at all.
async function whyRefused(answer) {
  const message = answer.headers.get('Boardcam-Message');
  if (message) {
    await loadMessages();
    return sentence(worded(JSON.parse(message)));
  }
  const text = (await answer.text()).trim();
  return text && TEXT.lang === 'en' ? text : fill(TEXT.unreachable_status, { code: answer.status });
}
