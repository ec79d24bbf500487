// The list of a day's recordings: each with a small picture, its time, length and size, downloads and deletion.

const THUMBNAILS_AT_ONCE = 2; // the browser's other connections are for the player
const THUMBNAIL = 'size=160x120&quality=60';

class RecordingsList {
  // Calls `open` with the recording that is pressed, `deleted` when one has been deleted.
  constructor({ open, deleted }) {
    Object.assign(this, { open, deleted });
    this.rows = new Map(); // by name; kept, so that they keep the focus
    this.waiting = []; // rows whose picture is to be fetched
    this.loading = 0;
    this.marked = null; // the name of the one in the player
    this.element = make('ul', { id: 'list', 'aria-label': TEXT.play_list });
    this.seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const row = [...this.rows.values()].find(({ element }) => element === target);
        if (!row || row.isAsked) continue;
        this.waiting = this.waiting.filter((other) => other !== row);
        if (isIntersecting) this.waiting.push(row);
      }
      this.loadNext();
    });
  }

  // `entries`: the newest first.
  show(entries) {
    const names = new Set(entries.map(({ name }) => name));
    for (const [name, { element }] of this.rows) {
      if (names.has(name)) continue;
      this.seen.unobserve(element);
      element.remove();
      this.rows.delete(name);
      if (name === this.marked) this.marked = null;
    }
    this.waiting = this.waiting.filter(({ entry }) => names.has(entry.name));
    entries.forEach((entry, i) => {
      const row = this.rows.get(entry.name) || this.makeRow(entry);
      this.update(row, entry);
      if (this.element.children[i] !== row.element) this.element.insertBefore(row.element, this.element.children[i] || null);
    });
  }

  makeRow(entry) {
    const row = { entry, isAsked: false };
    row.image = make('img', { alt: '' });
    row.when = make('b');
    row.what = make('small');
    row.moves = make('small');
    row.button = make('button', { type: 'button', class: 'pick' }, make('span', { class: 'thumbnail' }, row.image), make('span', {}, row.when, row.what, row.moves));
    row.button.onclick = () => this.open(row.entry);
    const link = (format) => {
      const name = entry.name.replace(/mkv$/, format);
      return make('a', { class: 'file', download: name, href: entry.url + (format === VIDEO ? `?format=${VIDEO}` : '') }, ...icons('download'), format.toUpperCase());
    };
    row.links = [link(VIDEO), link('mkv')];
    row.remove = iconButton(undefined, TEXT.play_delete, null, () => this.remove(row.entry), 'delete');
    row.element = make('li', {}, row.button, ...row.links, row.remove);
    this.rows.set(entry.name, row);
    this.seen.observe(row.element);
    return row;
  }

  update(row, entry) {
    row.entry = entry;
    const when = clockTime(entry.from);
    const length = entry.duration === null ? '' : lengthText(entry.length());
    const what = [entry.growing ? TEXT.rec_on : length, sizeText(entry.bytes)].filter(Boolean).join(' · ');
    fillElement(row.when, when);
    fillElement(row.what, what);
    fillElement(row.moves, entry.events ? counted(TEXT.play_moves, entry.events) : '');
    row.links.forEach((link) => {
      const text = fill(TEXT.play_download, { name: when, format: link.textContent });
      link.title = text;
      link.setAttribute('aria-label', text);
    });
    label(row.remove, fill(TEXT.play_delete, { name: when }));
    row.remove.hidden = !you || you.role !== 'control';
    row.remove.disabled = entry.growing;
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

  // Fetches the small pictures of the rows that are in sight, the last ones that came into sight first.
  loadNext() {
    while (this.loading < THUMBNAILS_AT_ONCE && this.waiting.length) {
      const row = this.waiting.pop();
      row.isAsked = true;
      this.loading += 1;
      const next = () => {
        clearTimeout(limit);
        this.loading -= 1;
        this.loadNext();
      };
      const limit = setTimeout(() => (row.image.src = BLANK), FRAME_MS);
      row.image.onload = () => {
        row.element.classList.add('pictured');
        next();
      };
      row.image.onerror = () => {
        row.image.hidden = true;
        next();
      };
      row.image.src = `${row.entry.url}/frame?at=0&${THUMBNAIL}`;
    }
  }
}
