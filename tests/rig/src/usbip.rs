//! USB/IP between the guest's kernel and a device (Linux Documentation/usb/usbip_protocol.rst).
//!
//! [`plug_in`] hands one end of a socket pair to vhci-hcd, as `usbip attach` does, and serves a [`Device`] on the other
//! end; it knows nothing about the kind of device. It returns when the kernel releases the device. When the process
//! ends, the device is unplugged. To make a device misbehave, wrap it in another [`Device`].

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
/// The most packets of an isochronous transfer that are believed, as in the kernel (USBIP_MAX_ISO_PACKETS).
const MAX_PACKETS: u32 = 1024;
/// Bytes of the descriptor of one packet.
const DESCRIPTOR_LENGTH: usize = 16;
/// The time between two isochronous packets at high speed (USB 2.0 section 5.6.4).
const MICROFRAME: Duration = Duration::from_micros(125);
/// How many commands are read ahead.
const BACKLOG: usize = 64;
/// How long to wait for a command when no transfer is pending.
const IDLE: Duration = Duration::from_secs(1);

const CMD_SUBMIT: u32 = 1;
const CMD_UNLINK: u32 = 2;
const RET_SUBMIT: u32 = 3;
const RET_UNLINK: u32 = 4;
const NO_PACKETS: u32 = u32::MAX; // number_of_packets unless isochronous; kernels may also send 0
const ENOSPC: i32 = 28; // the status of a request for which the bus lacks the bandwidth
const EPIPE: i32 = 32; // the status of a stalled endpoint
const EOVERFLOW: i32 = 75; // the status of a transfer that the device overran
const ECONNRESET: i32 = 104; // the status of a transfer that was cancelled

/// The setup data of a control transfer (USB 2.0 section 9.3).
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Direction, type and recipient.
    pub request_type: u8,
    /// The request code.
    pub request: u8,
    /// The request's argument.
    pub value: u16,
    /// Interface, endpoint or entity.
    pub index: u16,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy)]
pub enum Refusal {
    /// The device refuses it.
    Stall,
    /// The host controller refuses it: the bus lacks the bandwidth.
    NoRoom,
}

impl Refusal {
    fn status(self) -> i32 {
        match self {
            Self::Stall => -EPIPE,
            Self::NoRoom => -ENOSPC,
        }
    }
}

/// What the data endpoint returns for a bulk transfer or an isochronous packet.
#[derive(Debug)]
pub enum DataIn {
    /// These bytes, at most as many as fit.
    Data(Vec<u8>),
    /// Nothing before this time.
    NotBefore(Instant),
    /// More than fits, which the host controller cuts off (USB 2.0 section 8.7.4, "babble").
    Babble,
}

/// A USB device with a control endpoint and one IN endpoint for data, bulk or isochronous.
pub trait Device {
    /// Answers a control transfer; `data` is what came with it. The answer to an IN transfer may be longer than
    /// requested.
    fn control(&mut self, setup: Setup, data: &[u8]) -> Result<Vec<u8>, Refusal>;
    /// How long the answer to a control transfer is held back; other transfers go on meanwhile.
    fn delay(&self, _setup: Setup) -> Duration {
        Duration::ZERO
    }
    /// Fills a bulk IN transfer or an isochronous packet of `room` bytes.
    fn data_in(&mut self, now: Instant, room: usize) -> DataIn;
    /// `false` once it is unplugged; the last request is then never answered.
    fn is_plugged_in(&self) -> bool {
        true
    }
}

enum Command {
    Submit {
        sequence: u32,
        is_in: bool,
        endpoint: u32,
        length: usize,
        setup: Setup,
        data: Vec<u8>,
        packets: Option<Packets>,
    },
    Unlink {
        sequence: u32,
        target: u32,
    },
}

/// The packets of an isochronous transfer.
struct Packets {
    /// The offset of each packet in the host's buffer, and its length there.
    places: Vec<(u32, u32)>,
    /// The time that they take on the bus.
    duration: Duration,
}

/// Plugs `device` into a port of the guest's virtual host controller and serves it until it is detached or unplugged.
///
/// # Errors
/// The modules are not loaded, the port is taken, or the kernel sends something that is not USB/IP.
pub fn plug_in(port: u8, device: impl Device) -> io::Result<()> {
    let (ours, kernels) = UnixStream::pair()?;
    // The kernel takes its own reference. `devid` only comes back in each command.
    let devid = u32::from(port) + 1;
    fs::write(ATTACH, format!("{port} {} {devid} {SPEED_HIGH}", kernels.as_raw_fd()))?;
    drop(kernels);
    serve(ours, device)
}

/// A transfer of data to the host.
struct Transfer {
    sequence: u32,
    room: usize,
    /// The packets, if isochronous, and the time when the last of them will have been on the bus.
    packets: Option<(Packets, Instant)>,
}

/// Transfers that the kernel has submitted and that were not answered yet.
#[derive(Default)]
struct Transfers {
    /// The data transfers, in order.
    pending: VecDeque<Transfer>,
    /// Answers to control transfers that are held back, each with the time that it is due.
    held: Vec<(Instant, u32, Vec<u8>)>,
    /// When the last isochronous transfer will have been on the bus.
    bus: Option<Instant>,
    /// The sequence number of the newest transfer; the numbers increase.
    newest: u32,
    /// Transfers that were cancelled before they arrived: vhci-hcd's sender lets an UNLINK overtake its SUBMIT. To
    /// answer such a transfer anyway would violate the protocol, and vhci-hcd would close the connection.
    cancelled: Vec<u32>,
}

impl Transfers {
    /// Records that a transfer has arrived; `false` if it was cancelled already.
    fn has_come(&mut self, sequence: u32) -> bool {
        self.newest = sequence;
        let before = self.cancelled.len();
        self.cancelled.retain(|&early| early != sequence);
        self.cancelled.len() == before
    }

    /// Appends a data transfer. Isochronous packets take their time on the bus, filled or not.
    fn queue(&mut self, now: Instant, sequence: u32, room: usize, packets: Option<Packets>) {
        let packets = packets.map(|packets| {
            let end = self.bus.map_or(now, |bus| bus.max(now)) + packets.duration;
            self.bus = Some(end);
            (packets, end)
        });
        self.pending.push_back(Transfer { sequence, room, packets });
    }

    /// Cancels a transfer and returns the status for the answer.
    fn cancel(&mut self, target: u32) -> i32 {
        let number = |transfers: &Self| transfers.pending.len() + transfers.held.len();
        let before = number(self);
        self.pending.retain(|transfer| transfer.sequence != target);
        self.held.retain(|(_, sequence, _)| *sequence != target);
        if target > self.newest {
            self.cancelled.push(target);
        } else if number(self) == before {
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
        let due = due.min(release(&mut socket, &mut transfers.held, due)?);
        match next_command(&commands, due) {
            Ok(Command::Unlink { sequence, target }) => {
                let status = transfers.cancel(target);
                answer(&mut socket, RET_UNLINK, sequence, status, 0, &[])?;
            }
            Ok(Command::Submit { sequence, .. }) if !transfers.has_come(sequence) => {}
            Ok(Command::Submit { sequence, is_in: true, endpoint: 1.., length, packets, .. }) => {
                transfers.queue(Instant::now(), sequence, length, packets);
            }
            Ok(Command::Submit { sequence, is_in, length, setup, data, .. }) => {
                let due = Instant::now() + device.delay(setup);
                let answered = device.control(setup, &data);
                if !device.is_plugged_in() {
                    return Ok(());
                }
                let mut message = Vec::new();
                match answered {
                    Err(refusal) => answer(&mut message, RET_SUBMIT, sequence, refusal.status(), 0, &[])?,
                    Ok(reply) if is_in => {
                        let reply = &reply[..reply.len().min(length)];
                        answer(&mut message, RET_SUBMIT, sequence, 0, reply.len(), reply)?;
                    }
                    Ok(_) => answer(&mut message, RET_SUBMIT, sequence, 0, length, &[])?,
                }
                transfers.held.push((due, sequence, message));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return reader.join().unwrap_or_else(|_| Err(io::Error::other("the reader panicked")));
            }
        }
    }
}

/// Sends the answers that are due; returns when the next one is, at the latest at `end`.
fn release(
    socket: &mut UnixStream,
    held: &mut Vec<(Instant, u32, Vec<u8>)>,
    end: Instant,
) -> io::Result<Instant> {
    let now = Instant::now();
    for (_, _, message) in held.extract_if(.., |(due, ..)| *due <= now) {
        socket.write_all(&message)?;
    }
    Ok(held.iter().map(|(due, ..)| *due).min().unwrap_or(end))
}

/// Answers what can be answered now; returns when the next transfer can be.
fn complete(
    socket: &mut UnixStream,
    device: &mut impl Device,
    pending: &mut VecDeque<Transfer>,
) -> io::Result<Instant> {
    let now = Instant::now();
    while let Some(Transfer { sequence, room, packets }) = pending.front() {
        match packets {
            Some((_, end)) if now < *end => return Ok(*end),
            Some((packets, _)) => answer_packets(socket, device, now, *sequence, &packets.places)?,
            None => match device.data_in(now, *room) {
                DataIn::Data(data) => answer(socket, RET_SUBMIT, *sequence, 0, data.len(), &data)?,
                DataIn::Babble => answer(socket, RET_SUBMIT, *sequence, -EOVERFLOW, 0, &[])?,
                DataIn::NotBefore(due) => return Ok(due),
            },
        }
        pending.pop_front();
    }
    Ok(now + IDLE)
}

/// Fills the packets of an isochronous transfer as far as there is data. In the answer their data stands without gaps,
/// followed by a descriptor for each.
fn answer_packets(
    socket: &mut UnixStream,
    device: &mut impl Device,
    now: Instant,
    sequence: u32,
    places: &[(u32, u32)],
) -> io::Result<()> {
    let (mut data, mut descriptors, mut errors) = (Vec::new(), Vec::new(), 0);
    for &(offset, room) in places {
        let (filled, status) = match device.data_in(now, room as usize) {
            DataIn::Data(filled) => (filled, 0),
            DataIn::Babble => (Vec::new(), -EOVERFLOW),
            DataIn::NotBefore(_) => (Vec::new(), 0),
        };
        errors += u32::from(status != 0);
        descriptors.extend([offset, room, filled.len() as u32, status.cast_unsigned()]);
        data.extend(filled);
    }
    let header = [RET_SUBMIT, sequence, 0, 0, 0, 0, data.len() as u32, 0, places.len() as u32, errors, 0, 0];
    let bytes = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
    socket.write_all(&[bytes(&header), data, bytes(&descriptors)].concat())
}

fn next_command(commands: &Receiver<Command>, due: Instant) -> Result<Command, RecvTimeoutError> {
    commands.recv_timeout(due.saturating_duration_since(Instant::now()))
}

fn answer(
    socket: &mut impl Write,
    command: u32,
    sequence: u32,
    status: i32,
    actual: usize,
    data: &[u8],
) -> io::Result<()> {
    let mut message = Vec::with_capacity(HEADER_LENGTH + data.len());
    let actual = u32::try_from(actual).map_err(io::Error::other)?;
    let packets = if command == RET_SUBMIT { NO_PACKETS } else { 0 };
    // Device, direction and endpoint are 0 in answers; start_frame and error_count are for isochronous transfers.
    for word in [command, sequence, 0, 0, 0, status.cast_unsigned(), actual, 0, packets, 0, 0, 0] {
        message.extend(word.to_be_bytes());
    }
    message.extend(data);
    socket.write_all(&message)
}

/// Forwards commands until the kernel closes its end.
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
                let packets = match word(8) {
                    0 | NO_PACKETS => None,
                    number @ 1..=MAX_PACKETS => {
                        let mut descriptors = vec![0; number as usize * DESCRIPTOR_LENGTH];
                        socket.read_exact(&mut descriptors)?;
                        let duration = MICROFRAME.saturating_mul(number).saturating_mul(word(9));
                        Some(Packets { places: places(&descriptors), duration })
                    }
                    number => return Err(io::Error::other(format!("a transfer of {number} packets"))),
                };
                Command::Submit { sequence, is_in, endpoint, length, setup, data, packets }
            }
            CMD_UNLINK => Command::Unlink { sequence, target: word(5) },
            other => return Err(io::Error::other(format!("USB/IP command {other}"))),
        };
        if sender.send(command).is_err() {
            return Ok(());
        }
    }
}

/// Offset and length in each packet descriptor.
fn places(descriptors: &[u8]) -> Vec<(u32, u32)> {
    let words: Vec<_> = descriptors.as_chunks().0.iter().map(|word| u32::from_be_bytes(*word)).collect();
    words.as_chunks().0.iter().map(|&[offset, room, _actual, _status]| (offset, room)).collect()
}

#[cfg(test)]
mod tests;
