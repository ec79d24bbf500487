//! Who is told what happens. Whatever they do, cameras and viewers go on.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use client::{Outcome, ensure, wait_for};
use rustix::process::Signal;
use serde_json::Value;

use crate::boardcam::{Boardcam, goes_on, run};
use crate::program::Program;

/// boardcam must end within this time: longer than it takes on a busy machine, and far less than what it does not wait for.
const SOON: Duration = Duration::from_secs(15);

/// A program that writes down what it is told, and the size of the picture.
const TELL: &str = r#"#!/bin/sh
echo "$BOARDCAM_EVENT $BOARDCAM_CAMERA $# $1 $(wc -c)" >>"$(dirname "$0")/told"
"#;

/// What a receiver does with one request.
pub type Serve = fn(&mut TcpStream);

/// A receiver of web hooks, and the bodies that it got.
pub struct Receiver {
    pub address: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    pub fn new(serve: Serve) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let received = Arc::new(Mutex::new(Vec::new()));
        let shared = received.clone();
        thread::spawn(move || {
            for mut socket in listener.incoming().map_while(Result::ok) {
                let shared = shared.clone();
                thread::spawn(move || {
                    if let Ok(body) = read_request(&socket) {
                        shared.lock().unwrap().push(body);
                        serve(&mut socket);
                    }
                });
            }
        });
        Ok(Self { address, received })
    }

    fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

fn read_request(socket: &TcpStream) -> Outcome<String> {
    let mut reader = BufReader::new(socket);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(given) = line.strip_prefix("content-length: ") {
            length = given.parse()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(String::from_utf8(body)?)
}

fn answer(socket: &mut TcpStream, answer: &str) {
    let _ = socket.write_all(answer.as_bytes()); // it may have left
}

pub fn accepts(socket: &mut TcpStream) {
    answer(socket, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

fn fails(socket: &mut TcpStream) {
    answer(socket, "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
}

fn hangs(_: &mut TcpStream) {
    thread::sleep(Duration::from_secs(3600));
}

fn drips(socket: &mut TcpStream) {
    while socket.write_all(b"x").is_ok() {
        thread::sleep(Duration::from_millis(100));
    }
}

fn floods(socket: &mut TcpStream) {
    answer(socket, "HTTP/1.1 200 OK\r\n\r\n");
    while socket.write_all(&[b'x'; 65536]).is_ok() {}
}

pub fn target(boardcam: &Boardcam, kind: &str) -> Outcome<Value> {
    let state = boardcam.state()?;
    let targets = state["notify"].as_array().ok_or("no targets")?;
    let found = targets.iter().find(|target| target["kind"] == kind).ok_or_else(|| format!("no {kind}"))?;
    Ok(found.clone())
}

#[test]
fn a_hook_and_a_command_hear_of_a_camera_that_is_lost_and_of_its_return() -> Outcome {
    let (program, receiver) = (Program::new("told", "shows")?, Receiver::new(accepts)?);
    program.install("tell", TELL)?;
    let (camera, url) =
        (format!("door={}", program.camera()), format!("http://{}/topic-x7?y=z", receiver.address));
    let command = format!("{} 'two words'", program.path("tell"));
    let options =
        ["--camera", &camera, "--title", "Front door", "--notify", &url, "--notify-command", &command];
    let boardcam = Boardcam::start(&options)?;
    wait_for("pictures", || Ok((boardcam.get("/healthz")?.status == 200).then_some(())))?;
    program.does("nothing")?;
    program.crash()?;
    let told = || std::fs::read_to_string(program.path("told")).unwrap_or_default();
    let event = |number: usize| -> Outcome<Value> {
        let body = wait_for("the hook to be told", || Ok(receiver.received().get(number).cloned()))
            .map_err(|why| format!("{why}\n{}", boardcam.log()))?;
        Ok(serde_json::from_str(&body)?)
    };
    let lost = event(0)?;
    ensure!((&lost["event"], &lost["camera"]) == (&"camera_lost".into(), &"door".into()), "{lost}");
    ensure!(
        lost["message"].as_str().is_some_and(|text| text.starts_with("Front door: no picture: ")),
        "{lost}"
    );
    ensure!(!lost.to_string().contains("secret"), "{lost}");
    program.does("shows")?;
    program.crash()?;
    let back = event(1)?;
    ensure!(back["event"] == "camera_back" && back["title"] == "Front door", "{back}");
    wait_for("the command to be told", || Ok((told().lines().count() == 2).then_some(())))
        .map_err(|why| format!("{why}: {}\n{}", told(), boardcam.log()))?;
    ensure!(told() == "camera_lost door 1 two words 0\ncamera_back door 1 two words 0\n", "{}", told());
    for kind in ["hook", "command"] {
        wait_for("success to be counted", || Ok((target(&boardcam, kind)?["sent"] == 2).then_some(())))?;
        let target = target(&boardcam, kind)?;
        ensure!(target["works"] == true && target["failed"] == 0 && target["problem"].is_null(), "{target}");
        ensure!(!target.to_string().contains("x7") && !target.to_string().contains("two words"), "{target}");
    }
    let metrics = boardcam.get("/metrics")?.text();
    ensure!(metrics.contains("\nboardcam_notifications_sent_total{target=\"hook\"} 2\n"), "{metrics}");
    ensure!(!boardcam.log().contains("topic-x7"), "{}", boardcam.log());
    Ok(())
}

#[test]
fn a_receiver_that_does_not_answer_well_costs_a_line_and_hinders_nobody() -> Outcome {
    for (name, serve) in [("hangs", hangs as Serve), ("fails", fails), ("drips", drips), ("floods", floods)] {
        let (program, receiver) = (Program::new(&format!("hook-{name}"), "shows")?, Receiver::new(serve)?);
        let (camera, url) = (format!("camera={}", program.camera()), format!("http://{}/", receiver.address));
        let command = "sh -c 'yes so many words & sleep 1000'";
        let mqtt = format!("mqtt://anna:geheim@{}/", receiver.address);
        let others = ["--camera", "other=pattern", "--size", "320x240"];
        let told = ["--camera", &camera, "--notify", &url, "--notify-command", command, "--mqtt", &mqtt];
        let boardcam = Boardcam::start(&[&told[..], &others].concat())?;
        let viewer = boardcam.watch("/cameras/other/stream")?;
        wait_for("pictures", || Ok((boardcam.get("/healthz")?.status == 200).then_some(())))?;
        let threads = boardcam.files_and_threads()?.1;
        for mode in ["nothing", "shows"].repeat(4) {
            program.does(mode)?;
            program.crash()?;
            goes_on(&viewer, 10)?;
        }
        wait_for("the hook to be told", || Ok((!receiver.received().is_empty()).then_some(())))
            .map_err(|why| format!("{why}\n{}", boardcam.log()))?;
        goes_on(&viewer, 30)?;
        let log = boardcam.log();
        ensure!(!log.contains("panic") && !log.contains("geheim"), "{log}");
        for line in ["cannot tell http", "cannot connect to mqtt"] {
            ensure!(log.matches(line).count() <= 1, "{name}: {log}");
        }
        // A look-up of a name has a thread for as long as it takes.
        let now = boardcam.files_and_threads()?.1;
        ensure!(now <= threads + 2, "{name}: {threads} threads have become {now}");
        let (code, after) = boardcam.end_by(Signal::TERM)?;
        ensure!(code == Some(0) && after < SOON, "{name}: exit code {code:?} after {after:?}");
    }
    Ok(())
}

#[test]
fn a_program_that_is_told_does_not_outlive_boardcam_even_if_it_ignores_the_signal() -> Outcome {
    const STUBBORN: &str = r#"#!/bin/sh
trap '' TERM
cd "$(dirname "$0")" || exit
cut -d ' ' -f 5 /proc/$$/stat >>groups
sleep 1000 &
echo >told
while :; do sleep 1; done
"#;
    let program = Program::new("outlives", "dies")?;
    program.install("tell", STUBBORN)?;
    let boardcam =
        Boardcam::start(&["--camera", &program.camera(), "--notify-command", &program.path("tell")])?;
    wait_for("the program to be told", || Ok(fs::exists(program.path("told"))?.then_some(())))
        .map_err(|why| format!("{why}\n{}", boardcam.log()))?;
    let (code, after) = boardcam.end_by(Signal::TERM)?;
    ensure!(code == Some(0) && after < SOON, "exit code {code:?} after {after:?}");
    program.is_gone()
}

#[test]
fn a_broker_that_is_not_there_is_said_once_and_shown() -> Outcome {
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mqtt = format!("mqtt://anna:geheim@{nobody}/");
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "--mqtt", &mqtt])?;
    wait_for("two tries", || Ok((target(&boardcam, "mqtt")?["failed"].as_u64() >= Some(2)).then_some(())))?;
    let shown = target(&boardcam, "mqtt")?;
    ensure!(shown["works"] == false && shown["target"] == format!("mqtt://{nobody}/"), "{shown}");
    let log = boardcam.log();
    ensure!(log.matches("cannot connect to mqtt://").count() == 1 && !log.contains("geheim"), "{log}");
    Ok(())
}

#[test]
fn check_shows_nothing_of_hooks_and_brokers_unless_it_is_asked_for_secrets() -> Outcome {
    let told = [
        "--notify",
        "https://a.example/x7y8",
        "--mqtt",
        "mqtt://anna:geheim@b.example/",
        "--notify-command",
        "tell x7y8",
    ];
    let all = [&["--camera", "pattern", "--listen", "127.0.0.1:0"], &told[..], &["check"]].concat();
    let output = run(&all)?;
    let shown = String::from_utf8(output.stdout)?;
    ensure!(
        output.status.success() && shown.contains("# mqtt: hidden; check --secrets prints it\n"),
        "{shown}"
    );
    ensure!(!shown.contains("x7y8") && !shown.contains("geheim"), "{shown}");
    let output = run(&[&all[..], &["--secrets"]].concat())?;
    let shown = String::from_utf8(output.stdout)?;
    ensure!(shown.contains("notify = \"https://a.example/x7y8\"\n") && shown.contains("geheim"), "{shown}");
    let output = run(&["--mqtt", "anna:geheim@b.example", "check"])?;
    let said = String::from_utf8(output.stderr)?;
    ensure!(!output.status.success() && said.contains("--mqtt") && !said.contains("geheim"), "{said}");
    Ok(())
}
