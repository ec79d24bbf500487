// Helpers for the other files of this script. The server puts TEXT before it: every text on the page, in the
// browser's language (lang/*.json).

const body = document.body;
const byId = (id) => document.getElementById(id);
// One of the server's paths as a URL: a proxy may have a prefix before it.
const fromRoot = (path) => body.dataset.root + path.slice(1);
// Pages of other servers cannot send this header: so the server knows that this page sent a request, also behind a proxy
// that hides our origin.
const OURS = { 'X-Requested-With': 'boardcam' };
const randomName = () => Math.random().toString(36).slice(2, 12);

// A text with its {words} filled in.
function fill(text, words) {
  return text.replace(/\{(\w+)\}/g, (_, word) => words[word]);
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children);
  return element;
}

function fillElement(element, text) {
  if (element.textContent !== text) element.textContent = text; // otherwise a screen reader would read it again
}

function setText(id, text) {
  fillElement(byId(id), text);
}

// Numbers as the language writes them, small ones with one decimal.
function rounded(value) {
  return value.toLocaleString(TEXT.lang, { maximumFractionDigits: value < 9.95 ? 1 : 0 });
}

// The form of a text that goes with the number `n`: its forms are written as `one: {n} viewer; other: {n} viewers`.
const plurals = new Intl.PluralRules(TEXT.lang);

function counted(text, n) {
  const forms = Object.fromEntries(text.split('; ').map((form) => form.split(': ')));
  return fill(forms[plurals.select(n)] || forms.other, { n: rounded(n) });
}

function time(ms) {
  return ms < 1000 ? fill(TEXT.ms, { ms: rounded(ms) }) : fill(TEXT.seconds, { s: rounded(ms / 1000) });
}

// A number of bytes in the unit that suits it: `400 kB`, `79 GB`.
function sizeText(bytes) {
  const units = ['kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let [value, unit] = [bytes / 1000, 0];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  const digits = value < 9.95 && unit ? 1 : 0;
  return value.toLocaleString(TEXT.lang, { style: 'unit', unit: units[unit], maximumFractionDigits: digits });
}

// The parts of a problem are written for one line of a log; here each is a sentence.
function sentence(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : '';
}

// A problem as one text: what, why, and what to do.
function told({ what, why, advice }) {
  return `${sentence(what)}: ${why}. ${sentence(advice)}.`;
}
