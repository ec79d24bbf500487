// Helpers for the other files of this script. The server puts TEXT before it: every text on the page, in the
// browser's language (lang/*.json).

const body = document.body;
const byId = (id) => document.getElementById(id);
const randomName = () => Math.random().toString(36).slice(2, 12);

// A text with its {words} filled in.
function fill(text, words) {
  return text.replace(/\{(\w+)\}/g, (_, word) => words[word]);
}

function setText(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text; // otherwise a screen reader would read it again
}

