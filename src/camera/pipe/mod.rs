//! Pictures from another program: JPEGs one behind the other, from its standard output or on our standard input.
//!
//! Opened by [`super::find`] for `pipe:COMMAND`, `-` and `rpicam`, for what `ffmpeg -f mjpeg -` or `rpicam-vid
//! --codec mjpeg -o -` deliver. What it promises:
//!
//! - A frame is handed on with its last byte, and counts as captured when that was read: when the program took
//!   the picture it does not tell.
//! - A frame over [`FRAME_MAX`], or over what a picture of its size can take, is dropped and counted as damaged;
//!   what is no JPEG is skipped.
//! - The program is ended with this source (see [`process`]), and started anew when the source is opened anew.
//!   Standard input cannot be: once it has ended, opening it again only says so.
//! - Steady frames allocate nothing. While nobody watches they are read all the same, since a program that
//!   cannot write would show old pictures to the next viewer.

mod chatter;
mod process;
pub mod rpicam;
pub mod splitter;

use std::io::{self, IsTerminal, Stdin};
use std::os::fd::AsFd;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use log::Level;

use super::config::{EncodeMode, PipeSpec, SourceConfig};
use super::observer::{OBSERVE_PERIOD, Observer, cancelled};
use super::source::{Frame, Source, SourceError, SourceInfo};
use crate::jpeg::passthrough::Jpeg;
use crate::picture::{Layout, Range, Size};
use crate::problem::Problem;
use chatter::Chatter;
use process::Process;
use splitter::{Found, Splitter};

/// The largest frame in bytes; 12 megapixels at a high quality take about half of it.
pub const FRAME_MAX: usize = 16 << 20;

/// Bytes that a frame's headers and metadata may take beyond three for each pixel, which no useful quality needs.
const HEAD_ROOM: usize = 128 << 10;

/// How long a program may take to its first picture: a network camera, or a decoder that waits for a key frame,
/// takes its time.
const FIRST_PICTURE: Duration = Duration::from_secs(20);

/// So many bytes without one JPEG among them, and it is something else that is written there.
const GARBAGE_MAX: u64 = FRAME_MAX as u64;

/// What the pictures of a program need.
const EXPECTED: &str = "it must write JPEGs one behind the other, as `ffmpeg ... -f mjpeg -` does";

/// The command line that delivers the pictures; `None` for standard input.
///
/// # Errors
/// The Raspberry Pi's tool is not installed.
fn command_line(spec: &PipeSpec, config: &SourceConfig) -> Result<Option<String>, Problem> {
    match spec {
        PipeSpec::Stdin => Ok(None),
        PipeSpec::Command(command) => Ok(Some(command.clone())),
        PipeSpec::Rpicam(options) => match rpicam::program() {
            Some(program) => Ok(Some(rpicam::command(program, config, options))),
            None => Err(Problem::new(
                "cannot use a Raspberry Pi camera module",
                "there is no rpicam-vid (nor libcamera-vid) on PATH",
                "install it: sudo apt install rpicam-apps-lite",
            )),
        },
    }
}

/// Where bytes come from.
enum Input {
    /// Our own standard input. It stays in blocking mode, which it may share with other programs; what poll(2)
    /// announced can be read without waiting.
    Stdin(Stdin),
    Program(Process, Chatter),
}

/// An open stream of JPEGs.
pub struct Pipe {
    info: SourceInfo,
    input: Input,
    splitter: Splitter,
    /// When the last bytes were read.
    read_at: Instant,
    sequence: u32,
    /// The first frame was read to learn the size, and not yet handed on.
    first: bool,
    ended: Option<SourceError>,
}

impl Pipe {
    /// Starts what is to deliver and waits for its first picture. What a program says is logged at `level`, as
    /// the words of camera `name`.
    ///
    /// # Errors
    /// It cannot be started, ends, or delivers no picture in time; or the observer ended the wait.
    pub fn open(
        name: &str,
        piped: &PipeSpec,
        config: &SourceConfig,
        level: Level,
        observer: &mut dyn Observer,
    ) -> Result<Pipe, Problem> {
        let label = piped.label();
        let input = match command_line(piped, config)? {
            None if io::stdin().is_terminal() => {
                let advice = format!("pipe a program into it; {EXPECTED}");
                return Err(Problem::new(format!("cannot use {label}"), "it is a terminal", advice));
            }
            None => Input::Stdin(io::stdin()),
            Some(command) => {
                let process = Process::start(&command).map_err(|error| {
                    let advice = "is the system out of processes, files or memory?";
                    Problem::new(format!("cannot start {label}"), error.to_string(), advice)
                })?;
                Input::Program(process, Chatter::new(format!("camera {name}: {label}"), level))
            }
        };
        let info = SourceInfo {
            source: label,
            card: "another program".to_owned(),
            driver: String::new(),
            bus: String::new(),
            layout: Layout::Mjpeg,
            size: config.size(),
            stride: 0,
            range: Range::Full,
            max_frame: FRAME_MAX,
            interval: None,
            compromises: Vec::new(),
        };
        let splitter = Splitter::new(FRAME_MAX);
        let (read_at, sequence) = (Instant::now(), 0);
        let mut pipe = Pipe { info, input, splitter, read_at, sequence, first: false, ended: None };
        let size = pipe.first_picture(observer)?;
        pipe.first = true;
        pipe.info.compromises = compromises(piped, config, size);
        pipe.info.size = size;
        let pixels = size.width as usize * size.height as usize; // 16 bits each
        pipe.info.max_frame = pixels.saturating_mul(3).saturating_add(HEAD_ROOM).min(FRAME_MAX);
        pipe.splitter.set_cap(pipe.info.max_frame);
        Ok(pipe)
    }

    /// Waits for a frame with a good head; the splitter has it then.
    fn first_picture(&mut self, observer: &mut dyn Observer) -> Result<Size, Problem> {
        let end = Instant::now() + FIRST_PICTURE;
        let mut fault = None;
        while Instant::now() < end {
            if !observer.keep_waiting() {
                return Err(cancelled());
            }
            if self.find(OBSERVE_PERIOD).map_err(|SourceError(problem)| problem)? == Some(Found::Frame) {
                match Jpeg::check(self.splitter.frame()) {
                    Ok(jpeg) => return Ok(jpeg.size()),
                    Err(what) => fault = Some(what),
                }
            }
        }
        let what = format!("cannot use {}", self.info.source);
        let within = format!("within {} s", FIRST_PICTURE.as_secs());
        Err(match (fault, self.splitter.garbage()) {
            (Some(fault), _) => {
                Problem::new(what, format!("no good picture came {within}: {fault}"), EXPECTED)
            }
            (None, 0) => Problem::new(what, format!("nothing came {within}"), EXPECTED),
            (None, garbage) => Problem::new(
                what,
                format!("no picture came {within}, but {garbage} bytes of something else"),
                EXPECTED,
            ),
        })
    }

    /// Waits at most `timeout` for the next frame, or for one that was lost.
    fn find(&mut self, timeout: Duration) -> Result<Option<Found>, SourceError> {
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        let deadline = Instant::now().checked_add(timeout);
        let mut has_read = false;
        loop {
            if let Some(found) = self.splitter.advance() {
                self.sequence = self.sequence.wrapping_add(1);
                return Ok(Some(found));
            }
            let garbage = self.splitter.garbage();
            if garbage > GARBAGE_MAX {
                return Err(self.end(format!("it wrote {garbage} bytes without a JPEG"), EXPECTED));
            }
            let left = deadline.map_or(timeout, |end| end.saturating_duration_since(Instant::now()));
            // Also a flood that never makes a frame does not hold whoever waits.
            if left.is_zero() && has_read {
                return Ok(None);
            }
            has_read = true;
            match self.input.read(self.splitter.room(), left) {
                Ok(Some(0)) => return Err(self.say_farewell()),
                Ok(Some(bytes)) => {
                    self.splitter.filled(bytes);
                    self.read_at = Instant::now();
                }
                Ok(None) => {}
                Err(error) => return Err(self.end(error.to_string(), "it is opened anew by itself")),
            }
        }
    }

    /// Why no more comes, when the input has ended.
    fn say_farewell(&mut self) -> SourceError {
        let (why, advice) = match &mut self.input {
            Input::Stdin(_) => (
                "whoever wrote to it closed it".to_owned(),
                "it cannot be opened again: start boardcam anew behind the program that writes to it",
            ),
            Input::Program(process, chatter) => {
                let status = process.farewell();
                hear(process, chatter);
                farewell(status, chatter.last_words())
            }
        };
        self.end(why, advice)
    }

    fn end(&mut self, why: String, advice: &str) -> SourceError {
        let problem = Problem::new(format!("{} ended", self.info.source), why, advice);
        self.ended.insert(SourceError(problem)).clone()
    }
}

impl Source for Pipe {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>, SourceError> {
        let found = match std::mem::take(&mut self.first) {
            true => Some(Found::Frame),
            false => self.find(timeout)?,
        };
        Ok(found.map(|found| Frame {
            bytes: self.splitter.frame(),
            captured: self.read_at,
            sequence: self.sequence,
            flagged: found == Found::TooLarge,
        }))
    }
}

impl Input {
    /// Reads what is there, after waiting for it at most so long; 0 bytes are the end.
    fn read(&mut self, room: &mut [u8], patience: Duration) -> io::Result<Option<usize>> {
        match self {
            Input::Stdin(stdin) => {
                let ready = process::wait_for_input([Some(stdin.as_fd())], patience)?;
                if ready { process::read(stdin, room) } else { Ok(None) }
            }
            Input::Program(process, chatter) => {
                process.wait(patience)?;
                hear(process, chatter);
                process.read(room)
            }
        }
    }
}

/// Takes in what a program says; a part of it, if it says more than anybody could read.
fn hear(process: &mut Process, chatter: &mut Chatter) {
    let mut words = [0; 4096];
    for _ in 0..16 {
        let Some(length) = process.read_errors(&mut words) else { return };
        chatter.hear(&words[..length]);
    }
}

/// Why a program ended, as far as it can be known, and what to do.
fn farewell(status: Option<ExitStatus>, last_words: &str) -> (String, &'static str) {
    const TRY: &str = "it is started anew by itself; try it in a terminal to see what it needs";
    let how = match status {
        Some(status) => status.to_string(),
        None => "it closed its output".to_owned(),
    };
    let told = if last_words.is_empty() { String::new() } else { format!("; it last said: {last_words}") };
    match status.and_then(|status| status.code()) {
        // What the shell answers (POSIX.1-2017, Shell Command Language 2.8.2).
        Some(127) => {
            (format!("the command was not found ({how}{told})"), "install it, or give its whole path")
        }
        Some(126) => {
            (format!("the command cannot be executed ({how}{told})"), "is it a program, with mode +x?")
        }
        _ => (how + &told, TRY),
    }
}

/// One sentence for each wish that pictures of `size` from there do not fulfil.
fn compromises(piped: &PipeSpec, config: &SourceConfig, size: Size) -> Vec<String> {
    let asks = matches!(piped, PipeSpec::Rpicam(_));
    let mut compromises = Vec::new();
    if size != config.size() && (asks || config.size.is_some()) {
        compromises.push(format!("asked for {}, got {size}", config.size()));
    }
    if !asks && (config.fps.is_some() || config.quality.is_some()) {
        compromises.push("the rate and the quality are what the program makes them".to_owned());
    }
    if config.encoder == EncodeMode::Software || config.layout.is_some_and(|layout| layout != Layout::Mjpeg) {
        compromises.push("it delivers JPEGs, which are passed on as they are".to_owned());
    }
    compromises
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_program_ended_is_told_with_its_last_words() {
        use std::os::unix::process::ExitStatusExt;
        let code = |code: i32| Some(ExitStatus::from_raw(code << 8));
        let told = |status, words| farewell(status, words).0;
        assert_eq!(
            told(code(1), "no cameras available"),
            "exit status: 1; it last said: no cameras available"
        );
        assert_eq!(told(Some(ExitStatus::from_raw(9)), ""), "signal: 9 (SIGKILL)");
        assert!(told(code(127), "sh: 1: x: not found").starts_with("the command was not found"));
        assert!(told(code(126), "").starts_with("the command cannot be executed"));
        assert_eq!(told(None, ""), "it closed its output");
    }
}
