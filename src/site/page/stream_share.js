// How many live streams this window may open. A browser opens about 6 connections to a host, for all its windows
// together, and each stream occupies one. So all visible windows share LIVE_MAX streams, and the other connections
// stay free for requests and snapshots.

const LIVE_MAX = 3; // live streams at once, in all windows
const SHARE_PERIOD_MS = 2000; // how often a visible window announces itself
const SHARE_EXPIRES_MS = 7000; // a window that has been silent for this long is closed

class StreamShare {
  // Calls `changed` when another window may have changed this one's share.
  constructor(changed) {
    this.mine = { name: randomName(), since: 0, wants: 0 };
    this.others = new Map();
    this.channel = 'BroadcastChannel' in window ? new BroadcastChannel('boardcam') : null;
    if (!this.channel) return; // an old browser: windows do not share
    this.channel.onmessage = ({ data }) => {
      const isNew = data.wants && !this.others.has(data.name);
      if (data.wants) this.others.set(data.name, { ...data, heard: performance.now() });
      else this.others.delete(data.name);
      if (isNew) this.announce();
      changed();
    };
    setInterval(() => this.mine.wants && this.announce(), SHARE_PERIOD_MS);
  }

  announce() {
    if (this.channel) this.channel.postMessage(this.mine);
  }

  // Asks for this many streams. Returns how many this window may open.
  request(wants) {
    if (wants !== this.mine.wants) {
      if (!this.mine.wants) this.mine.since = Date.now();
      this.mine.wants = wants;
      this.announce();
    }
    return this.granted();
  }

  // Each window computes this for itself, with the same result: the streams are dealt out one at a time, first to the
  // window that has been visible for longest.
  granted() {
    const now = performance.now();
    const others = [...this.others.values()].filter((other) => now - other.heard < SHARE_EXPIRES_MS);
    const order = (a, b) => a.since - b.since || (a.name < b.name ? -1 : 1);
    const windows = [this.mine, ...others].sort(order);
    let left = LIVE_MAX;
    let mine = 0;
    for (let round = 1; round <= LIVE_MAX; round += 1) {
      for (const one of windows.filter((window) => window.wants >= round).slice(0, left)) {
        left -= 1;
        if (one === this.mine) mine += 1;
      }
    }
    return mine;
  }
}

