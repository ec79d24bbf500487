// One camera's picture: a live stream, stills or nothing. main.js sets the mode, and passes on what the server
// reports about the stream, so that a stuck stream is noticed and opened again.

const RETRY_MS = [1000, 2000, 4000, 5000]; // delays before a failed stream is opened again; then always the last one
const MISSING_POLLS = 2; // after this many polls without our stream in the server's list, it is gone
const STALLED_POLLS = 3; // after this many polls with frames published but none sent to us, it is stuck
const FAILED_SMALLER_MAX = 2; // after this many failures of a smaller picture, show the original
const SNAPSHOT_MS = 10000; // how long a snapshot may take
// Every browser closes a stream's connection when another image replaces it, but not for an empty src.
const BLANK = 'data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==';
// Chromium shows a frame only when it has read the headers of the next part: one frame late, unless these headers
// are sent in advance (crbug 527446). Other browsers need Content-Length, which headers in advance do not have.
const ADVANCE = /Chrom(e|ium)\//.test(navigator.userAgent) ? 'advance_headers=1' : '';

const retryDelay = (failures) => RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];

class Tile {
  constructor({ name, title }) {
    this.name = name; // in URLs
    this.title = title || name; // for people
    this.camera = null; // from the last /state
    this.viewer = null; // our stream in the last /state
    this.isVisible = false;
    this.mode = 'none';
    this.query = ''; // parameters of the stream's URL
    this.stream = null; // the open stream
    this.wasMoving = false; // a stream has shown frames since the mode became 'live'
    this.retries = 0; // failures since a stream last showed frames
    this.retryAt = 0; // no stream is opened before this time (performance.now())
    this.failedSmaller = 0; // streams of the smaller picture that never showed a frame
    this.still = null; // the still that is loading
    this.stillAt = 0; // when the last still came
    this.element = byId('tile').content.firstElementChild.cloneNode(true);
    this.picture = this.element.querySelector('.picture');
    this.canvas = this.element.querySelector('canvas');
    this.button = this.element.querySelector('.open');
    this.picture.setAttribute('aria-label', fill(TEXT.picture, { camera: this.title }));
    this.element.querySelector('.name').textContent = this.title;
    this.button.onclick = () => choose(this);
  }

  // Shows 'live', 'stills' or 'none'.
  setMode(mode, query) {
    if (mode !== this.mode || query !== this.query) {
      this.close();
      this.retries = this.retryAt = this.failedSmaller = 0;
      this.wasMoving = false;
    }
    this.mode = mode;
    this.query = query;
    if (mode === 'live' && !this.stream && performance.now() >= this.retryAt) this.open();
  }

  // Whether it delivers, or is opened when somebody watches.
  mayShow() {
    return this.camera.state === 'live' || (this.camera.on_demand !== null && this.camera.state !== 'private');
  }

  // Its state. The texts have a key for each one.
  state() {
    if (this.camera.state === 'resting' && this.stream) return 'starting'; // for us
    if (this.camera.state !== 'live') return this.camera.state;
    if (this.camera.problem) return 'waiting'; // it is open, but gives nothing new
    if (this.mode === 'stills') return 'stills';
    if (this.stream && this.stream.moving) return 'live';
    return this.wasMoving ? 'reconnecting' : 'connecting';
  }

  // The size of the picture that is shown.
  size() {
    const { image } = this.stream || {};
    if (image && image.naturalWidth) return { width: image.naturalWidth, height: image.naturalHeight };
    return this.camera && this.camera.picture;
  }

  streamQuery() {
    return this.failedSmaller < FAILED_SMALLER_MAX ? this.query : '';
  }

  open() {
    const id = randomName(); // our name in /state; it also keeps caches away
    const image = new Image();
    const opened = { id, image, moving: false, stale: false, missing: 0, stalled: 0, sent: 0, published: 0 };
    image.alt = ''; // .picture has the description
    image.onload = () => {
      if (opened.moving) return;
      opened.moving = this.wasMoving = true;
      show();
    };
    image.onerror = () => {
      this.retryLater();
      show();
    };
    image.src = `${this.camera.url}stream?${[`id=${id}`, ADVANCE, this.streamQuery()].filter(Boolean).join('&')}`;
    this.picture.append(image);
    this.stream = opened;
  }

  close() {
    this.viewer = null;
    if (this.still) this.still.src = BLANK;
    this.still = null;
    if (!this.stream) return;
    const { image } = this.stream;
    this.stream = null;
    image.onload = image.onerror = null;
    if (image.naturalWidth && !this.camera.privacy) this.freeze(image); // the last frame stays until there is another one
    image.src = BLANK;
    image.remove();
  }

  // Draws an image on the canvas, where it stays until the next one.
  freeze(image) {
    this.canvas.width = image.naturalWidth;
    this.canvas.height = image.naturalHeight;
    this.canvas.getContext('2d').drawImage(image, 0, 0);
  }

  // The stream failed: closes it, and opens it again after a delay.
  retryLater() {
    if (this.streamQuery() && !this.stream.moving) {
      this.failedSmaller += 1;
      if (!this.streamQuery()) note(TEXT.no_smaller);
    }
    this.close();
    const wait = retryDelay(this.retries);
    this.retries += 1;
    this.retryAt = performance.now() + wait;
    pollIn(Math.min(wait, POLL_MS));
  }

  // Takes the server's report on this camera and on all viewers.
  update(camera, viewers) {
    const before = (this.camera && this.camera.picture) || camera.picture;
    this.camera = camera;
    if (camera.privacy) this.canvas.width = 1; // which clears it
    // A smaller picture has the size that was asked for when it was opened, of a picture that may have been turned since.
    const { picture } = camera;
    if (this.query && picture && picture.width !== before.width) this.close();
    if (!this.stream) return;
    if (this.stream.stale) {
      this.close();
      return;
    }
    this.viewer = viewers.find((viewer) => viewer.id === this.stream.id) || null;
    if (this.isLost()) this.retryLater();
  }

  // Whether the server has stopped sending to our stream.
  isLost() {
    const { stream, viewer, camera } = this;
    if (!viewer) {
      stream.missing += 1;
      return stream.missing >= MISSING_POLLS;
    }
    stream.missing = 0;
    const { published } = camera.frames;
    if (viewer.frames_sent > stream.sent) {
      stream.moving = this.wasMoving = true;
      stream.stalled = 0;
      this.retries = 0;
    } else if (camera.state === 'live' && published > stream.published) {
      stream.stalled += 1;
    }
    stream.sent = viewer.frames_sent;
    stream.published = published;
    return stream.stalled >= STALLED_POLLS;
  }

  // Fetches one still. Always the original, since the board makes only a few kinds of smaller pictures at once.
  async takeStill() {
    const image = new Image();
    this.still = image;
    const limit = setTimeout(() => (image.src = BLANK), SNAPSHOT_MS);
    image.src = `${this.camera.url}snapshot?at=${Date.now()}`;
    try {
      await image.decode();
      if (this.still === image) this.freeze(image);
    } catch (error) {
      // There is none; /state says why.
    }
    clearTimeout(limit);
    if (this.still === image) this.still = null;
    this.stillAt = performance.now();
  }
}

