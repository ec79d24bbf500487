// One camera's picture: a live stream, still pictures, or nothing. Told what to be by page.js, which also tells
// what the server says of the stream; by that a stream that is stuck is found, and opened again.

const RETRY_MS = [1000, 2000, 4000, 5000]; // before opening a failed stream again; the last one from then on
const MISSING_POLLS = 2; // the server does not list our stream this often: it is gone
const STALLED_POLLS = 3; // frames go out, but not to us, this often: it is stuck
const REFUSED_MAX = 2; // a smaller picture failed to come this often: take the original
const SNAPSHOT_MS = 10000; // how long a snapshot may take
// Another picture in the place of a stream makes every browser close its connection; an empty src does not.
const BLANK = 'data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==';
// Chrome and its kin show a frame when they have read the headers of the next one: always one frame late, unless
// these headers come in advance (crbug 527446). Others need the length in them, which they then lack.
const ADVANCE = /Chrom(e|ium)\//.test(navigator.userAgent) ? 'advance_headers=1' : '';

const backOff = (failures) => RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];

class Tile {
  constructor(name) {
    this.name = name;
    this.camera = null; // as last heard
    this.row = null; // what the server says of our stream
    this.inSight = false;
    this.mode = 'none';
    this.wish = ''; // what is asked for in the URL
    this.stream = null; // the open one
    this.moved = false; // a stream has moved since `mode` became 'live'
    this.retries = 0; // failures since a stream last moved
    this.retryAt = 0; // no stream is opened before this, on the clock of performance.now()
    this.refused = 0; // streams of the smaller picture that never moved
    this.still = null; // the one on its way
    this.stillAt = 0; // when the last one came
    this.element = at('tile').content.firstElementChild.cloneNode(true);
    this.picture = this.element.querySelector('.picture');
    this.canvas = this.element.querySelector('canvas');
    this.button = this.element.querySelector('.open');
    this.picture.setAttribute('aria-label', fill(TEXT.picture, { camera: name }));
    this.element.querySelector('.name').textContent = name;
    this.button.onclick = () => choose(this);
  }

  // Becomes 'live', 'stills' or 'none'.
  be(mode, wish) {
    if (mode !== this.mode || wish !== this.wish) {
      this.close();
      this.retries = this.retryAt = this.refused = 0;
      this.moved = false;
    }
    this.mode = mode;
    this.wish = wish;
    if (mode === 'live' && !this.stream && performance.now() >= this.retryAt) this.open();
  }

  // How it is; the states have their texts.
  state() {
    if (this.camera.state !== 'live') return this.camera.state;
    if (this.mode === 'stills') return 'stills';
    if (this.stream && this.stream.moving) return 'live';
    return this.moved ? 'reconnecting' : 'connecting';
  }

  // The size of the picture that is shown.
  size() {
    const { image } = this.stream || {};
    if (image && image.naturalWidth) return { width: image.naturalWidth, height: image.naturalHeight };
    return this.camera && this.camera.format;
  }

  asked() {
    return this.refused < REFUSED_MAX ? this.wish : '';
  }

  open() {
    const id = randomName(); // our name in /state; it also keeps caches away
    const image = new Image();
    const opened = { id, image, moving: false, stale: false, missing: 0, stalled: 0, sent: 0, published: 0 };
    image.alt = ''; // .picture carries the description
    image.onload = () => {
      if (opened.moving) return;
      opened.moving = this.moved = true;
      show();
    };
    image.onerror = () => {
      this.lose();
      show();
    };
    image.src = `${this.camera.url}stream?${[`id=${id}`, ADVANCE, this.asked()].filter(Boolean).join('&')}`;
    this.picture.append(image);
    this.stream = opened;
  }

  close() {
    this.row = null;
    if (this.still) this.still.src = BLANK;
    this.still = null;
    if (!this.stream) return;
    const { image } = this.stream;
    this.stream = null;
    image.onload = image.onerror = null;
    if (image.naturalWidth) this.keep(image); // stays in sight until there is another one
    image.src = BLANK;
    image.remove();
  }

  keep(image) {
    this.canvas.width = image.naturalWidth;
    this.canvas.height = image.naturalHeight;
    this.canvas.getContext('2d').drawImage(image, 0, 0);
  }

  // The stream failed: closes it, and opens it again a little later.
  lose() {
    if (this.asked() && !this.stream.moving) {
      this.refused += 1;
      if (!this.asked()) note(TEXT.no_choice);
    }
    this.close();
    const wait = backOff(this.retries);
    this.retries += 1;
    this.retryAt = performance.now() + wait;
    pollIn(Math.min(wait, POLL_MS));
  }

  // What the server says of this camera and of all viewers.
  hear(camera, viewers) {
    this.camera = camera;
    if (!this.stream) return;
    if (this.stream.stale) {
      this.close();
      return;
    }
    this.row = viewers.find((viewer) => viewer.id === this.stream.id) || null;
    if (this.isLost()) this.lose();
  }

  // Whether the server no longer sends to our stream.
  isLost() {
    const { stream, row, camera } = this;
    if (!row) {
      stream.missing += 1;
      return stream.missing >= MISSING_POLLS;
    }
    stream.missing = 0;
    const { published } = camera.frames;
    if (row.frames_sent > stream.sent) {
      stream.moving = this.moved = true;
      stream.stalled = 0;
      this.retries = 0;
    } else if (camera.state === 'live' && published > stream.published) {
      stream.stalled += 1;
    }
    stream.sent = row.frames_sent;
    stream.published = published;
    return stream.stalled >= STALLED_POLLS;
  }

  // Fetches one still picture: the original, since the board makes few kinds of smaller ones at once.
  async takeStill() {
    const image = new Image();
    this.still = image;
    const limit = setTimeout(() => (image.src = BLANK), SNAPSHOT_MS);
    image.src = `${this.camera.url}snapshot?at=${Date.now()}`;
    try {
      await image.decode();
      if (this.still === image) this.keep(image);
    } catch (error) {
      // None to be had; /state says why.
    }
    clearTimeout(limit);
    if (this.still === image) this.still = null;
    this.stillAt = performance.now();
  }
}

