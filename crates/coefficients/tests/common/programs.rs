//! Other people's programs, which ours is compared with.

use std::io::{ErrorKind, Write};
use std::process::{Command, Output, Stdio};
use std::thread;

/// What a program makes of its standard input. `None` if it is not installed, which is an error in CI.
pub fn run(program: &str, package: &str, options: &[&str], input: &[u8]) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Err(error) if error.kind() == ErrorKind::NotFound && std::env::var_os("CI").is_none() => {
            eprintln!("not compared with {program}, which is not installed (Debian: {package})");
            return None;
        }
        child => child.unwrap_or_else(|error| panic!("{program} (Debian: {package}): {error}")),
    };
    let mut stdin = child.stdin.take().expect("piped");
    thread::scope(|scope| {
        // One that fails ends before it has read all; what it says on standard error is worth more.
        scope.spawn(move || stdin.write_all(input));
        Some(child.wait_with_output().expect("it ends"))
    })
}
