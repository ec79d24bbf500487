//! A session with a broker, in MQTT 3.1.1 (OASIS standard): everything is sent once (QoS 0), and kept by the broker for
//! those who come later (retained), but for what it is told to do.

use std::io::{self, ErrorKind};
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mqtt_proto::v3::{
    Connect, ConnectReturnCode, LastWill, Packet, Publish, Suback, Subscribe, SubscribeReturnCode,
};
use mqtt_proto::{Pid, QoS, QosPid, TopicFilter, TopicName};

use super::broker::Broker;
use super::socket::{Failure, PATIENCE, Socket};
use crate::host::random;
use crate::problem::text;

/// After one and a half times these seconds without a message from us, the broker takes us for gone.
const KEEP_ALIVE: u16 = 60;

/// We say something this often, ...
const PING_PERIOD: Duration = Duration::from_secs(30);

/// ... and the broker answers within this time, or is taken for gone.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// The largest message that is read, in bytes: one that switches something is much smaller. A larger one is passed over.
const MESSAGE_MAX: usize = 8 << 10;

/// Bytes of a type and a length (section 2.2).
const HEADER_MAX: usize = 5;

/// What a broker sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    /// Whether it was sent before we came.
    pub(super) is_retained: bool,
}

/// A session.
pub(super) struct Session {
    socket: Socket,
    /// What has come of messages that are not taken yet.
    received: Vec<u8>,
    /// How much is still to come of a message that is passed over.
    passed_over: usize,
    heard: Instant,
    pinged: Instant,
    /// Whether the broker has refused to send something that was asked for.
    is_refused: bool,
}

impl Session {
    /// Signs in. When the connection ends, the broker says `will` about `topic`.
    pub(super) fn open(
        broker: &Broker,
        addresses: &[SocketAddr],
        topic: &str,
        will: &'static str,
    ) -> Result<Self, Failure> {
        let socket = Socket::connect(broker, addresses)?;
        let now = Instant::now();
        let mut session =
            Self { socket, received: Vec::new(), passed_over: 0, heard: now, pinged: now, is_refused: false };
        // Two sessions of the same name would end each other.
        let secret = random::secret().map_err(Failure::Problem)?;
        let name: String = secret.chars().take(8).collect();
        let will = LastWill {
            retain: true,
            ..LastWill::new(QoS::Level0, name_of(topic)?, Bytes::from_static(will.as_bytes()))
        };
        let mut connect = Connect::new(text_of(&format!("boardcam-{name}")), KEEP_ALIVE);
        connect.last_will = Some(will);
        if let Some((user, password)) = &broker.address.user {
            connect.username = Some(text_of(user));
            connect.password = password.as_ref().map(|password| Bytes::copy_from_slice(password.as_bytes()));
        }
        session.send(&Packet::Connect(connect))?;
        while now.elapsed() < PATIENCE {
            match session.next()? {
                Some(Packet::Connack(answer)) => return accepted(answer.code).map(|()| session),
                Some(_) => return Err(garbage().into()),
                None => {}
            }
        }
        Err(io::Error::from(ErrorKind::TimedOut).into())
    }

    /// Has the broker send what others say about these topics.
    pub(super) fn subscribe(&mut self, topics: &[String]) -> io::Result<()> {
        let filter = |topic: &String| {
            Ok((TopicFilter::try_from(topic.as_str()).map_err(io::Error::other)?, QoS::Level0))
        };
        let topics = topics.iter().map(filter).collect::<io::Result<Vec<_>>>()?;
        if topics.is_empty() {
            return Ok(());
        }
        self.send(&Packet::Subscribe(Subscribe::new(Pid::default(), topics)))
    }

    /// Says something about a topic, for now and for those who come later.
    pub(super) fn publish(&mut self, topic: &str, payload: impl Into<Vec<u8>>) -> io::Result<()> {
        let payload = Bytes::from(payload.into());
        let publish = Publish::new(QosPid::Level0, name_of(topic)?, payload);
        self.send(&Packet::Publish(Publish { retain: true, ..publish }))
    }

    /// Waits a moment for a message, and sees to it that both sides know of each other.
    pub(super) fn listen(&mut self) -> io::Result<Option<Message>> {
        if self.heard.elapsed() > SILENCE_MAX {
            return Err(ErrorKind::TimedOut.into());
        }
        // Whatever else is said: a broker answers nothing to that.
        if self.pinged.elapsed() > PING_PERIOD {
            self.pinged = Instant::now();
            self.send(&Packet::Pingreq)?;
        }
        match self.next()? {
            Some(Packet::Publish(Publish { retain, topic_name, payload, .. })) => {
                Ok(Some(Message { topic: topic_name.to_string(), payload, is_retained: retain }))
            }
            Some(Packet::Suback(Suback { topics, .. })) => {
                self.is_refused |= topics.contains(&SubscribeReturnCode::Failure);
                Ok(None)
            }
            Some(Packet::Pingresp) | None => Ok(None),
            Some(_) => Err(garbage()),
        }
    }

    /// Whether the broker has refused, since this was asked last, to send something that was asked for.
    pub(super) fn takes_refusal(&mut self) -> bool {
        mem::take(&mut self.is_refused)
    }

    fn send(&mut self, packet: &Packet) -> io::Result<()> {
        let bytes = packet.encode().map_err(io::Error::other)?;
        self.socket.write(bytes.as_ref())
    }

    /// The next packet, if it comes within a moment.
    fn next(&mut self) -> io::Result<Option<Packet>> {
        if let Some(packet) = self.take()? {
            return Ok(Some(packet));
        }
        let mut buffer = [0; 2048];
        match self.socket.read(&mut buffer)? {
            None => return Ok(None),
            Some(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Some(length) => self.received.extend(&buffer[..length]),
        }
        self.heard = Instant::now();
        self.take()
    }

    /// The first packet of what was received, if it is there whole.
    fn take(&mut self) -> io::Result<Option<Packet>> {
        let over = self.passed_over.min(self.received.len());
        self.received.drain(..over);
        self.passed_over -= over;
        let Some(length) = length(&self.received)? else { return Ok(None) };
        if length > MESSAGE_MAX {
            self.passed_over = length;
            return self.take();
        }
        if self.received.len() < length {
            return Ok(None);
        }
        let packet = Packet::decode(&self.received[..length]).ok().flatten();
        self.received.drain(..length);
        packet.ok_or_else(garbage).map(Some)
    }
}

/// The length of the packet that these bytes begin with; `None` if that is not there whole.
fn length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let (mut length, mut shift) = (0_usize, 0);
    for (at, byte) in bytes.iter().enumerate().take(HEADER_MAX).skip(1) {
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Ok(Some(at + 1 + length));
        }
    }
    if bytes.len() >= HEADER_MAX { Err(garbage()) } else { Ok(None) }
}

fn accepted(code: ConnectReturnCode) -> Result<(), Failure> {
    Err(Failure::Said(match code {
        ConnectReturnCode::Accepted => return Ok(()),
        ConnectReturnCode::BadUserNameOrPassword | ConnectReturnCode::NotAuthorized => {
            text!("it refuses this user and password, or this client")
        }
        ConnectReturnCode::UnacceptableProtocolVersion => text!("it does not speak MQTT 3.1.1"),
        ConnectReturnCode::ServerUnavailable | ConnectReturnCode::IdentifierRejected => {
            text!("it takes no clients now")
        }
    }))
}

fn garbage() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "what it sent is not MQTT")
}

fn name_of(topic: &str) -> io::Result<TopicName> {
    TopicName::try_from(topic).map_err(io::Error::other)
}

fn text_of(text: &str) -> Arc<str> {
    Arc::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_packet_is_known_as_soon_as_it_is_there() {
        assert_eq!(length(b"").unwrap(), None);
        assert_eq!(length(b"\x30").unwrap(), None);
        assert_eq!(length(b"\x30\x02a").unwrap(), Some(4));
        assert_eq!(length(b"\x30\x80").unwrap(), None);
        assert_eq!(length(b"\x30\x80\x01").unwrap(), Some(3 + 128));
        assert_eq!(length(b"\x30\xff\xff\xff\x7f").unwrap(), Some(5 + 0x0fff_ffff));
        assert!(length(b"\x30\xff\xff\xff\xff\x7f").unwrap_err().to_string().contains("not MQTT"));
    }
}
