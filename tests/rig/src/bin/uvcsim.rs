//! Plugs a simulated UVC camera into this machine's vhci-hcd; ending the program unplugs it.
//!
//! `uvcsim --feed FOLDER [--port N] [--serial TEXT] [--size WxH]... [--without-tables] [--controls LIST]
//! [--isochronous [--bus BYTES_PER_SECOND]]`; needs root and the modules vhci-hcd and uvcvideo. `--size` limits the camera to these sizes;
//! `--controls` names its controls and what is wrong with them (see [`Properties::new`]). `--size 1280x720:silent` is listed and not delivered, `--size 1280x720:640x480` delivers frames of another size. `--bus` is the bandwidth that the bus has left for an isochronous camera. Each line of standard input is a fault
//! (see [`Fault`]) that the camera shows from then on, such as `stall` or `none`. The program prints when the first
//! frame was sent, in microseconds since 1970.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rig::feed::{Feed, SIZES, Size};
use rig::usbip::{self, DataIn, Device, Refusal, Setup};
use rig::uvc::Camera;
use rig::uvc::fault::{Fault, Faulty, Switch};
use rig::uvc::payload::END_OF_FRAME;
use rig::uvc::properties::Properties;
use rig::uvc::transport::Transport;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut folder = PathBuf::from("/feed");
    let mut port = 0;
    let mut serial = "1".to_owned();
    let mut sizes = Vec::new();
    let mut without_tables = false;
    let mut is_isochronous = false;
    let mut room = u64::MAX;
    let mut controls = "exposure_dynamic_framerate,brightness".to_owned();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--feed" => folder = value()?.into(),
            "--port" => port = value()?.parse()?,
            "--serial" => serial = value()?,
            "--size" => {
                let text = value()?;
                let (listed, sent) = text.split_once(':').unwrap_or((&text, &text));
                sizes.push((size(listed)?, if sent == "silent" { None } else { Some(size(sent)?) }));
            }
            "--without-tables" => without_tables = true,
            "--isochronous" => is_isochronous = true,
            "--controls" => controls = value()?,
            "--bus" => room = value()?.parse()?,
            _ => return Err(format!("unknown option {arg}").into()),
        }
    }
    if sizes.is_empty() {
        sizes.extend(SIZES.map(|size| (size, Some(size))));
    }
    let mut feeds = Vec::new();
    for (listed, sent) in sizes {
        let feed = sent.map(|size| Feed::load(&folder, size)).transpose()?;
        feeds.push((listed, if without_tables { feed.map(Feed::without_huffman_tables) } else { feed }));
    }
    let transport = if is_isochronous { Transport::Isochronous { room } } else { Transport::Bulk };
    let fault = Switch::default();
    let camera = FirstFrame {
        camera: Camera::new(serial, feeds, transport, Properties::new(&controls)?),
        is_told: false,
    };
    let camera = Faulty::new(camera, fault.clone());
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            match line.parse::<Fault>() {
                Ok(told) => fault.set(told),
                Err(why) => eprintln!("uvcsim: {why}"),
            }
        }
    });
    Ok(usbip::plug_in(port, camera)?)
}

fn size(text: &str) -> Result<Size, Box<dyn Error + Send + Sync>> {
    let (width, height) = text.split_once('x').ok_or("a size is WIDTHxHEIGHT")?;
    Ok((width.parse()?, height.parse()?))
}

/// Prints when the camera sent the end of its first frame.
struct FirstFrame {
    camera: Camera,
    is_told: bool,
}

impl Device for FirstFrame {
    fn control(&mut self, setup: Setup, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.camera.control(setup, data)
    }

    fn delay(&self, setup: Setup) -> Duration {
        self.camera.delay(setup)
    }

    fn data_in(&mut self, now: Instant, room: usize) -> DataIn {
        let answer = self.camera.data_in(now, room);
        if let DataIn::Data(payload) = &answer
            && !self.is_told
            && payload.get(1).is_some_and(|bits| bits & END_OF_FRAME != 0)
        {
            self.is_told = true;
            println!("{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros());
        }
        answer
    }
}
