//! USB/IP as the guest's kernel speaks it to a device (Linux Documentation/usb/usbip_protocol.rst).
//!
//! [`plug_in`] hands one end of a socket pair to vhci-hcd, as `usbip attach` does, and serves a [`Device`] on
//! the other end. It knows no kind of device. It returns when the kernel lets go of the device; a process
//! that ends unplugs it. What shall misbehave wraps a `Device` in another one.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

const ATTACH: &str = "/sys/devices/platform/vhci_hcd.0/attach";
/// enum usb_device_speed of linux/usb/ch9.h.
const SPEED_HIGH: u32 = 3;
const HEADER_LENGTH: usize = 48;
/// The largest OUT transfer that is believed; control transfers have at most 64 KiB.
const MAX_OUT: usize = 1 << 16;
/// Commands read ahead of the one that is served.
const BACKLOG: usize = 64;
/// How long to wait for a command when no transfer is pending.
const IDLE: Duration = Duration::from_secs(1);

const CMD_SUBMIT: u32 = 1;
const CMD_UNLINK: u32 = 2;
const RET_SUBMIT: u32 = 3;
const RET_UNLINK: u32 = 4;
const NO_PACKETS: u32 = u32::MAX; // number_of_packets of what is not isochronous
const EPIPE: i32 = 32; // the status of a stalled endpoint
const EOVERFLOW: i32 = 75; // the status of a transfer that the device overran
const ECONNRESET: i32 = 104; // the status of a transfer that was taken back

/// The eight bytes that open a control transfer (USB 2.0 section 9.3).
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Direction, type and recipient.
    pub request_type: u8,
    /// Which request.
    pub request: u8,
    /// Its argument.
    pub value: u16,
    /// Interface, endpoint or entity.
    pub index: u16,
}

/// The device refuses a request.
#[derive(Debug, Clone, Copy)]
pub struct Stall;

/// What a bulk IN endpoint answers.
#[derive(Debug)]
pub enum Bulk {
    /// These bytes, at most as many as the transfer has room for.
    Data(Vec<u8>),
    /// Nothing before this time.
    NotBefore(Instant),
    /// More than there is room for, which the host controller cuts off (USB 2.0 section 8.7.4, "babble").
    Babble,
}

/// A USB device with a control endpoint and one bulk IN endpoint.
pub trait Device {
    /// Answers a control transfer; `data` is what came with it. What is returned for an IN transfer may be
    /// longer than was asked for.
    fn control(&mut self, setup: Setup, data: &[u8]) -> Result<Vec<u8>, Stall>;
    /// Fills a bulk IN transfer of `room` bytes.
    fn bulk_in(&mut self, now: Instant, room: usize) -> Bulk;
    /// Once `false` it is pulled out; what it was asked last is never answered.
    fn is_plugged_in(&self) -> bool {
        true
    }
}

enum Command {
    Submit { sequence: u32, is_in: bool, endpoint: u32, length: usize, setup: Setup, data: Vec<u8> },
    Unlink { sequence: u32, which: u32 },
}

/// Plugs `device` into a port of the guest's virtual host controller and serves it until it is detached or pulled
/// out.
///
/// # Errors
/// Modules not loaded, port taken, or the kernel speaks something else than USB/IP.
pub fn plug_in(port: u8, device: impl Device) -> io::Result<()> {
    let (ours, kernels) = UnixStream::pair()?;
    // The kernel takes a reference of its own; `devid` only comes back in each command.
    let devid = u32::from(port) + 1;
    fs::write(ATTACH, format!("{port} {} {devid} {SPEED_HIGH}", kernels.as_raw_fd()))?;
    drop(kernels);
    serve(ours, device)
}

/// Transfers that the kernel has asked for and not been answered.
#[derive(Default)]
struct Transfers {
    /// Bulk IN, in order: sequence number and room.
    pending: VecDeque<(u32, usize)>,
    /// The newest that came; their numbers rise.
    newest: u32,
    /// Taken back before they came: vhci-hcd's sender lets an UNLINK overtake its SUBMIT. To answer such a
    /// transfer all the same is a breach of protocol, on which vhci-hcd hangs up.
    taken_back: Vec<u32>,
}

impl Transfers {
    /// Notes a transfer that has come; `false` if it is no longer wanted.
    fn has_come(&mut self, sequence: u32) -> bool {
        self.newest = sequence;
        let before = self.taken_back.len();
        self.taken_back.retain(|&early| early != sequence);
        self.taken_back.len() == before
    }

    /// Takes one back; the status of the answer.
    fn take_back(&mut self, which: u32) -> i32 {
        let before = self.pending.len();
        self.pending.retain(|&(sequence, _)| sequence != which);
        if which > self.newest {
            self.taken_back.push(which);
        } else if self.pending.len() == before {
            return 0; // its answer is already on its way
        }
        -ECONNRESET
    }
}

fn serve(mut socket: UnixStream, mut device: impl Device) -> io::Result<()> {
    let (sender, commands) = sync_channel(BACKLOG);
    let reader = socket.try_clone()?;
    let reader = thread::spawn(move || read_commands(reader, &sender));
    let mut transfers = Transfers::default();
    loop {
        let due = complete(&mut socket, &mut device, &mut transfers.pending)?;
        match next_command(&commands, due) {
            Ok(Command::Unlink { sequence, which }) => {
                let status = transfers.take_back(which);
                answer(&mut socket, RET_UNLINK, sequence, status, 0, &[])?;
            }
            Ok(Command::Submit { sequence, .. }) if !transfers.has_come(sequence) => {}
            Ok(Command::Submit { sequence, is_in: true, endpoint: 1.., length, .. }) => {
                transfers.pending.push_back((sequence, length));
            }
            Ok(Command::Submit { sequence, is_in, length, setup, data, .. }) => {
                let answered = device.control(setup, &data);
                if !device.is_plugged_in() {
                    return Ok(());
                }
                match answered {
                    Err(Stall) => answer(&mut socket, RET_SUBMIT, sequence, -EPIPE, 0, &[])?,
                    Ok(reply) if is_in => {
                        let reply = &reply[..reply.len().min(length)];
                        answer(&mut socket, RET_SUBMIT, sequence, 0, reply.len(), reply)?;
                    }
                    Ok(_) => answer(&mut socket, RET_SUBMIT, sequence, 0, length, &[])?,
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return reader.join().unwrap_or_else(|_| Err(io::Error::other("the reader panicked")));
            }
        }
    }
}

/// Answers what can be answered now; returns when the next can be.
fn complete(
    socket: &mut UnixStream,
    device: &mut impl Device,
    pending: &mut VecDeque<(u32, usize)>,
) -> io::Result<Instant> {
    let now = Instant::now();
    while let Some(&(sequence, room)) = pending.front() {
        match device.bulk_in(now, room) {
            Bulk::Data(data) => answer(socket, RET_SUBMIT, sequence, 0, data.len(), &data)?,
            Bulk::Babble => answer(socket, RET_SUBMIT, sequence, -EOVERFLOW, 0, &[])?,
            Bulk::NotBefore(due) => return Ok(due),
        }
        pending.pop_front();
    }
    Ok(now + IDLE)
}

fn next_command(commands: &Receiver<Command>, due: Instant) -> Result<Command, RecvTimeoutError> {
    commands.recv_timeout(due.saturating_duration_since(Instant::now()))
}

fn answer(
    socket: &mut UnixStream,
    command: u32,
    sequence: u32,
    status: i32,
    actual: usize,
    data: &[u8],
) -> io::Result<()> {
    let mut message = Vec::with_capacity(HEADER_LENGTH + data.len());
    let actual = u32::try_from(actual).map_err(io::Error::other)?;
    let packets = if command == RET_SUBMIT { NO_PACKETS } else { 0 };
    // Device, direction and endpoint stay 0 in answers; start_frame and error_count are for isochronous ones.
    for word in [command, sequence, 0, 0, 0, status.cast_unsigned(), actual, 0, packets, 0, 0, 0] {
        message.extend(word.to_be_bytes());
    }
    message.extend(data);
    socket.write_all(&message)
}

/// Passes commands on until the kernel closes its end.
fn read_commands(mut socket: UnixStream, sender: &SyncSender<Command>) -> io::Result<()> {
    loop {
        let mut header = [0; HEADER_LENGTH];
        match socket.read_exact(&mut header) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        let word = |n: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| header[4 * n + byte]));
        let sequence = word(1);
        let command = match word(0) {
            CMD_SUBMIT => {
                let (is_in, endpoint, length) = (word(3) == 1, word(4), word(6) as usize);
                let mut data = Vec::new();
                if !is_in {
                    if length > MAX_OUT {
                        return Err(io::Error::other(format!("an OUT transfer of {length} bytes")));
                    }
                    data.resize(length, 0);
                    socket.read_exact(&mut data)?;
                }
                let setup = &header[40..48];
                let setup = Setup {
                    request_type: setup[0],
                    request: setup[1],
                    value: u16::from_le_bytes([setup[2], setup[3]]),
                    index: u16::from_le_bytes([setup[4], setup[5]]),
                };
                Command::Submit { sequence, is_in, endpoint, length, setup, data }
            }
            CMD_UNLINK => Command::Unlink { sequence, which: word(5) },
            other => return Err(io::Error::other(format!("USB/IP command {other}"))),
        };
        if sender.send(command).is_err() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers control transfers with nothing, and has one byte in each bulk transfer.
    struct Simple;

    impl Device for Simple {
        fn control(&mut self, _: Setup, _: &[u8]) -> Result<Vec<u8>, Stall> {
            Ok(Vec::new())
        }

        fn bulk_in(&mut self, _: Instant, _: usize) -> Bulk {
            Bulk::Data(vec![7])
        }
    }

    /// The kernel's end of a device that is plugged in.
    fn plugged_in() -> UnixStream {
        let (kernels, ours) = UnixStream::pair().unwrap();
        thread::spawn(move || serve(ours, Simple));
        kernels
    }

    /// Submits an IN transfer with room for 64 bytes.
    fn submit(kernel: &mut UnixStream, sequence: u32, endpoint: u32) {
        for word in [CMD_SUBMIT, sequence, 1, 1, endpoint, 0, 64, 0, 0, 0, 0, 0] {
            kernel.write_all(&word.to_be_bytes()).unwrap();
        }
    }

    fn unlink(kernel: &mut UnixStream, sequence: u32, which: u32) {
        for word in [CMD_UNLINK, sequence, 1, 0, 0, which, 0, 0, 0, 0, 0, 0] {
            kernel.write_all(&word.to_be_bytes()).unwrap();
        }
    }

    /// The next answer's command, sequence number, status and data.
    fn answered(kernel: &mut UnixStream) -> (u32, u32, i32, Vec<u8>) {
        let mut header = [0; HEADER_LENGTH];
        kernel.read_exact(&mut header).unwrap();
        let words: Vec<_> =
            header.chunks(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect();
        let mut data = vec![0; words[6] as usize];
        kernel.read_exact(&mut data).unwrap();
        (words[0], words[1], words[5].cast_signed(), data)
    }

    #[test]
    fn a_bulk_transfer_is_answered_with_data() {
        let mut kernel = plugged_in();
        submit(&mut kernel, 1, 1);
        assert_eq!(answered(&mut kernel), (RET_SUBMIT, 1, 0, vec![7]));
        unlink(&mut kernel, 2, 1);
        assert_eq!(answered(&mut kernel), (RET_UNLINK, 2, 0, vec![]));
    }

    #[test]
    fn a_transfer_that_was_taken_back_before_it_came_is_not_answered() {
        let mut kernel = plugged_in();
        unlink(&mut kernel, 2, 1);
        assert_eq!(answered(&mut kernel), (RET_UNLINK, 2, -ECONNRESET, vec![]));
        submit(&mut kernel, 1, 1);
        submit(&mut kernel, 3, 1);
        assert_eq!(answered(&mut kernel), (RET_SUBMIT, 3, 0, vec![7]));
    }
}
