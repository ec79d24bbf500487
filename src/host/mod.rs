//! The board around us: log lines, other programs, signals, limits, memory, temperature, the service manager, network
//! addresses, discovery, the clock and the time zone. Knows nothing of cameras, viewers and HTTP.

pub mod accounts;
pub mod addresses;
pub mod board;
pub mod child;
pub mod clock;
pub mod console;
pub mod daily;
pub mod discovery;
pub mod folder_lock;
pub mod inject;
mod kernel_file;
pub mod limits;
pub mod log;
pub mod memory;
pub mod port_holder;
pub mod process;
pub mod random;
pub mod resolver;
pub mod service;
pub mod shutdown;
pub mod signals;
pub mod state_dir;
pub mod state_file;
pub mod terminal;
pub mod threads;
pub mod zone;
