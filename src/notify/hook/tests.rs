use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use ureq::unversioned::transport;

use super::super::look_up::tests::Hanging;
use super::super::notice::tests::{about, event, notice, switch_privacy};
use super::*;
use crate::events::Kind;

/// A receiver that answers one request after the other with these, and what it was sent: head and body.
fn receiver(answers: &'static [&'static str]) -> (String, Receiver<(String, String)>) {
    receiver_that(answers, || {})
}

/// The same, which does this before each answer.
fn receiver_that(
    answers: &'static [&'static str],
    does: impl Fn() + Send + 'static,
) -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (told, received) = channel();
    thread::spawn(move || {
        for answer in answers {
            let (mut socket, _) = listener.accept().unwrap();
            let mut all = Vec::new();
            let (head, body) = loop {
                let mut buffer = [0; 4096];
                let length = socket.read(&mut buffer).unwrap();
                all.extend(&buffer[..length]);
                let text = String::from_utf8_lossy(&all).to_lowercase();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.split_once("content-length: ").unwrap().1.split("\r\n").next().unwrap();
                if body.len() == length.parse::<usize>().unwrap() {
                    let whole = String::from_utf8_lossy(&all).into_owned();
                    break (head.to_owned(), whole.split_once("\r\n\r\n").unwrap().1.to_owned());
                }
            };
            told.send((head, body)).unwrap();
            does();
            let _ = socket.write_all(answer.as_bytes()); // it may have left
        }
    });
    (address, received)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BROKEN: &str = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n";

fn tell(url: &str) -> Result<(), String> {
    let mut hook = Hook::new(url.parse().unwrap());
    hook.pauses = [Duration::from_millis(1); 3];
    hook.tell(&notice(), &Shutdown::default()).map_err(|problem| problem.to_string())
}

#[test]
fn a_receiver_gets_json_with_the_picture_and_the_password_as_a_header() {
    let (address, received) = receiver(&[OK]);
    tell(&format!("http://anna:a%40b@{address}/hook?token=x")).unwrap();
    let (head, body) = received.recv().unwrap();
    assert!(head.starts_with("post /hook?token=x http/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {address}\r\n")), "{head}");
    assert!(
        head.contains("content-type: application/json") && head.contains("user-agent: boardcam/"),
        "{head}"
    );
    assert!(head.contains(&format!("basic {}", Base64::encode_string(b"anna:a@b")).to_lowercase()), "{head}");
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&told["event"], &told["picture"]), (&"motion".into(), &"/9hqcGVn".into()));
}

#[test]
fn a_receiver_that_fails_is_tried_again_and_then_given_up() {
    let (address, received) = receiver(&[BROKEN, BROKEN, OK]);
    tell(&format!("http://{address}/")).unwrap();
    assert_eq!(received.iter().count(), 3);
    let (address, received) = receiver(&[BROKEN; 4]);
    let why = tell(&format!("http://{address}/secret")).unwrap_err();
    assert!(
        why.starts_with(&format!("cannot tell http://{address}/*** what happened: it answered with 500")),
        "{why}"
    );
    assert_eq!(received.iter().count(), 4);
}

#[test]
fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
    for (status, tries) in [(408, 2), (429, 2), (500, 2), (503, 2), (400, 1), (401, 1), (413, 2), (499, 1)] {
        let answer = format!("HTTP/1.1 {status} Oh\r\nContent-Length: 0\r\n\r\n").leak();
        let (address, received) = receiver(Box::leak(Box::new([answer as &str, OK])));
        assert_eq!(tell(&format!("http://{address}/")).is_ok(), tries == 2, "{status}");
        assert_eq!(received.try_iter().count(), tries, "{status}");
    }
}

#[test]
fn a_receiver_that_refuses_is_not_asked_again_and_no_redirect_is_followed() {
    for (answer, why) in [
        ("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "it answered with 404"),
        ("HTTP/1.1 307 There\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n", "which leads to another URL"),
    ] {
        let (address, received) = receiver(Box::leak(Box::new([answer])));
        let said = tell(&format!("http://{address}/")).unwrap_err();
        assert!(said.contains(why), "{said}");
        assert_eq!(received.iter().count(), 1);
    }
}

#[test]
fn a_receiver_that_finds_the_picture_too_large_gets_the_event_without_it() {
    let (address, received) = receiver(&["HTTP/1.1 413 Too large\r\nContent-Length: 0\r\n\r\n", OK]);
    tell(&format!("http://{address}/")).unwrap();
    let bodies: Vec<_> = received.iter().map(|(_, body)| body).collect();
    assert!(bodies[0].contains("/9hqcGVn") && bodies[1].contains(r#""picture":null"#), "{bodies:?}");
}

#[test]
fn what_is_tried_again_after_privacy_has_begun_has_no_picture() {
    let board = Arc::new(about());
    let notice = Notice::of(&event(Kind::MotionBegan), &board).unwrap();
    let (address, received) = receiver_that(&[BROKEN, OK], move || switch_privacy(&board, true));
    let mut hook = Hook::new(format!("http://{address}/").parse().unwrap());
    hook.pauses = [Duration::from_millis(1); 3];
    hook.tell(&notice, &Shutdown::default()).unwrap();
    let bodies: Vec<_> = received.iter().map(|(_, body)| body).collect();
    assert!(bodies[0].contains("/9hqcGVn") && bodies[1].contains(r#""picture":null"#), "{bodies:?}");
}

#[test]
fn an_answer_without_an_end_is_not_read() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sent = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]).unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let mut sent = 0_u64;
        while socket.write_all(&[b'x'; 65536]).is_ok() {
            sent += 65536;
        }
        sent
    });
    tell(&format!("http://{address}/")).unwrap();
    assert!(sent.join().unwrap() < 64 << 20);
}

#[test]
fn a_head_without_an_end_is_given_up() {
    let (address, _received) = receiver(Box::leak(Box::new(
        [&*format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(HEAD_MAX)).leak(); 4],
    )));
    assert!(tell(&format!("http://{address}/")).is_err());
}

#[test]
fn nobody_there_is_said_without_the_secret() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let why = tell(&format!("http://anna:secret@{address}/secret")).unwrap_err();
    assert!(why.contains("refused") && !why.contains("secret") && !why.contains("anna"), "{why}");
}

#[test]
fn the_end_of_boardcam_waits_for_no_further_try() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let shutdown = Shutdown::default();
    shutdown.begin();
    let begin = std::time::Instant::now();
    assert!(Hook::new(format!("http://{address}/").parse().unwrap()).tell(&notice(), &shutdown).is_err());
    assert!(begin.elapsed() < PAUSES[1]);
}

#[test]
fn while_the_name_server_hangs_every_try_waits_for_the_same_look_up() {
    static SERVER: Hanging = Hanging::new();
    let names = Names(Mutex::new(LookUp::with(|_, port| SERVER.ask(port))));
    let url: Uri = "https://hook.example/".parse().unwrap();
    let resolve = |patience: Duration| {
        let after = transport::time::Duration::Exact(patience);
        names.resolve(&url, &Config::default(), NextTimeout { after, ..NextTimeout::default() })
    };
    for _ in 0..3 {
        let error = resolve(Duration::from_millis(20)).unwrap_err();
        assert_eq!(why(&error).to_string(), "its name was not found within 10 s");
    }
    SERVER.answer();
    assert_eq!(resolve(TRY_TIME).unwrap()[..], ["127.0.0.1:443".parse().unwrap()]);
    assert_eq!(SERVER.asked(), 1);
}

#[test]
fn the_hook_is_where_its_name_leads_and_a_name_without_an_address_is_not_known() {
    let (address, received) = receiver(&[OK]);
    let port = address.rsplit_once(':').unwrap().1;
    let post = |resolve| {
        let hook = Hook::new(format!("http://hook.example:{port}/").parse().unwrap());
        let agent = new_agent(&hook.url, LookUp::with(resolve)).unwrap();
        hook.post(&agent, "{}").map_err(|failure| failure.problem.to_string())
    };
    let why = post(|_, _| Ok(Vec::new())).unwrap_err();
    assert!(why.contains("its name is not known"), "{why}");
    post(|_, port| Ok(vec![([127, 0, 0, 1], port).into()])).unwrap();
    assert!(received.recv().unwrap().0.contains("host: hook.example"));
}
