// The view of recordings, by camera and day: what was recorded, where it is on the clock, and the player. It is fetched when
// somebody first opens it, with the files before this one in mod.rs, so that the page itself stays small.
//
// The URL's fragment names what is shown: `#/recordings/door/2026-11-28/14:03:05`, in the browser's time zone.

const REFRESH_MS = 5000; // between two looks at a list that changes
const UNKNOWN_MAX = 6; // looks for lengths that the server did not know yet; those of broken files it never will
const SKIP_S = 5; // by an arrow key
const SKIP_FAR_S = 60; // by an arrow key with shift
const NEXT_MS = 60000; // a recording that begins this soon after another one goes on from it, also on the next day

class RecordingsView {
  constructor() {
    this.camera = null;
    this.day = null;
    this.entries = []; // of the camera and the day, the oldest first
    this.timed = []; // those of them that are on the timeline
    this.events = []; // likewise, what moved
    this.hasNoEvents = false; // this server has none
    this.earlier = null; // the last day before this one with a recording
    this.asked = 0; // requests for a list; older answers are thrown away
    this.isOpen = false;
    this.unknown = 0; // looks for unknown lengths
    this.counted = null; // what /state said of the folder when the list was fetched
    this.player = new Player({
      changed: () => this.showPosition(),
      ended: (entry) => this.goOn(entry),
      gone: () => this.refresh(),
    });
    const pick = (event) => this.playEvent(event);
    this.timeline = new Timeline({ seek: (ms, isHeld) => this.seek(ms, isHeld), pick });
    this.controls = new PlayerControls(this.player, {
      changed: (cut) => this.timeline.showCut(cut),
      toEvent: (by) => this.toEvent(by),
    });
    this.list = new RecordingsList({ open: (entry) => this.choose(entry), pick, deleted: () => this.refresh() });
    this.build();
    addEventListener('keydown', (event) => this.isOpen && this.key(event));
    addEventListener('pagehide', () => this.player.sleep());
    addEventListener('pageshow', () => this.isOpen && this.player.wake());
    document.addEventListener('visibilitychange', () => this.isOpen && (document.hidden ? this.player.sleep() : this.player.wake()));
    setInterval(() => this.refreshIfChanging(), REFRESH_MS);
    this.opened(true);
  }

  build() {
    const leave = iconButton('recordings-back', TEXT.play_leave, 'Escape', () => this.leave(), 'left');
    this.cameras = make('select', { id: 'recordings-camera', 'aria-label': TEXT.play_camera, hidden: true });
    this.cameras.onchange = () => this.go(this.cameras.value, this.day && this.day.text);
    this.before = iconButton('day-before', TEXT.play_day_before, 'PageUp', () => this.toDay(-1), 'before');
    this.after = iconButton('day-after', TEXT.play_day_after, 'PageDown', () => this.toDay(1), 'after');
    this.date = make('input', { id: 'day', type: 'date', 'aria-label': TEXT.play_day, required: true });
    this.date.onchange = () => this.date.value && this.go(this.camera, this.date.value);
    this.empty = make('p', { id: 'nothing', role: 'status' });
    this.diskProblem = make('p', { id: 'disk-problem', role: 'status' });
    this.diskSaid = make('p', { class: 'hint' });
    this.clock = make('output', { id: 'clock' });
    this.player.element.append(this.clock);
    const days = make('div', { id: 'days', role: 'group', 'aria-label': TEXT.play_day }, this.before, this.date, this.after);
    const top = make('header', {}, leave, make('h2', { id: 'recordings-title', tabindex: '-1' }, TEXT.recordings), this.cameras);
    const watch = make('div', { id: 'watch' }, this.player.element, this.controls.element, this.timeline.element);
    const found = make('div', { id: 'found' }, days, this.diskProblem, this.empty, this.list.element, this.diskSaid, listOfKeys());
    this.element = make('section', { id: 'recordings-view', 'aria-labelledby': 'recordings-title' }, top, watch, found);
    document.querySelector('main').after(this.element);
  }

  // --- Where it is: the URL's fragment.

  // The view is opened or left.
  opened(isOpen) {
    if (isOpen === this.isOpen) {
      if (isOpen) this.follow();
      return;
    }
    this.isOpen = isOpen;
    if (isOpen) {
      byId('recordings-title').focus(); // a screen reader reads it; keys are those of the player
      this.follow();
    } else {
      this.player.stop();
      byId('recordings').focus();
    }
  }

  // Shows what the fragment names.
  follow() {
    const [camera, day, clock] = location.hash.slice(RECORDINGS.length + 1).split('/').map((part) => {
      try {
        return decodeURIComponent(part);
      } catch (error) {
        return ''; // not written by this page
      }
    });
    const name = camera || this.camera || tiles[0].name;
    const isDay = /^\d{4}-\d\d-\d\d$/.test(day || '') && !Number.isNaN(dayOf(day).from);
    const [hour, minute, second = 0] = (clock || '').split(':').map(Number);
    const date = isDay && /^\d/.test(clock || '') ? new Date(dayOf(day).from) : null;
    if (date) date.setHours(hour, minute, second);
    this.load(name, isDay ? dayOf(day) : null, date ? date.getTime() : null);
  }

  write() {
    if (!this.isOpen) return;
    const parts = [this.camera, this.day && this.day.text];
    const time = this.player.time();
    if (this.day && time !== null) {
      const date = new Date(time);
      parts.push([date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(':'));
    }
    const fragment = [RECORDINGS, ...parts.filter(Boolean).map(encodeURIComponent)].join('/').replace(/%3A/g, ':');
    if (fragment !== location.hash) history.replaceState(history.state, '', fragment);
  }

  go(camera, day) {
    this.load(camera, day ? dayOf(day) : null, null);
  }

  leave() {
    if (history.state && history.state.fromLive) {
      history.back();
      return;
    }
    const isKnown = tiles.length > 1 && tiles.some(({ name }) => name === this.camera);
    history.replaceState(null, '', isKnown ? `#${encodeURIComponent(this.camera)}` : location.pathname + location.search);
    change();
  }

  toDay(by) {
    const to = by < 0 && this.earlier ? this.earlier : dayOf(this.day.text, by).text;
    this.go(this.camera, to);
  }

  // --- What was recorded.

  // Those that began before the day's end, and one that began before the day. Without a day, that of the newest one.
  async load(camera, day, time) {
    const asked = (this.asked += 1);
    const isOthers = ({ camera: of }) => of === camera;
    let shown = day;
    const isEnough = (all) => {
      const mine = all.filter(isOthers);
      if (!shown && mine.length) shown = dayOf(dayText(new Date(mine[0].from)));
      return mine.length > 0 && mine[mine.length - 1].from < shown.from;
    };
    // No recording has this name: it stands for the day's end.
    const end = day && `a_${new Date(day.to).toISOString().slice(0, 19).replace('T', '_').replace(/:/g, '-')}Z.mkv`;
    this.counted = folder && folder.count;
    const found = await fetchRecordings(end, isEnough);
    if (!found || asked !== this.asked) return;
    const { all, disk } = found;
    isEnough(all);
    shown = shown || dayOf(dayText(new Date()));
    const isNew = camera !== this.camera || !this.day || shown.text !== this.day.text;
    const events = this.hasNoEvents || !all.some(isOthers) ? [] : await fetchEvents(camera, shown);
    if (asked !== this.asked) return;
    if (events === false) this.hasNoEvents = true;
    this.disk = disk;
    const mine = all.filter(isOthers);
    const older = mine.filter(({ from }) => from < shown.from);
    this.camera = camera;
    this.day = shown;
    this.earlier = older.length ? dayText(new Date(older[0].from)) : null;
    const kept = this.player.recording;
    this.entries = mine.filter((entry) => entry.from >= shown.from || entry.to() > shown.from).reverse();
    // A time-lapse plays in a few minutes what took hours: it would hide what was recorded meanwhile.
    const timed = this.entries.filter(({ timeLapse }) => !timeLapse);
    this.timed = timed.length ? timed : this.entries;
    this.others = new Set(all.map((entry) => entry.camera));
    if (events || isNew) this.events = events || [];
    placeEvents(this.events, this.entries);
    if (isNew) {
      this.timeline.showDay(shown);
      this.unknown = 0;
      if (this.controls.cut) this.controls.toggleCut();
    }
    this.settle(kept, isNew, time);
    this.showAll();
    if (isNew) {
      this.timeline.fit();
      this.write();
    }
  }

  // After a list has come: the player keeps its recording, or takes the one that was asked for, or the newest.
  settle(kept, isNew, time) {
    const { player, entries, timed } = this;
    const same = kept && entries.find(({ name }) => name === kept.name);
    if (same && time === null) {
      player.recording = same;
      return;
    }
    const isGone = kept && !isNew && time === null;
    if (isGone && this.controls.cut) this.controls.toggleCut();
    player.say(isGone ? TEXT.play_gone : '');
    if (time !== null && entries.length) {
      this.seek(time, false);
    } else if (entries.length && (isNew || !kept)) {
      player.seek(timed[timed.length - 1], 0);
    } else {
      player.stop();
      if (!entries.length) player.clear();
    }
  }

  refresh() {
    if (this.isOpen && this.day) this.load(this.camera, this.day, null);
  }

  refreshIfChanging() {
    if (!this.isOpen || document.hidden || failures) return;
    const isGrowing = this.entries.some(({ growing }) => growing);
    const isUnknown = this.unknown < UNKNOWN_MAX && this.entries.some(({ duration }) => duration === null);
    if (isUnknown) this.unknown += 1;
    if (isGrowing || isUnknown || (folder && folder.count !== this.counted)) this.refresh();
  }

  // --- Moving about.

  choose(entry) {
    this.player.seek(entry, 0);
    this.write();
    if (innerWidth < 600) byId('stage').scrollIntoView({ block: 'nearest' });
  }

  // Plays from where something moved, if that was recorded.
  playEvent(event) {
    const entry = entryOf(event, this.entries);
    if (entry) this.player.seek(entry, event.at);
    else this.seek(event.from, false);
    this.player.play();
    this.write();
  }

  // The recording at this time and the place in it; in a gap, where the next one begins.
  place(ms) {
    const entries = this.timed;
    const before = entries.filter(({ from }) => from <= ms);
    const entry = before[before.length - 1];
    if (entry && (ms < entry.to() || (entry === entries[entries.length - 1] && entry.growing))) return { entry, at: (ms - entry.from) / 1000, isGap: false };
    const next = entries.find(({ from }) => from > ms);
    return next ? { entry: next, at: 0, isGap: true } : { entry, at: entry ? Math.max(0, (entry.to() - entry.from) / 1000 - 1) : 0, isGap: true };
  }

  seek(ms, isHeld) {
    if (!this.entries.length) return;
    const { entry, at, isGap } = this.place(ms);
    this.looksAt = isHeld ? ms : null;
    if (isGap && isHeld) {
      this.player.close();
      this.player.isHeld = true;
      this.player.say(fill(TEXT.play_gap, { time: clockTime(ms) }));
      this.showPosition();
      return;
    }
    this.player.seek(entry, at, isHeld);
    if (!isHeld) this.write();
  }

  skip(seconds) {
    const { player } = this;
    if (!player.recording) return;
    const time = player.time() + seconds * 1000;
    if (!this.timed.includes(player.recording)) return player.seek(player.recording, Math.max(0, player.position() + seconds));
    const { entry, isGap } = this.place(time);
    // Backwards over a gap, it is the end of the recording before it.
    const before = this.timed[this.timed.indexOf(player.recording) - 1];
    if (isGap && seconds < 0 && entry === player.recording) {
      if (before && player.position() < 1) player.seek(before, Math.max(0, (before.to() - before.from) / 1000 + seconds));
      else player.seek(entry, 0);
    } else this.seek(time, false);
  }

  neighbour(by) {
    const next = this.entries[this.entries.indexOf(this.player.recording) + by];
    if (next) this.choose(next);
  }

  toEvent(by) {
    const now = this.player.time();
    const later = this.events.find(({ from }) => from > now + 500);
    const earlier = this.events.filter(({ from }) => from < now - 1500);
    const event = by > 0 ? later : earlier[earlier.length - 1];
    if (event) this.seek(event.from, false);
    else note(TEXT.play_no_event);
  }

  // A recording has been played: goes on with the next one, if need be that of the next day.
  async goOn(entry) {
    const alike = () => this.entries.filter(({ timeLapse }) => timeLapse === entry.timeLapse);
    const next = () => alike()[alike().findIndex(({ name }) => name === entry.name) + 1];
    if (!next()) await this.load(this.camera, this.day, null); // one that was being written may have ended
    if (!next() && entry.to() > this.day.to - NEXT_MS) await this.load(this.camera, dayOf(this.day.text, 1), null);
    const { player } = this;
    if (!player.isPlaying) return;
    if (next()) {
      player.seek(next(), 0);
      return;
    }
    player.isPlaying = false;
    player.at = entry.length();
    note(TEXT.play_over);
    this.showPosition();
  }

  // --- Showing it.

  // Called with each /state.
  update() {
    document.title = fill(TEXT.page, { camera: TEXT.recordings, board: network.board });
    this.player.update(viewers);
    const names = new Map(tiles.map((tile) => [tile.name, tile.title]));
    for (const name of [...(this.others || []), this.camera]) if (name && !names.has(name)) names.set(name, name);
    const key = [...names].join();
    this.cameras.hidden = names.size < 2;
    if (this.cameras.dataset.key !== key) {
      this.cameras.dataset.key = key;
      this.cameras.replaceChildren(...[...names].map(([name, title]) => make('option', { value: name }, title)));
    }
    if (this.camera) this.cameras.value = this.camera;
  }

  showAll() {
    const { entries, timed, day, disk } = this;
    const spans = timed.map((entry) => ({ from: entry.from, to: Math.max(entry.to(), entry.from + 1000), growing: entry.growing }));
    this.timeline.show(spans, this.events);
    this.date.value = day.text;
    this.date.max = dayText(new Date());
    this.after.disabled = day.to > Date.now();
    this.before.disabled = !this.earlier;
    fillElement(this.empty, entries.length ? '' : this.earlier || disk.count ? TEXT.play_none_day : TEXT.play_none);
    fillElement(this.diskProblem, disk.problem ? told(inWords(disk.problem)) : '');
    fillElement(this.diskSaid, fill(TEXT.play_disk, { used: sizeText(disk.bytes), free: sizeText(disk.free) }));
    this.list.show([...entries].reverse());
    this.update();
    this.showPosition();
  }

  // Where the player is. What a screen reader reads changes only when it does not play.
  showPosition() {
    const { player, timeline } = this;
    this.controls.update(this.events.length > 0);
    if (this.wasPlaying && !player.isPlaying) this.write();
    this.wasPlaying = player.isPlaying;
    const isHeld = player.isHeld && this.looksAt !== null;
    const time = isHeld ? this.looksAt : player.time();
    this.element.classList.toggle('empty', time === null);
    if (time === null || !this.day) return;
    const day = new Date(time).toLocaleDateString(TEXT.lang, { weekday: 'short', day: 'numeric', month: 'short' });
    fillElement(this.clock, `${day}, ${clockTime(time)}`);
    const isGap = player.said && isHeld;
    const words = isGap ? player.said : clockTime(time);
    timeline.setHead(time, player.stream && !isHeld ? null : words);
    const { title } = tiles.find(({ name }) => name === this.camera) || { title: this.camera };
    player.canvas.setAttribute('aria-label', fill(TEXT.picture, { camera: title }));
    this.list.mark(player.recording);
  }

  // --- Keys.

  key(event) {
    const { key, shiftKey, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === 'Escape') {
      this.leave();
      return;
    }
    if (target.matches('input, select')) return; // they have keys of their own
    if (key === ' ' && target.matches('button, a, summary')) return;
    const { player, controls } = this;
    const skip = shiftKey ? SKIP_FAR_S : SKIP_S;
    const does = {
      ' ': () => controls.playOrPause(),
      ',': () => player.step(-1),
      '.': () => player.step(1),
      ArrowLeft: () => this.skip(-skip),
      ArrowRight: () => this.skip(skip),
      ArrowUp: () => this.neighbour(1),
      ArrowDown: () => this.neighbour(-1),
      Home: () => player.recording && this.choose(player.recording),
      End: () => player.recording && player.seek(player.recording, Math.max(0, (player.recording.to() - player.recording.from) / 1000)),
      PageUp: () => this.before.disabled || this.toDay(-1),
      PageDown: () => this.after.disabled || this.toDay(1),
      '+': () => controls.faster(1),
      '=': () => controls.faster(1), // the same key without shift
      '-': () => controls.faster(-1),
      s: () => controls.savePicture(),
      c: () => controls.toggleCut(),
      i: () => controls.mark('from'),
      u: () => controls.mark('to'),
      b: () => this.events.length && this.toEvent(-1),
      n: () => this.events.length && this.toEvent(1),
      f: toggleFull,
    }[key];
    if (!does) return;
    event.preventDefault(); // otherwise the list scrolls
    does();
  }
}
