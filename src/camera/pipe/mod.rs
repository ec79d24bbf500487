//! Pictures from another program: JPEGs one after the other, from its standard output or on our standard input.
//!
//! Opened by [`super::find`] for `pipe:COMMAND`, `-` and `rpicam`, to read what `ffmpeg -f mjpeg -` or
//! `rpicam-vid --codec mjpeg -o -` write. What it promises:
//!
//! - A frame is handed on as soon as its last byte was read. That is also its capture time, since the program does not
//!   say when it took the picture.
//! - Nothing is assumed about rate and size: each frame may have its own, up to [`FRAME_MAX`]. A larger or damaged one
//!   is handed on with its [`Flaw`]. Bytes that are not part of a JPEG are skipped.
//! - If no picture comes within [`SAY_AFTER`], the observer is told what comes in its place ([`Lack`]).
//! - The program is ended together with this source (see [`crate::host::child`]) and restarted when the source is reopened. Standard
//!   input cannot be reopened: once it has ended, opening it is an error that says so.
//! - Steady frames allocate nothing. Frames are read even if nobody watches, since a program that is blocked in a write
//!   would show old pictures to the next viewer.

mod content;
mod error;
mod input;
pub mod rpicam;
pub mod splitter;

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use super::config::{EncodeMode, PipeSpec, SourceConfig};
use super::observer::{OBSERVE_PERIOD, Observer};
use super::source::{Choices, Flaw, Frame, Source, SourceError, SourceInfo, SourceKind};
pub use crate::host::child::Words;
use crate::host::child::read::Read;
use crate::host::child::{LogLines, Process};
use crate::jpeg::passthrough::Jpeg;
use crate::names::CameraLabel;
use crate::picture::{Layout, Size};
use crate::problem::Problem;
use crate::ring;
use content::{Content, Format};
pub use error::{Lack, PipeError};
use input::Input;
use splitter::{Found, Splitter};

/// The largest frame in bytes; 12 megapixels at a high quality take about half of it.
pub const FRAME_MAX: usize = ring::MAX_FRAME;

/// Bytes of headers and metadata in a frame, beyond the three bytes a pixel that no useful quality exceeds.
const HEADERS_MAX: usize = 128 << 10;

/// How long a program may take to deliver its first picture, unless the settings say more. A network camera, a decoder
/// that waits for a key frame, or a loop that sleeps before each picture takes its time.
const FIRST_PICTURE: Duration = Duration::from_secs(60);

/// After this time without a picture, the user is told what comes in its place. With the time until the next look at
/// the clock, that is within 2 s.
const SAY_AFTER: Duration = Duration::from_millis(1500);

/// Fewer bytes than this between two pictures are not worth a word: headers of a multipart stream.
const HEADERS_BETWEEN: u64 = 4 << 10;

/// After this many bytes without a JPEG, the program is considered to write something other than JPEGs.
const GARBAGE_MAX: u64 = FRAME_MAX as u64;

/// An open stream of JPEGs.
pub struct Pipe {
    info: SourceInfo,
    spec: PipeSpec,
    input: Input,
    splitter: Splitter,
    /// When the last bytes were read.
    read_at: Instant,
    /// The number of the last frame.
    sequence: u32,
    /// Whether the first frame, which was read to learn its size, waits to be handed out.
    first_waits: bool,
    /// Why it ended, once it has.
    ended: Option<PipeError>,
}

impl Pipe {
    /// Starts the program and waits for its first picture. What it writes to standard error is logged within the
    /// allowance of `words`, as the words of camera `name`.
    ///
    /// # Errors
    /// The program cannot be started, ends, or delivers no picture in time; or the observer cancelled the wait.
    pub fn open(
        name: &str,
        spec: &PipeSpec,
        config: &SourceConfig,
        words: &Words,
        observer: &mut dyn Observer,
    ) -> Result<Pipe, PipeError> {
        let label = spec.label();
        let input = match command_line(spec, config)? {
            None if io::stdin().is_terminal() => return Err(PipeError::Terminal),
            None => Input::Stdin(io::stdin()),
            Some(command) => {
                let process = Process::shell(&command);
                let process = process.map_err(|error| PipeError::Start((&error).into()))?;
                Input::Program(
                    process,
                    LogLines::new(format!("{}: {label}", CameraLabel(name)), words.clone()),
                )
            }
        };
        let kind = if *spec == PipeSpec::Stdin { SourceKind::Stdin } else { SourceKind::Program };
        let info = SourceInfo {
            card: "another program".to_owned(),
            max_frame: FRAME_MAX,
            own_quality: config.quality.filter(|_| matches!(spec, PipeSpec::Rpicam(_))),
            ..SourceInfo::of_jpegs(kind, label, config.size())
        };
        let mut pipe = Pipe {
            info,
            spec: spec.clone(),
            input,
            splitter: Splitter::new(FRAME_MAX),
            read_at: Instant::now(),
            sequence: 0,
            first_waits: false,
            ended: None,
        };
        let size = pipe.first_picture(config.timeout.unwrap_or(FIRST_PICTURE), observer)?;
        pipe.first_waits = true;
        pipe.info.compromises = compromises(spec, config, size);
        pipe.info.size = size;
        let pixels = size.width as usize * size.height as usize; // 16 bits each
        pipe.info.max_frame = pixels.saturating_mul(3).saturating_add(HEADERS_MAX).min(FRAME_MAX);
        Ok(pipe)
    }

    /// Waits at most `patience` for a frame with good headers; the splitter then holds it.
    fn first_picture(&mut self, patience: Duration, observer: &mut dyn Observer) -> Result<Size, PipeError> {
        let begin = Instant::now();
        let mut last_flaw = None;
        let mut said = None;
        loop {
            if !observer.keep_waiting() {
                return Err(PipeError::Cancelled);
            }
            let found = self.find(OBSERVE_PERIOD).map_err(|ended| {
                let ended = ended.with_flaw(last_flaw);
                if ended.says_content() {
                    observer.delayed(&ended.problem(&self.spec));
                }
                ended
            });
            if let Some(found) = found? {
                let flaw = match found.flaw() {
                    Some(flaw) => flaw,
                    None => match Jpeg::parse(self.splitter.frame()) {
                        Ok(jpeg) => return Ok(jpeg.size()),
                        Err(fault) => Flaw::Fault(fault),
                    },
                };
                observer.unusable(flaw);
                last_flaw = Some(flaw);
            }
            if begin.elapsed() < SAY_AFTER.min(patience) {
                continue;
            }
            let lack = self.lack(last_flaw);
            if begin.elapsed() >= patience {
                return Err(PipeError::NoPicture(lack));
            }
            let problem = || PipeError::NoPicture(lack.clone()).problem(&self.spec);
            if lack.is_silence() {
                observer.silent(&problem());
            } else if said.as_ref() != Some(&lack) {
                observer.delayed(&problem());
                said = Some(lack);
            }
        }
    }

    /// What came since the last frame that can be used; `last_flaw` is what was wrong with those behind it.
    fn lack(&self, last_flaw: Option<Flaw>) -> Lack {
        match Content::of(self.splitter.sample()) {
            // In a film, packets of other things stand amid the frames.
            Some(film @ Content::Known(Format::Film(_))) if last_flaw == Some(Flaw::Damaged) => {
                Lack::Other(film)
            }
            content => last_flaw.map_or_else(|| self.lack_of_frames(content), Lack::Unusable),
        }
    }

    /// What came in place of frames.
    fn lack_of_frames(&self, content: Option<Content>) -> Lack {
        match content {
            Some(content) if content.has_jpegs() => Lack::InFilm(content),
            Some(content) => Lack::Other(content),
            None if self.splitter.begun() > 0 => Lack::Unfinished,
            None => Lack::Nothing,
        }
    }

    /// Waits at most `timeout` for the next frame, or for one that was lost.
    fn find(&mut self, timeout: Duration) -> Result<Option<Found>, PipeError> {
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
            if self.splitter.garbage() > GARBAGE_MAX {
                return Err(self.end(PipeError::NoPicture(self.lack(None))));
            }
            let left = deadline.map_or(timeout, |end| end.saturating_duration_since(Instant::now()));
            // Checked even if bytes keep coming: a flood that never makes a frame must not hold up the caller.
            if left.is_zero() && has_read {
                return Ok(None);
            }
            has_read = true;
            match self.input.read(self.splitter.spare(), left) {
                Ok(Read::Bytes(count)) => {
                    self.splitter.filled(count);
                    self.read_at = Instant::now();
                }
                Ok(Read::Nothing) => {}
                Ok(Read::End) => {
                    let written = Content::of(self.splitter.sample())
                        .filter(|content| self.sequence == 0 && !content.has_jpegs());
                    let error = self.input.end(self.sequence, written);
                    return Err(self.end(error));
                }
                Err(error) => return Err(self.end(PipeError::Read((&error).into()))),
            }
        }
    }

    fn end(&mut self, error: PipeError) -> PipeError {
        self.ended.insert(error).clone()
    }
}

impl Source for Pipe {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn choices(&self) -> Choices {
        // What a command gives cannot be chosen here, and rpicam-vid takes any size and rate.
        let is_rpicam = matches!(self.spec, PipeSpec::Rpicam(_));
        Choices { layouts: is_rpicam.then_some(Layout::Mjpeg).into_iter().collect(), ..Choices::default() }
    }

    fn next(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>, SourceError> {
        let found = if std::mem::take(&mut self.first_waits) {
            Some(Found::Frame)
        } else {
            self.find(timeout).map_err(|error| SourceError(error.problem(&self.spec)))?
        };
        Ok(found.map(|found| Frame {
            bytes: self.splitter.frame(),
            captured: self.read_at,
            sequence: self.sequence,
            flaw: found.flaw(),
            memory: None,
        }))
    }

    fn instead(&self) -> Option<Problem> {
        let is_worth_it = self.splitter.garbage() > HEADERS_BETWEEN;
        is_worth_it.then(|| PipeError::NoPicture(self.lack(None)).problem(&self.spec))
    }
}

impl Found {
    /// What is wrong with the frame, as far as the splitter knows.
    fn flaw(self) -> Option<Flaw> {
        match self {
            Found::Frame => None,
            Found::Damaged => Some(Flaw::Damaged),
            Found::TooLarge => Some(Flaw::TooLarge),
        }
    }
}

/// The command line that delivers the pictures; `None` for standard input.
fn command_line(spec: &PipeSpec, config: &SourceConfig) -> Result<Option<String>, PipeError> {
    match spec {
        PipeSpec::Stdin => Ok(None),
        PipeSpec::Command(command) => Ok(Some(command.clone())),
        PipeSpec::Rpicam(options) => {
            let program = rpicam::program().ok_or(PipeError::NoRpicam)?;
            Ok(Some(rpicam::command(program, config, options)))
        }
    }
}

/// One sentence for each setting that pictures of `size` from this pipe do not meet.
fn compromises(spec: &PipeSpec, config: &SourceConfig, size: Size) -> Vec<String> {
    let is_configured = matches!(spec, PipeSpec::Rpicam(_));
    let mut compromises = Vec::new();
    if size != config.size() && (is_configured || config.size.is_some()) {
        compromises.push(format!("asked for {}, got {size}", config.size()));
    }
    if !is_configured && config.fps.is_some() {
        compromises.push("the program itself decides on the rate".to_owned());
    }
    if !is_configured && config.quality.is_some() && config.encoder == EncodeMode::Passthrough {
        compromises.push(
            "the program itself decides on the quality; with --encoder auto the quality applies".to_owned(),
        );
    }
    if config.layout.is_some_and(|layout| layout != Layout::Mjpeg) {
        compromises.push("it delivers JPEGs".to_owned());
    }
    compromises
}
