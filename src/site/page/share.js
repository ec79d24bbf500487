// How many live streams this window may hold. A browser opens about 6 connections to a host for all its windows
// together, and a stream takes one of them for as long as it lasts. So the windows that are in sight share
// LIVE_MAX streams among themselves, and the other connections stay free for questions and snapshots.

const LIVE_MAX = 3; // live streams at once
const SHARE_TICK_MS = 2000; // each window in sight says so this often
const SHARE_LOST_MS = 7000; // a window that was silent this long is gone

class Share {
  // `changed` is called when another window's wishes may have changed what this one gets.
  constructor(changed) {
    this.mine = { name: randomName(), since: 0, wants: 0 };
    this.others = new Map();
    this.channel = 'BroadcastChannel' in window ? new BroadcastChannel('boardcam') : null;
    if (!this.channel) return; // an old browser: each window counts for itself
    this.channel.onmessage = ({ data }) => {
      const isNew = data.wants && !this.others.has(data.name);
      if (data.wants) this.others.set(data.name, { ...data, heard: performance.now() });
      else this.others.delete(data.name);
      if (isNew) this.say();
      changed();
    };
    setInterval(() => this.mine.wants && this.say(), SHARE_TICK_MS);
  }

  say() {
    if (this.channel) this.channel.postMessage(this.mine);
  }

  // Says that this window wants so many streams, and tells how many it may have.
  ask(wants) {
    if (wants !== this.mine.wants) {
      if (!this.mine.wants) this.mine.since = Date.now();
      this.mine.wants = wants;
      this.say();
    }
    return this.granted();
  }

  // Every window comes to the same result by itself: one stream after the other is dealt out, to the window that
  // has been in sight for longest first.
  granted() {
    const now = performance.now();
    const others = [...this.others.values()].filter((other) => now - other.heard < SHARE_LOST_MS);
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

