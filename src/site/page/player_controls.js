// The buttons of the player: play, single pictures, speed, saving a picture, and cutting out a piece.

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16, 32];
const SHAPES = {
  back: 'M19 5.5v13L9.5 12zM6.5 5.5v13',
  play: 'M7 4.5v15l12.5-7.5z',
  pause: 'M8 5v14M16 5v14',
  on: 'M5 5.5v13l9.5-6.5zM17.5 5.5v13',
  save: 'M4 7.5h3.2L9 5h6l1.8 2.5H20V19H4zM12 10v6M9.4 13.6l2.6 2.6 2.6-2.6',
  cut: 'M20 5L8.6 15.6M20 19L8.6 8.4M6.5 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM6.5 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  before: 'M14.5 5l-7 7 7 7',
  after: 'M9.5 5l7 7-7 7',
  event: 'M12 10a2 2 0 1 0 0 4 2 2 0 0 0 0-4M7.2 7a7 7 0 0 0 0 10M16.8 7a7 7 0 0 1 0 10M4 4a11.3 11.3 0 0 0 0 16M20 4a11.3 11.3 0 0 1 0 16',
  download: 'M12 4v10M7.5 10.5L12 15l4.5-4.5M5 19h14',
  delete: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13',
  close: 'M6 6l12 12M18 6L6 18',
  left: 'M19 12H5M11 5.5L4.5 12l6.5 6.5',
};

const SVG = document.querySelector('svg').namespaceURI;

// One drawing for each shape.
function icons(...shapes) {
  const draw = (name, attributes) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  return shapes.map((shape) => {
    const svg = draw('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true', class: shape });
    svg.append(draw('path', { d: SHAPES[shape] }));
    return svg;
  });
}

function iconButton(id, text, keys, pressed, ...shapes) {
  const attributes = { id, type: 'button', title: text, 'aria-label': text, 'aria-keyshortcuts': keys || undefined };
  const button = make('button', attributes, ...icons(...shapes));
  button.onclick = pressed;
  return button;
}

function label(button, text) {
  if (button.title === text) return;
  button.title = text;
  button.setAttribute('aria-label', text);
}

// Downloads what a URL gives, or a blob.
function download(href, name) {
  const link = make('a', { href, download: name });
  document.body.append(link); // Firefox wants it there
  link.click();
  link.remove();
}

class PlayerControls {
  // Calls `changed` when the marked piece has changed, `toEvent` with -1 or 1 for the event before or after.
  constructor(player, { changed, toEvent }) {
    this.player = player;
    this.changed = changed;
    this.isSaving = false;
    this.cut = null; // while somebody cuts: the recording, `from` and `to` in seconds; each may be null
    this.back = iconButton('frame-back', TEXT.play_back_one, ',', () => player.step(-1), 'back');
    this.toggle = iconButton('play', TEXT.play_play, 'Space', () => this.playOrPause(), 'play', 'pause');
    this.on = iconButton('frame-on', TEXT.play_on_one, '.', () => player.step(1), 'on');
    const speeds = SPEEDS.map((speed) => make('option', { value: speed, selected: speed === 1 }, fill(TEXT.times, { times: speedText(speed) })));
    this.speed = make('select', { id: 'speed', title: TEXT.play_speed, 'aria-label': TEXT.play_speed, 'aria-keyshortcuts': '+ -' }, ...speeds);
    this.speed.onchange = () => player.setSpeed(Number(this.speed.value));
    this.before = iconButton('event-before', TEXT.play_event_before, 'b', () => toEvent(-1), 'before', 'event');
    this.after = iconButton('event-after', TEXT.play_event_after, 'n', () => toEvent(1), 'event', 'after');
    this.save = iconButton('save', TEXT.play_save, 's', () => this.savePicture(), 'save');
    this.scissors = iconButton('cutting', TEXT.play_cut, 'c', () => this.toggleCut(), 'cut');
    this.scissors.setAttribute('aria-expanded', 'false');
    this.events = make('div', { id: 'events', hidden: true }, this.before, this.after);
    player.element.append(this.events);
    const buttons = [this.back, this.toggle, this.on, this.speed, this.save, this.scissors];
    this.transport = make('div', { id: 'transport', role: 'group', 'aria-label': TEXT.play_player }, ...buttons);
    this.element = make('div', { id: 'player-controls' }, this.transport, this.makeCut());
  }

  playOrPause() {
    if (this.player.isPlaying) this.player.pause();
    else this.player.play();
  }

  faster(by) {
    const next = SPEEDS[SPEEDS.indexOf(this.player.speed) + by];
    if (!next) return;
    this.player.setSpeed(next);
    note(fill(TEXT.times, { times: speedText(next) }));
  }

  update(hasEvents) {
    const { player } = this;
    const isIdle = !player.recording;
    this.toggle.classList.toggle('playing', player.isPlaying);
    label(this.toggle, player.isPlaying ? TEXT.play_pause : TEXT.play_play);
    for (const button of [this.back, this.toggle, this.on, this.speed, this.save, this.scissors]) button.disabled = isIdle;
    this.events.hidden = !hasEvents;
    if (this.speed.value !== String(player.speed)) this.speed.value = player.speed;
  }

  // --- The picture that is shown, in its full size.

  async savePicture() {
    const { player } = this;
    if (!player.recording || this.isSaving) return;
    this.isSaving = true;
    const { recording } = player;
    const at = player.position();
    const frame = await fetchFrame(recording, `at=${at.toFixed(3)}`);
    this.isSaving = false;
    if (!frame.blob) {
      note(fill(TEXT.play_not_saved, { why: frame.why }));
      return;
    }
    const time = new Date(recording.from + (frame.at === null ? at : frame.at) * 1000);
    const name = `${recording.camera}-${timeForFile(time)}.jpg`;
    const url = URL.createObjectURL(frame.blob);
    download(url, name);
    setTimeout(() => URL.revokeObjectURL(url), FRAME_MS);
    note(fill(TEXT.saved, { file: name }));
  }

  // --- Cutting out a piece of one recording.

  makeCut() {
    const button = (id, text, keys, pressed) => {
      const made = make('button', { id, type: 'button', class: 'act', 'aria-keyshortcuts': keys }, text);
      made.onclick = pressed;
      return made;
    };
    this.cutSaid = make('output', { id: 'cut-said' });
    this.cutLink = make('a', { id: 'cut-link', class: 'act', download: true }, TEXT.play_cut_download);
    this.cutLink.onclick = (event) => this.cutLink.href || event.preventDefault();
    const start = button('cut-from', TEXT.play_cut_from, 'i', () => this.mark('from'));
    const end = button('cut-to', TEXT.play_cut_to, 'u', () => this.mark('to'));
    const close = iconButton('cut-close', TEXT.play_cut_close, null, () => this.toggleCut(), 'close');
    this.cutElement = make('div', { id: 'cut', role: 'group', 'aria-label': TEXT.play_cut, hidden: true }, start, end, this.cutLink, close, this.cutSaid);
    return this.cutElement;
  }

  toggleCut() {
    if (!this.player.recording) return;
    this.cut = this.cut ? null : { recording: null, from: null, to: null };
    this.cutElement.hidden = !this.cut;
    this.scissors.setAttribute('aria-expanded', Boolean(this.cut));
    if (!this.cut && this.cutElement.contains(document.activeElement)) this.scissors.focus();
    this.showCut();
  }

  // Marks the start or the end. A mark that the other one does not go with takes its place.
  mark(which) {
    const { player } = this;
    if (!player.recording) return;
    if (!this.cut) this.toggleCut();
    const at = player.position();
    const { recording } = this.cut;
    if (isSame(recording, player.recording)) this.cut.isOther = false;
    else this.cut = { recording: player.recording, from: null, to: null, isOther: recording !== null };
    this.cut[which] = at;
    const { from, to } = this.cut;
    if (from !== null && to !== null && from >= to) this.cut[which === 'from' ? 'to' : 'from'] = null;
    this.showCut();
  }

  showCut() {
    const { cut } = this;
    const { recording, from, to, isOther } = cut || {};
    const isWhole = Boolean(recording) && from !== null && to !== null;
    const clock = (at) => clockTime(recording.from + at * 1000);
    let said = TEXT.play_cut_hint;
    if (isWhole) said = fill(TEXT.play_cut_span, { start: clock(from), end: clock(to), length: lengthText(to - from) });
    else if (recording && from !== null) said = fill(TEXT.play_cut_starts, { start: clock(from) });
    else if (recording) said = fill(TEXT.play_cut_ends, { end: clock(to) });
    if (isOther && !isWhole) said = `${TEXT.play_cut_one} ${said}`;
    fillElement(this.cutSaid, said);
    this.cutLink.setAttribute('aria-disabled', !isWhole);
    if (isWhole) {
      this.cutLink.href = `${recording.url}?format=${VIDEO}&from=${from.toFixed(3)}&to=${to.toFixed(3)}`;
    } else {
      this.cutLink.removeAttribute('href');
    }
    const at = (seconds) => (seconds === null ? null : recording.from + seconds * 1000);
    this.changed(recording ? { from: at(from === null ? to : from), to: at(to === null ? from : to) } : null);
  }
}

// A quarter is written as such.
function speedText(speed) {
  return { 0.25: '¼', 0.5: '½' }[speed] || rounded(speed);
}

// What keys do, for those who look for it.
function listOfKeys() {
  const keys = [
    [TEXT.play_key_play, 'Space'],
    [TEXT.play_key_frames, ',', '.'],
    [TEXT.play_key_skip, '←', '→'],
    [TEXT.play_key_recordings, '↑', '↓'],
    [TEXT.play_key_ends, 'Home', 'End'],
    [TEXT.play_speed, '+', '−'],
    [TEXT.play_save, 'S'],
    [TEXT.play_key_cut, 'I', 'U'],
    [TEXT.play_leave, 'Esc'],
  ];
  const rows = keys.map(([what, ...names]) => make('div', {}, make('dt', {}, what), make('dd', {}, ...names.map((name) => make('kbd', {}, name)))));
  return make('details', { class: 'keys' }, make('summary', {}, TEXT.keys), make('dl', {}, ...rows));
}
