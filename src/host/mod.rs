//! The board around us: log lines, signals, limits, memory, temperature, the service manager.

pub mod board;
pub mod inject;
mod kernel_file;
pub mod limits;
pub mod log;
pub mod memory;
pub mod process;
pub mod service;
pub mod shutdown;
pub mod signals;
