//! Which program listens on a port, for the message that says that the port is in use. The kernel's tables name the
//! socket, and the open files of each process say whose it is; those of other users only to root (proc(5)).

use std::fs::{self, File};
use std::io::Read;

/// The most that is read of a table, in bytes; a line takes 150.
const TABLE_MAX: u64 = 1 << 20;

/// The state of a socket that listens (TCP_LISTEN in the kernel's net/tcp_states.h).
const LISTENS: &str = "0A";

/// The program that listens on this TCP port, such as `mjpg_streamer (process 812)`; `None` if that cannot be seen.
pub fn of_port(port: u16) -> Option<String> {
    let tables: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().filter_map(read).collect();
    let listeners = tables.iter().flat_map(|table| table.lines()).filter_map(|line| listener(line, port));
    let sockets: Vec<String> = listeners.map(|inode| format!("socket:[{inode}]")).collect();
    let process = |entry: fs::DirEntry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let files = fs::read_dir(entry.path().join("fd")).ok()?;
        let mut links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        links.any(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str())).then_some(id)
    };
    let id = fs::read_dir("/proc").ok()?.flatten().find_map(process)?;
    let name = read(&format!("/proc/{id}/comm"))?;
    Some(format!("{} (process {id})", name.trim()))
}

fn read(path: &str) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(TABLE_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The number of the socket, if this line is of one that listens on the port.
fn listener(line: &str, port: u16) -> Option<&str> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (_, own) = local.rsplit_once(':')?;
    (*state == LISTENS && u16::from_str_radix(own, 16) == Ok(port)).then_some(*inode)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_program_that_holds_a_port_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let holder = of_port(port).unwrap();
        assert!(holder.ends_with(&format!(" (process {})", std::process::id())), "{holder}");
        drop(taken);
        assert_eq!(of_port(port), None);
    }
}
