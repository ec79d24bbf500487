// Plays a recording: a stream of it while it plays, single pictures while it pauses or somebody looks for a place. What
// a browser needs to show a stream is said in tile.js.

const FRAME_MS = 10000; // how long a single picture, or the first one of a stream, may take
const TICK_MS = 200; // between two looks at how far it has played
const REOPENED_MAX = 3; // so often a stream that fails is opened again, if single pictures still come
const LOOKED_FOR = 'size=480x360&quality=60'; // pictures while somebody looks for a place

// The list is made anew whenever the server is asked.
const isSame = (a, b) => Boolean(a && b) && a.name === b.name;

// One picture: the image, where it is in the recording, or why there is none.
async function fetchFrame(recording, query) {
  const stop = new AbortController();
  const limit = setTimeout(() => stop.abort(), FRAME_MS);
  try {
    const answer = await fetch(`${recording.url}/frame?${query}`, { cache: 'no-store', signal: stop.signal });
    if (answer.status === 404) return { why: TEXT.play_gone, isGone: true };
    if (!answer.ok) return { why: await whyRefused(answer) };
    const at = parseFloat(answer.headers.get('Boardcam-At'));
    return { blob: await answer.blob(), at: Number.isFinite(at) ? at : null };
  } catch (error) {
    return { why: stop.signal.aborted ? fill(TEXT.play_silent, { s: rounded(FRAME_MS / 1000) }) : TEXT.unreachable_silent };
  } finally {
    clearTimeout(limit);
  }
}

class Player {
  // Calls `changed` when anything that is shown has changed, `ended` when the recording has been played, `gone` when it
  // is no longer there.
  constructor({ changed, ended, gone }) {
    Object.assign(this, { changed, ended, gone });
    this.recording = null;
    this.at = 0; // where it is in the recording while no stream is open, in seconds
    this.speed = 1;
    this.isPlaying = false; // also while the stream is being opened
    this.isHeld = false; // somebody is looking for a place
    // The server ends a stream of this name when a new one begins.
    this.id = randomName();
    this.opened = 0; // streams so far
    this.stream = null;
    this.reopened = 0; // streams that failed since one last showed anything
    this.wanted = null; // the next single picture
    this.isAsking = false;
    this.isStepping = false;
    this.said = ''; // what keeps the picture from being shown
    this.canvas = make('canvas', { width: '1', height: '1', role: 'img' });
    this.words = make('p', { id: 'said', role: 'status' });
    this.element = make('div', { id: 'stage' }, this.canvas, this.words);
    setInterval(() => this.tick(), TICK_MS);
  }

  // Where it is in the recording, in seconds.
  position() {
    const { stream } = this;
    const at = stream && stream.since ? stream.from + ((performance.now() - stream.since) / 1000) * this.speed : this.at;
    return Math.min(at, this.recording ? this.recording.length() : 0);
  }

  // The time on the clock.
  time() {
    return this.recording ? this.recording.from + this.position() * 1000 : null;
  }

  // --- What the user does.

  // Goes to a place. While `isHeld`, small pictures are shown; playing goes on afterwards.
  seek(recording, at, isHeld = false) {
    this.close();
    this.say('');
    this.recording = recording;
    this.at = Math.max(0, at);
    this.isHeld = isHeld;
    this.reopened = 0;
    if (this.isPlaying && !isHeld) this.open();
    else this.want(`at=${this.at.toFixed(3)}${isHeld ? `&${LOOKED_FOR}` : ''}`);
    this.changed();
  }

  play() {
    if (!this.recording || this.isPlaying) return;
    if (this.at >= this.recording.length() - 0.05) this.at = 0; // from the beginning again
    this.isPlaying = true;
    this.reopened = 0;
    this.say('');
    this.open();
    this.changed();
  }

  pause() {
    if (!this.isPlaying) return;
    this.close();
    this.isPlaying = false;
    this.want(`at=${this.at.toFixed(3)}`); // the stream's last one is on the canvas meanwhile
    this.changed();
  }

  setSpeed(speed) {
    this.close();
    this.speed = speed;
    if (this.isPlaying) this.open();
    this.changed();
  }

  // One picture back or on.
  step(by) {
    if (!this.recording || this.isStepping) return;
    const wasPlaying = this.isPlaying;
    if (wasPlaying) {
      this.close();
      this.isPlaying = false;
    }
    this.isStepping = true;
    this.want(`at=${this.at.toFixed(3)}&step=${by}`, by);
    this.changed();
  }

  // The page is hidden: no stream until it is seen again.
  sleep() {
    this.close();
  }

  wake() {
    if (this.isPlaying && !this.stream && !this.isHeld) this.open();
  }

  // The view is left.
  stop() {
    this.close();
    this.isPlaying = false;
    this.wanted = null;
  }

  // Nothing is there to be shown.
  clear() {
    this.recording = null;
    this.at = 0;
    this.canvas.width = this.canvas.height = 1;
  }

  say(text) {
    this.said = text;
    fillElement(this.words, text);
  }

  // --- Single pictures: one request at a time, and of those that wait only the newest.

  want(query, step = 0) {
    this.wanted = { recording: this.recording, query, step };
    if (!this.isAsking) this.ask();
  }

  async ask() {
    this.isAsking = true;
    while (this.wanted) {
      const { recording, query, step } = this.wanted;
      this.wanted = null;
      const frame = await fetchFrame(recording, query);
      if (step) this.isStepping = false;
      if (!isSame(this.recording, recording) || this.stream) continue; // something else is shown by now
      if (!frame.blob) {
        if (!this.wanted) this.say(frame.why);
        if (frame.isGone) this.gone(recording);
        continue;
      }
      this.say('');
      await this.draw(frame.blob);
      if (step && frame.at !== null) {
        if (frame.at === this.at) note(step > 0 ? TEXT.play_last : TEXT.play_first);
        this.at = frame.at;
      } else if (recording.duration === null && frame.at !== null && !this.isHeld) {
        this.at = Math.min(this.at, frame.at); // nobody knew where it ends
      }
      this.changed();
    }
    this.isAsking = false;
  }

  async draw(blob) {
    const image = new Image();
    image.src = URL.createObjectURL(blob);
    try {
      await image.decode();
      if (!this.stream || !this.stream.since) this.freeze(image);
    } catch (error) {
      this.say(TEXT.play_broken);
    }
    URL.revokeObjectURL(image.src);
  }

  freeze(image) {
    this.canvas.width = image.naturalWidth;
    this.canvas.height = image.naturalHeight;
    this.canvas.getContext('2d').drawImage(image, 0, 0);
    this.fit(image);
  }

  // The stage has the picture's shape, where the window leaves it room.
  fit({ naturalWidth, naturalHeight }) {
    this.element.style.setProperty('--shape', naturalWidth / naturalHeight);
  }

  // --- The stream.

  open() {
    if (document.hidden) return;
    const image = new Image();
    const opened = { image, from: this.at, since: 0, asked: performance.now(), viewers: null, wasListed: false, missing: 0 };
    image.alt = '';
    image.onload = () => {
      if (!opened.since) opened.since = performance.now();
      this.say('');
      this.fit(image);
    };
    image.onerror = () => this.stream === opened && this.failed();
    image.src = this.streamUrl();
    this.element.insertBefore(image, this.words);
    this.stream = opened;
  }

  streamUrl() {
    this.opened += 1; // another URL each time, so that no browser takes an old stream for it
    const parts = [`start=${this.at.toFixed(3)}`, `speed=${this.speed}`, `id=${this.id}`, ADVANCE, CHOICES[choice], `n=${this.opened}`];
    return `${this.recording.url}/stream?${parts.filter(Boolean).join('&')}`;
  }

  close() {
    if (!this.stream) return;
    this.at = this.position();
    const { image } = this.stream;
    this.stream = null;
    image.onload = image.onerror = null;
    if (image.naturalWidth) this.freeze(image); // the last one stays until there is another one
    image.src = BLANK;
    image.remove();
  }

  // The stream has ended before the recording, or did not begin: a single picture says why.
  async failed() {
    const { recording } = this;
    if (this.stream.since) this.reopened = 0;
    this.close();
    const frame = await fetchFrame(recording, `at=${this.at.toFixed(3)}`);
    if (!isSame(this.recording, recording) || this.stream || !this.isPlaying) return;
    this.reopened += 1;
    if (frame.blob && this.reopened <= REOPENED_MAX) {
      setTimeout(() => this.wake(), retryDelay(this.reopened - 1));
      return;
    }
    this.isPlaying = false;
    this.say(frame.why || (await this.whyNoStream()));
    if (frame.isGone) this.gone(recording);
    this.changed();
  }

  // An image does not say why it has failed.
  async whyNoStream() {
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), FRAME_MS);
    try {
      const answer = await fetch(this.streamUrl(), { cache: 'no-store', signal: stop.signal });
      return answer.ok ? TEXT.play_no_stream : await whyRefused(answer);
    } catch (error) {
      return TEXT.unreachable_silent;
    } finally {
      clearTimeout(limit);
      stop.abort(); // nobody reads it
    }
  }

  tick() {
    const { stream, recording } = this;
    if (!stream) return;
    if (!stream.since) {
      if (performance.now() - stream.asked > FRAME_MS) this.failed();
      return;
    }
    if (!recording.growing && recording.duration !== null && this.position() >= recording.duration) {
      this.close();
      this.ended(recording);
      return;
    }
    this.changed();
  }

  // Takes what /state says of everybody who watches: a stream that was there and is gone has ended.
  update(everybody) {
    const { stream, recording } = this;
    if (!stream || !stream.since || stream.viewers === everybody) return;
    stream.viewers = everybody;
    const isListed = everybody.some(({ id }) => id === this.id);
    stream.wasListed = stream.wasListed || isListed;
    stream.missing = isListed || !stream.wasListed ? 0 : stream.missing + 1;
    if (stream.missing < MISSING_POLLS) return;
    const isOver = recording.duration === null || this.position() > recording.duration - 1;
    if (!isOver) {
      this.failed();
      return;
    }
    this.close();
    this.ended(recording);
  }
}
