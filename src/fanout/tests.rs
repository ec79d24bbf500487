use super::*;
use crate::camera::{SourceConfig, SourceSpec};
use crate::feed::Feed;
use crate::picture::Size;
use crate::playback::{PlaybackOrder, Speed};
use crate::record::matroska::made::file;
use crate::record::{Name, Recordings};
use crate::ring::{Meta, Writer};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A fan-out of one camera, the writer of its ring, and so many viewers, who have their head.
fn watched(count: usize) -> (Fanout, Writer, Vec<TcpStream>) {
    let (fanout, writer, clients) = watched_over(count, Socket::Plain);
    for mut client in &clients {
        client.read_exact(&mut vec![0; b"head".len() + crate::multipart::OPENING.len()]).unwrap();
    }
    (fanout, writer, clients)
}

/// The same without waiting for their heads, over sockets that `wrap` makes.
fn watched_over(
    count: usize,
    wrap: impl Fn(crate::socket::Stream) -> Socket,
) -> (Fanout, Writer, Vec<TcpStream>) {
    let (feed, writer) = Feed::new("test".to_owned(), SourceConfig::of(SourceSpec::Pattern));
    let variants = Variants::new(vec![Arc::new(feed)], Box::new(|| ()));
    let mut fanout = Fanout::new(variants, Arc::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut clients = Vec::new();
    for connection in 0..count {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, peer) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = wrap(mio::net::TcpStream::from_std(socket).into());
        let order = Order::new(OrderKind::Stream, 0);
        fanout.add_viewer(connection, socket, peer, order, b"head".to_vec(), Instant::now()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        clients.push(client);
    }
    (fanout, writer, clients)
}

fn publish(writer: &mut Writer, length: usize) {
    writer.reserve(length).unwrap();
    let meta = Meta { captured: Instant::now(), size: Size::DEFAULT, card: false };
    writer.publish::<()>(meta, |_| Ok(length)).unwrap();
}

/// Frames that were begun for these viewers.
fn begun(fanout: &Fanout) -> u64 {
    let frames = |viewer: &Viewer| viewer.stats.frames.load(std::sync::atomic::Ordering::Relaxed);
    fanout.viewers.values().map(frames).sum()
}

#[test]
fn few_viewers_get_a_frame_from_the_thread_that_published_it() {
    let (mut fanout, mut writer, mut clients) = watched(FEW);
    publish(&mut writer, 1000);
    assert!(fanout.send_to_few(), "the event loop is woken for nothing");
    for client in &mut clients {
        client.read_exact(&mut [0; 1000]).unwrap();
    }
}

#[test]
fn encrypting_for_more_than_one_or_two_viewers_is_left_to_the_event_loop() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key.into()).unwrap();
    let config = Arc::new(config);
    let is_few = |viewers| {
        let (mut fanout, mut writer, _clients) =
            watched_over(viewers, |socket| Socket::tls(socket, &config).unwrap());
        publish(&mut writer, 50_000); // these clients do not shake hands, so rustls keeps no more
        fanout.send_to_few()
    };
    assert!(is_few(1) && !is_few(3));
}

#[test]
fn many_viewers_and_large_frames_are_left_to_the_event_loop() {
    for (viewers, length) in [(FEW + 1, 100), (1, FEW_BYTES + 1), (FEW, FEW_BYTES / FEW + 1)] {
        let (mut fanout, mut writer, _clients) = watched(viewers);
        publish(&mut writer, length);
        assert!(!fanout.send_to_few(), "{viewers} viewers of {length} bytes delay the camera");
        assert_eq!(begun(&fanout), 0);
        fanout.send_frames();
        assert_eq!(begun(&fanout), viewers as u64);
    }
}

#[test]
fn the_event_loop_hears_of_a_viewer_that_went() {
    let (mut fanout, mut writer, clients) = watched(2);
    drop(clients);
    let end = Instant::now() + Duration::from_secs(20);
    // The first frame after a client has gone is still taken.
    while fanout.send_to_few() {
        assert!(Instant::now() < end, "nobody noticed");
        publish(&mut writer, 1000);
    }
    assert!(fanout.take_released().is_some());
}

/// What a viewer of a recording with these bytes gets, and how it ended, in one turn of the loop after the playback's end.
fn played(test: &str, file: &[u8]) -> (Vec<u8>, CloseReason) {
    let path = std::env::temp_dir().join(format!("boardcam-fanout-{test}-{}", std::process::id()));
    std::fs::create_dir(&path).unwrap();
    let name = Name { camera: "door".to_owned(), start: 1_800_000_000, time_lapse: false };
    std::fs::write(path.join(name.to_string()), file).unwrap();
    let settings = crate::record::Settings { folder: Some(path.clone()), ..Default::default() };
    let playbacks = Playbacks::new(Recordings::new(&settings), Box::new(|| ()));
    let mut fanout = watched(0).0.with_playbacks(playbacks.clone());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (socket, peer) = listener.accept().unwrap();
    socket.set_nonblocking(true).unwrap();
    let socket = Socket::Plain(mio::net::TcpStream::from_std(socket).into());
    let playback = Some(PlaybackOrder { name, start_ms: 0, speed: Speed::NORMAL });
    let order = Order { playback, ..Order::new(OrderKind::Stream, 0) };
    fanout.add_viewer(7, socket, peer, order, b"head".to_vec(), Instant::now()).unwrap();
    let begin = Instant::now();
    while playbacks.count() > 0 {
        assert!(begin.elapsed() < Duration::from_secs(20), "it does not end");
        std::thread::sleep(Duration::from_millis(1));
    }
    fanout.send_frames();
    let released = fanout.take_released().expect("it ended");
    drop(released.socket);
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    std::fs::remove_dir_all(path).unwrap();
    (got, released.reason)
}

#[test]
fn the_viewer_of_a_recording_gets_all_of_it_and_ends_with_it() {
    let jpeg = b"\xff\xd8 a picture \xff\xd9".to_vec();
    let (got, reason) = played("all", &file(&[(0, jpeg.clone())], 1, true));
    assert_eq!(reason, CloseReason::Played);
    assert!(got.starts_with(b"head") && got.windows(jpeg.len()).any(|part| part == jpeg), "{got:?}");
}

#[test]
fn nothing_is_sent_of_a_recording_that_cannot_be_played() {
    let (got, reason) = played("none", b"garbage");
    assert!(got.is_empty() && matches!(reason, CloseReason::Unplayable(_)), "{reason:?}");
}
