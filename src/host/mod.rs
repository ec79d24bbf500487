//! The board around us: log lines, signals, limits, memory, temperature, the service manager, addresses, and being
//! found.

pub mod addresses;
pub mod board;
pub mod console;
pub mod discovery;
pub mod inject;
mod kernel_file;
pub mod limits;
pub mod log;
pub mod memory;
pub mod process;
pub mod random;
pub mod service;
pub mod shutdown;
pub mod signals;
pub mod state;
pub mod terminal;
pub mod threads;
