//! Plugs a simulated UVC camera into this machine's vhci-hcd; ending the program unplugs it.
//!
//! `uvcsim --feed FOLDER [--port N] [--serial TEXT] [--without-tables]`; needs root and the modules vhci-hcd and
//! uvcvideo.
#![forbid(unsafe_code)]

use std::error::Error;
use std::path::PathBuf;

use rig::feed::{Feed, SIZES};
use rig::usbip;
use rig::uvc::Camera;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut folder = PathBuf::from("/feed");
    let mut port = 0;
    let mut serial = "1".to_owned();
    let mut without_tables = false;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--feed" => folder = value()?.into(),
            "--port" => port = value()?.parse()?,
            "--serial" => serial = value()?,
            "--without-tables" => without_tables = true,
            _ => return Err(format!("unknown option {arg}").into()),
        }
    }
    let load = |size| {
        let feed = Feed::load(&folder, size)?;
        Ok::<_, Box<dyn Error + Send + Sync>>(if without_tables {
            feed.without_huffman_tables()
        } else {
            feed
        })
    };
    let feeds = [load(SIZES[0])?, load(SIZES[1])?];
    Ok(usbip::plug_in(port, Camera::new(serial, feeds))?)
}
