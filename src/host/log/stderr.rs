//! Log lines on standard error, written by a thread of their own: a pipe that nobody reads, or a terminal stopped with
//! Ctrl-S, blocks only that thread. Called only by [`super::init`].
//!
//! Non-blocking writes would need no thread, but O_NONBLOCK belongs to the open file, and so to every other program on
//! the same terminal.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use env_logger::{Builder, Logger, Target};
use log::{Level, LevelFilter, Log, Metadata, Record};

use super::{Format, json};
use crate::sync::lock;

/// The most bytes of lines that wait to be written; further lines are lost and counted.
const WAITING_MAX: usize = 256 << 10;

/// The longest that a flush waits for a reader.
const FLUSH_TIME: Duration = Duration::from_millis(200);

/// The logger whose lines go to standard error.
pub struct Stderr {
    /// Formats lines and queues them.
    lines: Logger,
    queue: Arc<Queue>,
}

impl Stderr {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(level: LevelFilter, format: Format) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let input = Target::Pipe(Box::new(Input(queue.clone())));
        let lines = builder(level, format).target(input).build();
        let output = queue.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || output.write_for_ever(format))?;
        Ok(Self { lines, queue })
    }
}

/// Ignores filter variables in the environment: -v is the one way to set the level.
fn builder(level: LevelFilter, format: Format) -> Builder {
    let mut builder = Builder::new();
    builder.filter_level(level);
    match format {
        Format::Text => {}
        Format::Json => {
            builder.format(|line, record| writeln!(line, "{}", json::line(record)));
        }
    }
    builder
}

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.lines.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        self.lines.log(record);
    }

    /// Waits until all lines are written, for at most [`FLUSH_TIME`].
    fn flush(&self) {
        let waiting = self.queue.lock();
        let _ = self.queue.changed.wait_timeout_while(waiting, FLUSH_TIME, |waiting| {
            waiting.writing || !waiting.lines.is_empty() || waiting.lost > 0
        });
    }
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    /// Lines that came after these and were lost.
    lost: u64,
    /// The thread has taken lines and not yet written all of them.
    writing: bool,
}

impl Waiting {
    fn push(&mut self, line: &[u8]) {
        // After one lost line all are lost until the thread takes the queue, so that it can say where lines are
        // missing.
        if self.lost > 0 || self.lines.len() + line.len() > WAITING_MAX {
            self.lost += 1;
        } else {
            self.lines.extend_from_slice(line);
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.waiting)
    }

    fn write_for_ever(&self, format: Format) -> ! {
        let missing = builder(LevelFilter::Warn, format).build();
        let mut lines = Vec::new();
        loop {
            let lost = self.take(&mut lines);
            let _ = io::stderr().write_all(&lines); // a closed pipe wants no more lines
            if lost > 0 {
                let text = format_args!("{lost} log lines were lost here: nobody read them in time");
                let record = Record::builder().level(Level::Warn).target(module_path!()).args(text).build();
                missing.log(&record);
            }
        }
    }

    /// Waits for lines, swaps them for those that were written, and returns how many after them were lost.
    fn take(&self, lines: &mut Vec<u8>) -> u64 {
        lines.clear();
        let mut waiting = self.lock();
        waiting.writing = false;
        self.changed.notify_all();
        let none = |waiting: &mut Waiting| waiting.lines.is_empty() && waiting.lost == 0;
        let mut waiting =
            self.changed.wait_while(waiting, none).unwrap_or_else(|poisoned| poisoned.into_inner());
        waiting.writing = true;
        std::mem::swap(&mut waiting.lines, lines);
        std::mem::take(&mut waiting.lost)
    }
}

/// What env_logger writes its lines to, each in one call.
struct Input(Arc<Queue>);

impl Write for Input {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().push(line);
        self.0.changed.notify_all();
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_do_not_fit_are_counted_and_none_follows_until_the_loss_is_reported() {
        let queue = Queue::default();
        let input = |line: &[u8]| queue.lock().push(line);
        input(&[b'x'; WAITING_MAX - 1]);
        input(b"ab");
        input(b"c");
        let mut lines = Vec::new();
        assert_eq!((queue.take(&mut lines), lines.len()), (2, WAITING_MAX - 1));
        input(b"d");
        assert_eq!((queue.take(&mut lines), lines.as_slice()), (0, &b"d"[..]));
    }
}
