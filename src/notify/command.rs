//! The command: a program that is run for each event, one at a time, with what happened in its environment and the picture
//! on its standard input.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};

use super::Tell;
use super::notice::Notice;
use super::settings::CommandLine;
use crate::host::child::read::Read;
use crate::host::child::{LogLines, Process, Words};
use crate::host::inject;
use crate::host::shutdown::Shutdown;
use crate::problem::{Problem, Text, text};

/// The longest that a program may run; then it is ended with all that it started.
const RUN_TIME: Duration = Duration::from_secs(30);

/// Time between two looks at a program that says nothing.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// The same for one that says much, so that it does not keep us busy.
const PAUSE: Duration = Duration::from_millis(10);

/// Reads of its output between two looks.
const READS: usize = 16;

/// Runs the program.
pub(super) struct CommandRunner {
    line: CommandLine,
    /// How much of what it says is logged.
    words: Words,
    run_time: Duration,
}

impl CommandRunner {
    pub(super) fn new(line: CommandLine) -> Self {
        Self { line, words: Words::default(), run_time: RUN_TIME }
    }

    fn start(&self, notice: &Notice) -> io::Result<Process> {
        let mut command = Command::new(&self.line.program);
        command.args(&self.line.arguments).envs(notice.environment()).stdin(input(notice)?);
        Process::start(&mut command)
    }

    /// Waits until it ends, and returns how; `None` if it takes too long, or this program is to end.
    fn wait(
        &self,
        process: &mut Process,
        lines: &mut LogLines,
        shutdown: &Shutdown,
    ) -> io::Result<Option<ExitStatus>> {
        let end = Instant::now() + self.run_time;
        let mut is_open = true;
        while !process.has_ended() {
            if Instant::now() >= end || shutdown.has_begun() {
                return Ok(None);
            }
            // One that has closed its output is always ready to be read.
            if is_open {
                process.wait(LOOK_PERIOD)?;
            } else {
                thread::sleep(PAUSE);
            }
            is_open = drain(process, lines)? && is_open;
        }
        drain(process, lines)?;
        Ok(process.wait_for_end())
    }

    fn problem(&self, why: Text, advice: Text) -> Problem {
        Problem::new(text!("cannot tell {} what happened", self.line.shown()), why, advice)
    }
}

impl Tell for CommandRunner {
    fn tell(&mut self, notice: &Notice, shutdown: &Shutdown) -> Result<(), Problem> {
        let look = || text!("run the command in a terminal to see what it says");
        let mut process = self.start(notice).map_err(|error| {
            let advice = text!(
                "see whether the program is there, and whether the user that boardcam runs as may run it"
            );
            self.problem((&error).into(), advice)
        })?;
        inject::panic_at("command");
        let mut lines = LogLines::new(format!("notify-command {}", self.line.shown()), self.words.clone());
        let status = self.wait(&mut process, &mut lines, shutdown);
        drop(process); // ends what it left behind
        match status {
            Ok(Some(status)) if status.success() => Ok(()),
            // Its words are in the log only: they may hold secrets, and /state is for everybody who may watch.
            Ok(Some(status)) => Err(self.problem(text!("it ended with {}", status.to_string()), look())),
            Ok(None) if shutdown.has_begun() => {
                Err(self.problem(text!("boardcam is ending"), text!("nothing is to be done")))
            }
            Ok(None) => {
                Err(self.problem(text!("it had not ended after {} s", self.run_time.as_secs()), look()))
            }
            Err(error) => Err(self.problem((&error).into(), look())),
        }
    }
}

/// Logs some of what it has said; returns whether its output is still open.
fn drain(process: &mut Process, lines: &mut LogLines) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    for _ in 0..READS {
        let Some(length) = process.read_errors(&mut buffer) else { break };
        lines.write(&buffer[..length]);
    }
    for _ in 0..READS {
        match process.read(&mut buffer)? {
            Read::Bytes(length) => lines.write(&buffer[..length]),
            Read::Nothing => return Ok(true),
            Read::End => return Ok(false),
        }
    }
    thread::sleep(PAUSE);
    Ok(true)
}

/// The picture, in a file that exists in memory only: a program that does not read it keeps nobody waiting.
fn input(notice: &Notice) -> io::Result<Stdio> {
    let Some(picture) = notice.picture() else { return Ok(Stdio::null()) };
    let mut file = File::from(memfd_create("picture", MemfdFlags::CLOEXEC)?);
    file.write_all(picture)?;
    file.rewind()?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::super::notice::tests::notice;
    use super::*;
    use crate::host::child::tests::disappears;

    fn runner(line: &str) -> CommandRunner {
        CommandRunner::new(line.parse().unwrap())
    }

    fn tell(line: &str) -> Result<(), String> {
        runner(line).tell(&notice(), &Shutdown::default()).map_err(|problem| problem.to_string())
    }

    #[test]
    fn the_program_gets_the_event_in_its_environment_and_the_picture_on_its_input() {
        let file = std::env::temp_dir().join(format!("boardcam-told-{}", std::process::id()));
        let script = r#"{ echo "$BOARDCAM_EVENT at $BOARDCAM_TITLE ($BOARDCAM_CAMERA, $BOARDCAM_BOARD)"; cat; } >"$1""#;
        let line = format!("sh -c '{script}' sh {}", file.display());
        tell(&line).unwrap();
        let told = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(told, b"motion at Front door (door, board)\n\xff\xd8jpeg");
    }

    #[test]
    fn a_program_that_fails_is_not_quoted_and_one_that_is_not_there_is_named() {
        let why = tell("sh -c 'echo no network >&2; exit 3'").unwrap_err();
        assert!(
            why.contains("exit status: 3") && !why.contains("no network") && !why.contains("-c"),
            "{why}"
        );
        let why = tell("/no/such/program secret").unwrap_err();
        assert!(why.contains("cannot tell /no/such/program what happened: no such file"), "{why}");
        assert!(!why.contains("secret"), "{why}");
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_all_that_it_started() {
        let file = std::env::temp_dir().join(format!("boardcam-hangs-{}", std::process::id()));
        for script in
            ["sleep 1000 & echo $! >$1; wait", "exec >/dev/null 2>&1; sleep 1000 & echo $! >$1; wait"]
        {
            let mut runner = runner(&format!("sh -c '{script}' sh {}", file.display()));
            runner.run_time = Duration::from_secs(1);
            let why = runner.tell(&notice(), &Shutdown::default()).unwrap_err().to_string();
            assert!(why.contains("it had not ended after 1 s"), "{why}");
            let pid = std::fs::read_to_string(&file).unwrap();
            assert!(disappears(&pid), "{script}: {pid} is still there");
        }
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn a_program_that_says_much_or_leaves_something_behind_is_told_all_the_same() {
        tell("sh -c 'yes | head -c 3000000; yes | head -c 3000000 >&2'").unwrap();
        let begin = Instant::now();
        tell("sh -c 'sleep 1000 & exit 0'").unwrap();
        assert!(begin.elapsed() < RUN_TIME / 2, "it took {:?}", begin.elapsed());
    }

    #[test]
    fn the_end_of_boardcam_waits_for_no_program() {
        let shutdown = Shutdown::default();
        shutdown.begin();
        let why = runner("sleep 1000").tell(&notice(), &shutdown).unwrap_err().to_string();
        assert!(why.contains("boardcam is ending"), "{why}");
    }
}
