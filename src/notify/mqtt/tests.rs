use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use bytes::Bytes;
use mqtt_proto::v3::{Connack, ConnectReturnCode, Packet, Publish};
use mqtt_proto::{QosPid, TopicName};

use super::super::notice::tests::{about, switch_privacy};
use super::super::target::TargetKind;
use super::*;
use crate::events::Event;
use crate::feed::motion::{Sensitivity, Wanted};
use crate::record::{CameraSettings, Settings};

/// A board with one camera that can be recorded, and whoever looks after its MQTT.
struct Board {
    mqtt: Arc<Mqtt>,
    shutdown: Shutdown,
}

impl Board {
    fn new(broker: &str) -> Self {
        let settings = Settings {
            folder: Some(std::env::temp_dir()),
            cameras: vec![CameraSettings::default()],
            ..Settings::default()
        };
        let cameras = Cameras {
            about: Arc::new(about()),
            events: Arc::default(),
            recordings: Recordings::new(&settings),
            kept: Arc::default(),
        };
        cameras.about.feeds[0].status().state = CaptureState::Resting;
        let broker: Broker = broker.parse().unwrap();
        let target = Arc::new(Target::new(TargetKind::Mqtt, broker.shown()));
        Self { mqtt: Arc::new(Mqtt::new(broker, target, cameras)), shutdown: Shutdown::default() }
    }

    fn run(&self) -> thread::JoinHandle<()> {
        let (mqtt, shutdown) = (self.mqtt.clone(), self.shutdown.clone());
        thread::spawn(move || mqtt.run(&shutdown))
    }

    fn is_recorded(&self) -> bool {
        self.mqtt.cameras.recordings.cameras[0].status().on
    }

    fn problem(&self) -> String {
        for _ in 0..600 {
            if let Some(problem) = self.mqtt.target.status().problem {
                return problem.to_string();
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("nothing was wrong for 30 s");
    }
}

/// The broker's side of a connection.
struct Server {
    socket: TcpStream,
    received: Vec<u8>,
}

impl Server {
    fn accept(listener: &TcpListener) -> Self {
        let (socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { socket, received: Vec::new() }
    }

    fn next(&mut self) -> Option<Packet> {
        loop {
            if let Some(packet) = Packet::decode(&self.received).unwrap() {
                self.received.drain(..packet.encode_len().unwrap());
                return Some(packet);
            }
            let mut buffer = [0; 4096];
            match self.socket.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.received.extend(&buffer[..length]),
            }
        }
    }

    fn send(&mut self, packet: &Packet) {
        self.socket.write_all(packet.encode().unwrap().as_ref()).unwrap();
    }

    fn say(&mut self, topic: &str, payload: &'static [u8], retain: bool) {
        let topic = TopicName::try_from(topic).unwrap();
        let publish = Publish::new(QosPid::Level0, topic, Bytes::from_static(payload));
        self.send(&Packet::Publish(Publish { retain, ..publish }));
    }

    /// What it is told until this is said about this topic.
    fn hear_until(&mut self, topic: &str, payload: &[u8]) -> Vec<(String, Bytes)> {
        let mut all = Vec::new();
        while let Some(packet) = self.next() {
            let Packet::Publish(publish) = packet else { continue };
            assert!(publish.retain, "{}", publish.topic_name);
            all.push((publish.topic_name.to_string(), publish.payload));
            if all.last().is_some_and(|(named, said)| named == topic && said == payload) {
                return all;
            }
        }
        panic!("{topic} was not said: {all:?}");
    }
}

/// A broker that accepts; what it does then, it does on a thread of its own.
fn broker(serve: impl FnOnce(Server) + Send + 'static) -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (done, is_done) = channel();
    thread::spawn(move || {
        serve(Server::accept(&listener));
        done.send(()).unwrap();
    });
    (address, is_done)
}

fn accept(server: &mut Server) -> mqtt_proto::v3::Connect {
    let Some(Packet::Connect(connect)) = server.next() else { panic!("no CONNECT") };
    server.send(&Packet::Connack(Connack::new(false, ConnectReturnCode::Accepted)));
    connect
}

const DONE: Duration = Duration::from_secs(60);

#[test]
fn the_cameras_are_announced_and_what_changes_is_said() {
    let (address, is_done) = broker(|mut server| {
        let connect = accept(&mut server);
        assert_eq!(
            (connect.username.as_deref(), connect.password.as_deref()),
            (Some("anna"), Some(&b"s@"[..]))
        );
        let will = connect.last_will.unwrap();
        assert_eq!(
            (&*will.topic_name, &*will.message, will.retain),
            ("home/board/status", &b"offline"[..], true)
        );
        let Some(Packet::Subscribe(subscribe)) = server.next() else { panic!("no SUBSCRIBE") };
        assert_eq!(&*subscribe.topics[0].0, "home/board/door/recording/set");
        let heard = server.hear_until("home/board/door/recording", b"OFF");
        let said = |topic: &str| heard.iter().find(|(named, _)| named == topic).map(|(_, said)| said.clone());
        assert_eq!(said("home/board/status").as_deref(), Some(&b"online"[..]));
        assert_eq!(said("home/board/door/camera").as_deref(), Some(&b"ON"[..]));
        let entity = said("homeassistant/switch/home_board_door/recording/config").unwrap();
        let entity: serde_json::Value = serde_json::from_slice(&entity).unwrap();
        assert_eq!(entity["device"]["name"], "Front door");
        // Nobody looks for motion, so that an entity of an earlier start is taken back.
        assert_eq!(
            said("homeassistant/binary_sensor/home_board_door/motion/config").as_deref(),
            Some(&b""[..])
        );
        server.hear_until("home/board/door/motion", b"ON");
        server.hear_until("home/board/door/picture", b"\xff\xd8jpeg");
        server.hear_until("home/board/door/motion", b"OFF");
    });
    let board = Board::new(&format!("mqtt://anna:s%40@{address}/home"));
    let running = board.run();
    while board.mqtt.target.status().works != Some(true) {
        thread::sleep(Duration::from_millis(10));
    }
    let noticed = |wanted: &mut Wanted| wanted.sensitivity = Some(Sensitivity::Medium);
    board.mqtt.cameras.about.feeds[0].motion.change(noticed);
    let picture = Some(Arc::from(&b"\xff\xd8jpeg"[..]));
    let events = &board.mqtt.cameras.events;
    events.publish(Event::new("door", Kind::MotionBegan).with_picture(picture));
    thread::sleep(4 * socket::TICK); // motion that is shorter than a look is not seen
    events.publish(Event::new("door", Kind::MotionEnded));
    is_done.recv_timeout(DONE).unwrap();
    board.shutdown.begin();
    running.join().unwrap();
}

#[test]
fn a_switch_takes_on_and_off_and_nothing_else() {
    let (address, is_done) = broker(|mut server| {
        accept(&mut server);
        server.hear_until("boardcam/board/door/privacy", b"OFF"); // the last of what is said first
        let set = "boardcam/board/door/recording/set";
        for (topic, payload, retain) in [
            (set, &b"on"[..], false),
            (set, b"ON ", false),
            (set, b"", false),
            (set, &[b'x'; 4000], false),
            (set, &[b'x'; 200_000], false),
            (set, b"ON", true),
            ("boardcam/board/yard/recording/set", b"ON", false),
            ("boardcam/board/door/motion/set", b"ON", false),
            ("boardcam/board/door/recording", b"ON", false),
        ] {
            server.say(topic, payload, retain);
        }
        server.say(set, b"OFF", false);
        server.say(set, b"ON", false);
        let heard = server.hear_until("boardcam/board/door/recording", b"ON");
        assert_eq!(heard.len(), 1, "{heard:?}");
        server.say(set, b"OFF", false);
        server.hear_until("boardcam/board/door/recording", b"OFF");
    });
    let board = Board::new(&format!("mqtt://{address}"));
    let running = board.run();
    is_done.recv_timeout(DONE).unwrap();
    assert!(!board.is_recorded());
    board.shutdown.begin();
    running.join().unwrap();
}

#[test]
fn a_broker_that_refuses_or_speaks_nonsense_is_said_without_the_password() {
    let refuse =
        Packet::Connack(Connack::new(false, ConnectReturnCode::BadUserNameOrPassword)).encode().unwrap();
    for (answer, why) in [
        (refuse.as_ref().to_vec(), "it refuses this user and password"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "it ended the connection"),
        (b"\x20\xff\xff\xff\x7fxyz".to_vec(), "it ended the connection"),
        (b"\xff\xff\xff\xff\xff\xff".to_vec(), "what it sent is not MQTT"),
        (Vec::new(), "it ended the connection"),
    ] {
        let (address, _is_done) = broker(move |mut server| {
            server.next();
            server.socket.write_all(&answer).unwrap();
        });
        let board = Board::new(&format!("mqtt://anna:secret@{address}"));
        let running = board.run();
        let said = board.problem();
        assert!(said.starts_with(&format!("cannot connect to mqtt://{address}/: ")), "{said}");
        assert!(said.contains(why) && !said.contains("secret") && !said.contains("anna"), "{said}");
        board.shutdown.begin();
        running.join().unwrap();
    }
}

#[test]
fn a_broker_that_says_nothing_is_given_up_and_one_that_is_not_there_costs_a_line_a_minute() {
    let (address, _is_done) = broker(|mut server| while server.next().is_some() {});
    let board = Board::new(&format!("mqtt://{address}"));
    let running = board.run();
    assert!(board.problem().contains("it does not answer"));
    board.shutdown.begin();
    running.join().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let board = Board::new(&format!("mqtts://{nobody}"));
    let running = board.run();
    assert!(board.problem().contains("refused"));
    board.shutdown.begin();
    running.join().unwrap();
}

#[test]
fn privacy_takes_back_the_picture_that_the_broker_keeps() {
    const PICTURE: &str = "boardcam/board/door/picture";
    let (seen, is_seen) = channel();
    let (address, is_done) = broker(move |mut server| {
        accept(&mut server);
        server.hear_until(PICTURE, b"\xff\xd8jpeg");
        seen.send(()).unwrap();
        let heard = server.hear_until(PICTURE, b"");
        assert!(heard.iter().all(|(topic, said)| topic != PICTURE || said.is_empty()), "{heard:?}");
        // What moved before privacy is not sent afterwards, and what moves then is.
        seen.send(()).unwrap();
        let heard = server.hear_until(PICTURE, b"\xff\xd8later");
        assert_eq!(heard.iter().filter(|(topic, _)| topic == PICTURE).count(), 1, "{heard:?}");
    });
    let board = Board::new(&format!("mqtt://{address}"));
    let (about, events) = (&board.mqtt.cameras.about, &board.mqtt.cameras.events);
    let moves = |moment: Instant, jpeg: &'static [u8]| {
        let event = Event::new("door", Kind::MotionBegan).captured(moment);
        events.publish(event.with_picture(Some(Arc::from(jpeg))));
        events.publish(Event::new("door", Kind::MotionEnded));
    };
    let running = board.run();
    let before = Instant::now();
    moves(before, b"\xff\xd8jpeg");
    is_seen.recv_timeout(DONE).unwrap();
    switch_privacy(about, true);
    is_seen.recv_timeout(DONE).unwrap();
    switch_privacy(about, false);
    moves(before, b"\xff\xd8jpeg");
    thread::sleep(4 * socket::TICK); // so that it is not passed over for the next one
    moves(Instant::now(), b"\xff\xd8later");
    is_done.recv_timeout(DONE).unwrap();
    board.shutdown.begin();
    running.join().unwrap();
}

#[test]
fn a_picture_of_an_earlier_start_is_taken_back_if_privacy_is_on() {
    let (address, is_done) = broker(|mut server| {
        accept(&mut server);
        server.hear_until("boardcam/board/door/picture", b"");
    });
    let board = Board::new(&format!("mqtt://{address}"));
    switch_privacy(&board.mqtt.cameras.about, true);
    let running = board.run();
    is_done.recv_timeout(DONE).unwrap();
    board.shutdown.begin();
    running.join().unwrap();
}

#[test]
fn a_camera_that_rests_or_is_private_is_there_and_one_that_is_lost_is_not() {
    let board = Board::new("mqtt://127.0.0.1:9");
    let feed = &board.mqtt.cameras.about.feeds[0];
    let lost = CaptureState::Waiting(Problem::new("cannot show it", "unplugged", "plug it in"));
    for (state, said) in [
        (CaptureState::Starting, None),
        (CaptureState::Resting, Some(true)),
        (CaptureState::Private, Some(true)),
        (lost, Some(false)),
    ] {
        feed.status().state = state;
        assert_eq!(board.mqtt.cameras.state(0, feed, Aspect::Camera), said, "{:?}", feed.status().state);
    }
}

#[test]
fn a_broker_that_refuses_a_subscription_is_said_and_told_all_the_same() {
    let (address, is_done) = broker(|mut server| {
        accept(&mut server);
        let Some(Packet::Subscribe(subscribe)) = server.next() else { panic!("no SUBSCRIBE") };
        let [high, low] = subscribe.pid.value().to_be_bytes();
        // By hand: the crate reads a refusal, 0x80, and writes it wrong.
        server.socket.write_all(&[0x90, 4, high, low, 0, 0x80]).unwrap();
        server.hear_until("boardcam/board/door/privacy", b"ON");
    });
    let board = Board::new(&format!("mqtt://{address}"));
    let running = board.run();
    let said = board.problem();
    assert!(said.starts_with(&format!("cannot be switched by mqtt://{address}/: it refuses")), "{said}");
    assert_eq!(board.mqtt.target.status().works, Some(true));
    switch_privacy(&board.mqtt.cameras.about, true);
    is_done.recv_timeout(DONE).unwrap();
    board.shutdown.begin();
    running.join().unwrap();
}
