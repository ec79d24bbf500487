// The list of a day's recordings: each with a small picture, its time, length and size, downloads and deletion.

const THUMBNAILS_AT_ONCE = 2; // the browser's other connections are for the player
const THUMBNAIL = 'size=160x120&quality=60';

// Small pictures, fetched when they come into sight, the last ones that came first.
class Thumbnails {
  constructor() {
    this.urls = new Map(); // by element: of those that were not asked for yet
    this.waiting = []; // elements in sight
    this.loading = 0;
    this.seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        this.waiting = this.waiting.filter((other) => other !== target);
        if (isIntersecting && this.urls.has(target)) this.waiting.push(target);
      }
      this.loadNext();
    });
  }

  make() {
    return make('span', { class: 'thumbnail' }, make('img', { alt: '' }));
  }

  // From now on, the picture of this element is the one of this URL.
  show(element, url) {
    if (element.dataset.url === url) return;
    element.dataset.url = url;
    this.forget(element);
    this.urls.set(element, url);
    this.seen.observe(element);
  }

  forget(element) {
    this.seen.unobserve(element);
    this.urls.delete(element);
    this.waiting = this.waiting.filter((other) => other !== element);
  }

  loadNext() {
    while (this.loading < THUMBNAILS_AT_ONCE && this.waiting.length) {
      const element = this.waiting.pop();
      const url = this.urls.get(element);
      this.urls.delete(element);
      this.loading += 1;
      this.load(element, url).then(() => {
        this.loading -= 1;
        this.loadNext();
      });
    }
  }

  async load(element, url) {
    const image = new Image();
    const limit = setTimeout(() => (image.src = BLANK), FRAME_MS);
    const isLoaded = await new Promise((done) => {
      image.onload = () => done(image.src !== BLANK);
      image.onerror = () => done(false);
      image.alt = '';
      image.src = url;
    });
    clearTimeout(limit);
    if (element.dataset.url !== url) return; // it has another one by now
    element.classList.toggle('pictured', isLoaded);
    element.replaceChildren(image);
  }
}

class RecordingsList {
  // Calls `open` with the recording that is pressed, `pick` with the event, `deleted` when a recording has been deleted.
  constructor({ open, pick, deleted }) {
    Object.assign(this, { open, pick, deleted });
    this.rows = new Map(); // by name; kept, so that they keep the focus
    this.pictures = new Thumbnails();
    this.marked = null; // the name of the one in the player
    this.element = make('ul', { id: 'list', 'aria-label': TEXT.play_list });
  }

  // `entries`: the newest first.
  show(entries) {
    const names = new Set(entries.map(({ name }) => name));
    const focused = [...this.element.children].findIndex((element) => element.contains(document.activeElement));
    for (const [name, { element }] of this.rows) {
      if (names.has(name)) continue;
      for (const picture of element.querySelectorAll('.thumbnail')) this.pictures.forget(picture);
      element.remove();
      this.rows.delete(name);
      if (name === this.marked) this.marked = null;
    }
    entries.forEach((entry, i) => {
      const row = this.rows.get(entry.name) || this.makeRow(entry);
      this.update(row, entry);
      if (this.element.children[i] !== row.element) this.element.insertBefore(row.element, this.element.children[i] || null);
    });
    if (focused < 0 || this.element.contains(document.activeElement)) return;
    const next = this.element.children[Math.min(focused, entries.length - 1)]; // its row is gone: the focus is on the next one
    (next ? next.querySelector('.pick') : byId('recordings-title')).focus();
  }

  makeRow(entry) {
    const row = { entry, picture: this.pictures.make() };
    row.when = make('b');
    row.what = make('small');
    row.moves = make('small');
    row.button = make('button', { type: 'button', class: 'pick' }, row.picture, make('span', {}, row.when, row.what, row.moves));
    row.button.onclick = () => this.open(row.entry);
    const link = (format) => {
      const name = entry.name.replace(/mkv$/, format);
      return make('a', { class: 'file', download: name, href: entry.url + (format === VIDEO ? `?format=${VIDEO}` : '') }, ...icons('download'), format.toUpperCase());
    };
    row.links = [link(VIDEO), link('mkv')];
    row.remove = iconButton(undefined, TEXT.play_delete, null, () => this.remove(row.entry), 'delete');
    row.events = make('ul', { class: 'moments', hidden: true });
    row.element = make('li', {}, row.button, ...row.links, row.remove, row.events);
    this.rows.set(entry.name, row);
    return row;
  }

  update(row, entry) {
    row.entry = entry;
    const when = clockTime(entry.from);
    const length = entry.duration === null ? '' : lengthText(entry.length());
    const what = [entry.timeLapse && TEXT.play_time_lapse, entry.growing ? TEXT.rec_on : length, sizeText(entry.bytes)].filter(Boolean).join(' · ');
    fillElement(row.when, when);
    fillElement(row.what, what);
    const { events } = entry;
    fillElement(row.moves, events.length ? counted(TEXT.play_moves, events.length) : '');
    const at = events.length ? Math.max(0, events[0].from - entry.from) / 1000 : 0;
    this.pictures.show(row.picture, `${entry.url}/frame?at=${at}&${THUMBNAIL}`);
    this.updateEvents(row, events, when);
    row.links.forEach((link) => {
      const text = fill(TEXT.play_download, { name: when, format: link.textContent });
      link.title = text;
      link.setAttribute('aria-label', text);
    });
    label(row.remove, fill(TEXT.play_delete, { name: when }));
    row.remove.hidden = !you || you.role !== 'control';
    row.remove.disabled = entry.growing;
  }

  // What moved in a recording, if that happened more than once: each with its picture.
  updateEvents(row, events, when) {
    const key = events.map(({ from }) => from).join();
    if (row.events.dataset.key === key) return; // the buttons keep the focus
    row.events.dataset.key = key;
    for (const picture of row.events.querySelectorAll('.thumbnail')) this.pictures.forget(picture);
    row.events.hidden = events.length < 2;
    row.events.setAttribute('aria-label', fill(TEXT.play_moments, { name: when }));
    row.events.replaceChildren(...(events.length < 2 ? [] : events.map((event) => this.makeEvent(event))));
  }

  makeEvent(event) {
    const time = clockTime(event.from);
    const picture = this.pictures.make();
    const button = make('button', { type: 'button', class: 'moment', 'aria-label': fill(TEXT.play_moment, { time }) }, picture, make('small', {}, time));
    button.onclick = () => this.pick(event);
    if (event.picture) this.pictures.show(picture, event.picture);
    return make('li', {}, button);
  }

  // Shows which one is in the player.
  mark(chosenOne) {
    const name = chosenOne && chosenOne.name;
    if (name === this.marked) return; // whoever scrolls is left in peace
    this.marked = name;
    for (const { entry, button, element } of this.rows.values()) {
      button.setAttribute('aria-current', entry.name === name);
      if (entry.name === name) element.scrollIntoView({ block: 'nearest' });
    }
  }

  async remove(entry) {
    const name = `${new Date(entry.from).toLocaleDateString(TEXT.lang, { dateStyle: 'medium' })}, ${clockTime(entry.from)}`;
    if (!confirm(fill(TEXT.play_confirm, { name }))) return;
    if (await request(entry.url, { method: 'DELETE', headers: OURS })) this.deleted(entry);
  }
}
