use super::super::held::HeldFrames;
use super::offer::FRESH;
use super::*;
use crate::camera::{SourceConfig, SourceSpec};
use crate::feed::Feed;
use crate::picture::Size;
use crate::protocol::Order;
use crate::ring::{Meta, Writer};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream as Client};
use std::time::Duration;

/// The client's receive buffer, in bytes.
const RECEIVED: usize = 128 << 10;

/// A viewer over a real socket that was adopted at `since`, its client, its camera's feed and the writer of its frames.
fn viewer(since: Instant) -> (Viewer, Client, Arc<Feed>, Writer) {
    viewer_of(Order::new(OrderKind::Stream, 0), since)
}

fn viewer_of(order: Order, since: Instant) -> (Viewer, Client, Arc<Feed>, Writer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client =
        Client::from(socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap());
    // Of a fixed size: one that the kernel lets grow may take the largest frame whole.
    socket2::SockRef::from(&client).set_recv_buffer_size(RECEIVED).unwrap();
    socket2::SockRef::from(&client).connect(&listener.local_addr().unwrap().into()).unwrap();
    let (socket, peer) = listener.accept().unwrap();
    socket.set_nonblocking(true).unwrap();
    let config = SourceConfig::of(SourceSpec::Auto);
    let (feed, writer) = Feed::new("test".to_owned(), config);
    let feed = Arc::new(feed);
    let stats = Arc::new(ViewerStats::new(order, peer, since, feed.delivery.clone()));
    let socket = Socket::Plain(mio::net::TcpStream::from_std(socket).into());
    let viewer = Viewer::new(socket, stats, Demand::new(feed.clone()), b"head".to_vec());
    (viewer, client, feed, writer)
}

fn publish(writer: &mut Writer, length: usize) {
    writer.reserve(length).unwrap();
    let meta = Meta { captured: Instant::now(), size: Size::DEFAULT, card: false };
    writer.publish::<()>(meta, |_| Ok(length)).unwrap();
}

fn offer(viewer: &mut Viewer, feed: &Feed, held: &mut HeldFrames, now: Instant) -> Flow {
    viewer.unblock();
    viewer.discard()?;
    viewer.flush(now)?;
    viewer.offer(&feed.ring.frame().unwrap(), held, now)
}

#[test]
fn a_viewer_that_talks_but_takes_nothing_is_dropped_all_the_same() {
    let mut held = HeldFrames::new(Arc::default());
    let start = Instant::now();
    let (mut viewer, mut client, feed, mut writer) = viewer(start);
    // Until its socket is full, which grows while it fills.
    let (mut taken, mut same) = (0, 0);
    while same < 100 {
        publish(&mut writer, 1 << 20);
        assert!(offer(&mut viewer, &feed, &mut held, start).is_continue());
        let now = viewer.stats.bytes.load(std::sync::atomic::Ordering::Relaxed);
        (taken, same) = (now, if now == taken { same + 1 } else { 0 });
    }
    viewer.unsent = Unsent::default(); // between two frames, the harder case
    for second in 0..=STALL_LIMIT.as_secs() + 1 {
        publish(&mut writer, 1 << 20);
        client.write_all(b"I am here").unwrap();
        assert!(offer(&mut viewer, &feed, &mut held, start + Duration::from_secs(second)).is_continue());
    }
    let end = start + STALL_LIMIT + Duration::from_secs(1);
    assert_eq!(viewer.check_deadlines(end), Flow::Break(CloseReason::Stalled));
}

#[test]
fn a_viewer_that_keeps_up_is_never_behind() {
    let mut held = HeldFrames::new(Arc::default());
    let start = Instant::now();
    let (mut viewer, _client, feed, mut writer) = viewer(start);
    publish(&mut writer, 100);
    assert_eq!(offer(&mut viewer, &feed, &mut held, start), Flow::Continue(()));
    assert_eq!(viewer.behind, None);
    assert_eq!(viewer.check_deadlines(start + 100 * STALL_LIMIT), Flow::Continue(()));
}

#[test]
fn viewers_that_are_behind_share_the_frame_and_let_it_go() {
    let mut held = HeldFrames::new(Arc::default());
    let start = Instant::now();
    let (mut viewer, client, feed, mut writer) = viewer(start);
    publish(&mut writer, 8 << 20);
    assert!(offer(&mut viewer, &feed, &mut held, start).is_continue());
    let frame = feed.ring.frame().unwrap();
    assert!(viewer.holds(&held.hold(&frame)), "it holds another frame than it was offered");
    publish(&mut writer, 100);
    assert!(offer(&mut viewer, &feed, &mut held, start).is_continue());
    assert!(viewer.holds(&held.hold(&frame)), "it gave up in the middle");
    drop((viewer, client));
    assert!(
        !Arc::ptr_eq(&frame, &feed.ring.frame().unwrap()) && Arc::strong_count(&frame) == 2,
        "the slot and this test"
    );
}

#[test]
fn with_advance_headers_frames_that_no_socket_takes_whole_are_followed_by_the_next_ones_header() {
    const LENGTH: usize = 8 << 20;
    let mut held = HeldFrames::new(Arc::default());
    let start = Instant::now();
    let order = Order { advance_headers: true, ..Order::new(OrderKind::Stream, 0) };
    let (mut viewer, mut client, feed, mut writer) = viewer_of(order, start);
    let mut expected = [b"head", multipart::OPENING, multipart::ADVANCE_HEAD.as_bytes()].concat();
    for _ in 0..2 {
        publish(&mut writer, LENGTH);
        assert!(offer(&mut viewer, &feed, &mut held, start).is_continue());
        assert!(viewer.unsent.is_any(), "the socket took it whole");
        expected.extend(feed.ring.frame().unwrap().jpeg());
        expected.extend(multipart::ADVANCE_TRAILER);
        let mut got = vec![0; expected.len()];
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| client.read_exact(&mut got).unwrap());
            while !reading.is_finished() {
                viewer.unblock();
                assert!(viewer.flush(start).is_continue());
            }
        });
        assert!(got == expected, "{} bytes differ", got.len());
        expected.clear();
    }
}

#[test]
fn frames_above_the_requested_rate_are_left_out_and_not_missed() {
    let mut held = HeldFrames::new(Arc::default());
    let start = Instant::now();
    let order = Order { fps: Some("0.01".parse().unwrap()), ..Order::new(OrderKind::Stream, 0) };
    let (mut viewer, _client, feed, mut writer) = viewer_of(order, start);
    for _ in 0..50 {
        publish(&mut writer, 100);
        assert_eq!(offer(&mut viewer, &feed, &mut held, start), Flow::Continue(()));
    }
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!((count(&viewer.stats.frames), count(&viewer.stats.skipped)), (1, 0));
    assert_eq!(viewer.seen, feed.ring.newest());
}

#[test]
fn the_first_frame_after_a_viewer_came_is_not_too_old_however_long_it_took_to_encode() {
    let mut held = HeldFrames::new(Arc::default());
    let start = Instant::now();
    let (mut viewer, _client, feed, mut writer) = viewer(start);
    publish(&mut writer, 100);
    assert_eq!(offer(&mut viewer, &feed, &mut held, start + 2 * FRESH), Flow::Continue(()));
    assert_eq!(viewer.seen, 1, "it was not sent");
}

/// All that a snapshot's client gets of a picture that was captured a while before it asked.
fn snapshot_of_an_old_picture(seldom: bool) -> (Flow, Viewer, Client) {
    let mut held = HeldFrames::new(Arc::default());
    let order = Order::new(OrderKind::Snapshot { card: false }, 0);
    let captured = Instant::now().checked_sub(Duration::from_secs(20)).unwrap();
    let (mut viewer, client, feed, mut writer) = viewer_of(order, Instant::now());
    writer.reserve(100).unwrap();
    let meta = Meta { captured, size: Size::DEFAULT, card: false };
    writer.publish::<()>(meta, |_| Ok(100)).unwrap();
    let mut status = feed.status();
    (status.last_frame, status.seldom, status.patience) = (Some(captured), seldom, Duration::from_secs(120));
    drop(status);
    (offer(&mut viewer, &feed, &mut held, Instant::now()), viewer, client)
}

#[test]
fn a_snapshot_of_a_camera_whose_pictures_come_seldom_is_the_last_one_and_says_its_age() {
    let (offered, viewer, mut client) = snapshot_of_an_old_picture(true);
    assert_eq!(offered, Flow::Break(CloseReason::Complete));
    drop(viewer);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    let head = String::from_utf8_lossy(&answer);
    let age = head.lines().find_map(|line| line.strip_prefix("Age: ")?.parse().ok());
    assert!(age >= Some(20u64) && head.contains("X-Timestamp: "), "{head}");
}

#[test]
fn a_snapshot_of_a_camera_whose_pictures_come_often_waits_for_the_next_one() {
    let (offered, viewer, _client) = snapshot_of_an_old_picture(false);
    assert_eq!((offered, viewer.seen), (Flow::Continue(()), 0));
}
