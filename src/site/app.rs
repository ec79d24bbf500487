//! What all requests share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::guard::Guard;
use crate::events::Events;
use crate::fanout::registry::ViewerRegistry;
use crate::feed::Feed;
use crate::feed::kept::KeptSettings;
use crate::gate::ConnectionCounts;
use crate::host::board::Board;
use crate::host::discovery::AnnouncedName;
use crate::motion::Detection;
use crate::notify::Targets;
use crate::record::Recordings;
use crate::variants::Variants;

/// Everything that the site reads to answer a request. Made once, at the start of the program.
#[derive(Debug)]
pub struct AppState {
    /// The cameras, in the order of the settings; at least one.
    pub feeds: Vec<Arc<Feed>>,
    /// Keeps over a restart what is set of the cameras while the program runs.
    pub kept: Arc<KeptSettings>,
    /// The smaller pictures that are made of theirs.
    pub variants: Arc<Variants>,
    /// The viewers that are connected now.
    pub viewers: Arc<ViewerRegistry>,
    /// Decides who may do what.
    pub guard: Guard,
    /// The recordings, and whether each camera records.
    pub recordings: Arc<Recordings>,
    /// Looks for motion where that is asked for.
    pub motion: Arc<Detection>,
    /// Who is told what happens.
    pub targets: Arc<Targets>,
    /// What happened to the cameras.
    pub events: Arc<Events>,
    /// The number of client connections.
    pub connections: Arc<ConnectionCounts>,
    /// The board's temperatures and throttling.
    pub board: Board,
    /// The addresses that browsers can open: those of HTTPS if it is served.
    pub addresses: Vec<SocketAddr>,
    /// What people call the board.
    pub board_name: String,
    /// The name under which the board is announced on the network.
    pub announced: AnnouncedName,
    /// Whether a page of your own takes the place of ours.
    pub has_own_page: bool,
    /// The port of HTTPS, to which plain requests are redirected; `None` without HTTPS.
    pub https_port: Option<u16>,
    /// When the program started.
    pub started: Instant,
    /// Differs after each start, so that a page notices a restart.
    pub instance: String,
}
