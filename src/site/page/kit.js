// What all rooms of this script use. Before it stands TEXT: every text that a person reads, in the language that
// the browser prefers (lang/*.json).

const body = document.body;
const at = (id) => document.getElementById(id);
const randomName = () => Math.random().toString(36).slice(2, 12);

// A text with its {words} filled in.
function fill(text, words) {
  return text.replace(/\{(\w+)\}/g, (_, word) => words[word]);
}

function setText(id, text) {
  const element = at(id);
  if (element.textContent !== text) element.textContent = text; // else it would be read out again
}

