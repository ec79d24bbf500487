//! The service as the program puts it together, around a camera that a test or a bench provides. Used by
//! `tests/steady_stream.rs`, `tests/slow_viewers.rs` and `benches/fanout`.
#![allow(dead_code)] // none of them needs all of it

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use boardcam::auth::Access;
use boardcam::camera::{Frame, Source, SourceConfig, SourceError, SourceInfo, SourceKind, SourceSpec};
use boardcam::fanout::Fanout;
use boardcam::fanout::registry::ViewerRegistry;
use boardcam::feed::Feed;
use boardcam::gate::hosts::AllowedHosts;
use boardcam::gate::tls::Https;
use boardcam::gate::{self, Gate};
use boardcam::host::board::Board;
use boardcam::host::discovery::AnnouncedName;
use boardcam::host::limits::raise_open_files;
use boardcam::host::random;
use boardcam::host::shutdown::Shutdown;
use boardcam::jpeg::passthrough::Jpeg;
use boardcam::motion::Detection;
use boardcam::multipart;
use boardcam::picture::Size;
use boardcam::problem::Problem;
use boardcam::record::{self, Recordings};
use boardcam::site::{self, AppState, Guard};
use boardcam::stream::Stream;
use boardcam::variants::Variants;

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A JPEG of 8x8 pixels with `scan` bytes of compressed data and without Huffman tables, as many cameras make them.
pub fn bare_jpeg(scan: usize) -> Vec<u8> {
    let mut jpeg =
        b"\xff\xd8\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0".to_vec();
    jpeg.extend((0..scan).map(|place| (place % 251) as u8 + 1));
    jpeg.extend(b"\xff\xd9");
    jpeg
}

/// The same JPEG with its Huffman tables, as viewers get it.
pub fn mended(bare: &[u8]) -> Vec<u8> {
    let jpeg = Jpeg::parse(bare).expect("a JPEG that can be mended");
    let mut mended = vec![0; jpeg.mended_len()];
    jpeg.copy_into(&mut mended).expect("enough space");
    mended
}

/// A part with this JPEG; its header differs from other parts only in the time.
pub fn part(jpeg: &[u8]) -> Vec<u8> {
    let head = multipart::part_head(jpeg.len(), SystemTime::now());
    [head.as_bytes(), jpeg, multipart::TRAILER].concat()
}

/// What a camera of such JPEGs says about itself.
pub fn info(jpeg: &[u8]) -> SourceInfo {
    SourceInfo {
        max_frame: jpeg.len(),
        ..SourceInfo::of_jpegs(SourceKind::Device, "made up".to_owned(), Size { width: 8, height: 8 })
    }
}

/// Waits so that a loop runs at a given rate.
pub struct Pacer {
    next: Instant,
    interval: Duration,
}

impl Pacer {
    pub fn new(rate: u32) -> Self {
        Self { next: Instant::now(), interval: Duration::from_secs(1) / rate }
    }

    pub fn wait(&mut self) {
        self.next += self.interval;
        thread::sleep(self.next.saturating_duration_since(Instant::now()));
    }
}

/// A camera that always delivers the same JPEG from memory.
pub struct Memory {
    info: SourceInfo,
    jpeg: Vec<u8>,
    pacer: Pacer,
    sequence: u32,
}

impl Memory {
    /// JPEGs with `scan` bytes of compressed data, `rate` per second.
    pub fn new(scan: usize, rate: u32) -> Self {
        let jpeg = bare_jpeg(scan);
        Self { info: info(&jpeg), jpeg, pacer: Pacer::new(rate), sequence: 0 }
    }
}

impl Source for Memory {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next(&mut self, _timeout: Duration) -> Result<Option<Frame<'_>>, SourceError> {
        self.pacer.wait();
        self.sequence += 1;
        let (bytes, captured, sequence) = (&self.jpeg[..], Instant::now(), self.sequence);
        Ok(Some(Frame { bytes, captured, sequence, flaw: None, memory: None }))
    }
}

/// Serves this camera on 127.0.0.1 for as long as the process lives; returns the address.
pub fn serve(camera: impl Source + 'static) -> Result<SocketAddr, Problem> {
    Ok(serve_with(camera, Https::Off)?.0)
}

/// The same, with HTTPS on the second address; plain HTTP is not redirected to it.
pub fn serve_both(camera: impl Source + 'static) -> Result<(SocketAddr, SocketAddr), Problem> {
    let (plain, secure) = serve_with(camera, Https::Auto)?;
    Ok((plain, secure.expect("an address for HTTPS")))
}

fn serve_with(
    mut camera: impl Source + 'static,
    https: Https,
) -> Result<(SocketAddr, Option<SocketAddr>), Problem> {
    let anywhere = Some(vec![SocketAddr::from(([127, 0, 0, 1], 0))]);
    let config = SourceConfig::of(SourceSpec::Auto);
    let settings = gate::Settings {
        socket_files: Vec::new(),
        listen: anywhere.clone(),
        port: 0,
        https,
        https_listen: anywhere,
        max_connections: 1024,
    };
    let gate = Gate::open(&settings, AllowedHosts::default(), &[], raise_open_files(), 0)?;
    let (wakers, addresses) = (gate.wakers(), (gate.addresses()[0], gate.https_addresses().first().copied()));
    let (feed, writer) = Feed::new("made-up".to_owned(), config);
    let feed = Arc::new(feed);
    let viewers = Arc::new(ViewerRegistry::default());
    let variants = Variants::new(vec![feed.clone()], Box::new(|| {}));
    let app = AppState {
        board_name: "boardcam".to_owned(),
        feeds: vec![feed.clone()],
        kept: Arc::default(),
        variants: variants.clone(),
        viewers: viewers.clone(),
        guard: Guard { access: Access::new(&[], None)?, origins: Vec::new(), proxies: Vec::new() },
        recordings: Recordings::new(&record::Settings::default()),
        motion: Detection::new(vec![feed.clone()], Arc::default(), Shutdown::default()),
        targets: Arc::default(),
        events: Arc::default(),
        connections: gate.connection_counts(),
        board: Board::default(),
        addresses: gate.addresses(),
        announced: AnnouncedName::default(),
        has_own_page: false,
        https_port: None,
        started: Instant::now(),
        instance: random::secret()?,
    };
    let upstream = site::start(Arc::new(app))?;
    let shutdown = Shutdown::default();
    let fanout = move || Fanout::new(variants.clone(), viewers.clone());
    thread::spawn({
        let shutdown = shutdown.clone();
        move || gate.serve(fanout, &upstream, &shutdown).expect("a loop that can wait")
    });
    thread::spawn(move || {
        let wake = || wakers.frame_published();
        Stream::new(&feed, writer, &shutdown, &wake).capture(&mut camera);
    });
    Ok(addresses)
}

/// Opens the stream at `address`; the next bytes from the socket are the first part.
pub fn watch(address: SocketAddr) -> io::Result<TcpStream> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    ask(&mut socket, address)?;
    Ok(socket)
}

/// The same on an open connection.
pub fn ask(connection: &mut (impl Read + Write), address: SocketAddr) -> io::Result<()> {
    write!(connection, "GET /stream HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
    let mut head = Vec::new();
    // A byte at a time, so that nothing of the first part is read.
    while !head.ends_with(multipart::OPENING) {
        let mut byte = [0];
        connection.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(())
}
