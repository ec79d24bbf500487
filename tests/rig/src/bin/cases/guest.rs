//! The guest that the cases run in: waiting for conditions, plugging cameras in and out.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use client::{Outcome, ensure, wait_for};
use rig::feed::{Feed, Size};
use rig::uvc::PRODUCT;

const FEED: &str = "/feed";

/// Runs a program of the guest to its end.
pub fn run(program: &str, args: &[&str]) -> Outcome {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {args:?}: {}: {}", output.status, told.trim());
    Ok(())
}

/// The video nodes that exist, in order of their numbers, with their names.
pub fn nodes() -> Outcome<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/sys/class/video4linux")? {
        let entry = entry?;
        let path = Path::new("/dev").join(entry.file_name());
        // A node may go away between the two calls.
        if let Ok(name) = fs::read_to_string(entry.path().join("name"))
            && path.exists()
        {
            found.push((path, name.trim().to_owned()));
        }
    }
    found.sort();
    Ok(found)
}

/// The frames that simulated cameras send.
pub fn feed(size: Size) -> Outcome<Feed> {
    Feed::load(Path::new(FEED), size)
}

/// A simulated UVC camera that is plugged in; dropping it unplugs it.
pub struct Camera {
    uvcsim: Child,
    is_plugged_in: bool,
    /// Its capture node.
    pub node: PathBuf,
}

impl Camera {
    /// Plugs it in and waits for its node.
    pub fn plug_in() -> Outcome<Self> {
        Self::plug_in_with(&[])
    }

    /// The same, of the kind that leaves out the Huffman tables.
    pub fn plug_in_without_tables() -> Outcome<Self> {
        Self::plug_in_with(&["--without-tables"])
    }

    /// The same with options of `uvcsim`.
    pub fn plug_in_with(options: &[&str]) -> Outcome<Self> {
        let before = nodes()?;
        let mut uvcsim =
            Command::new("/bin/uvcsim").args(["--feed", FEED]).args(options).stdin(Stdio::piped()).spawn()?;
        // The capture node is made before the one for metadata: the camera is there when both are.
        let appeared = wait_for("the camera's nodes", || {
            if let Some(status) = uvcsim.try_wait()? {
                return Err(format!("uvcsim ended: {status}").into());
            }
            let new: Vec<_> =
                nodes()?.into_iter().filter(|n| !before.contains(n) && n.1.contains(PRODUCT)).collect();
            Ok((new.len() >= 2).then_some(new))
        });
        match appeared {
            Ok(mut nodes) => Ok(Self { uvcsim, is_plugged_in: true, node: nodes.remove(0).0 }),
            Err(why) => {
                let _ = uvcsim.kill();
                let _ = uvcsim.wait();
                Err(why)
            }
        }
    }

    /// From now on it has this fault, in the words of `rig::uvc::fault`.
    pub fn suffer(&mut self, fault: &str) -> Outcome {
        let stdin = self.uvcsim.stdin.as_mut().ok_or("uvcsim has no standard input")?;
        Ok(writeln!(stdin, "{fault}")?)
    }

    /// Its node's path as text.
    pub fn path(&self) -> Outcome<&str> {
        Ok(self.node.to_str().ok_or("a node whose name is no text")?)
    }

    /// Unplugs it and waits until its nodes are gone.
    pub fn unplug(mut self) -> Outcome {
        self.pull_out()
    }

    fn pull_out(&mut self) -> Outcome {
        if let Some(status) = self.uvcsim.try_wait()? {
            return Err(format!("it was gone already: uvcsim ended with {status}").into());
        }
        self.uvcsim.kill()?;
        self.uvcsim.wait()?;
        self.is_plugged_in = false;
        let node = self.node.clone();
        wait_for("the camera's nodes to go", || Ok((!node.exists()).then_some(())))
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        if self.is_plugged_in
            && let Err(why) = self.pull_out()
        {
            println!("  cannot unplug the camera: {why}");
        }
    }
}

/// The kernel's virtual video driver; dropping it unloads it.
pub struct Vivid;

impl Vivid {
    /// A webcam with raw formats only.
    pub fn webcam() -> Outcome<Self> {
        Self::load(&["n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0"], 1)
    }

    /// Nodes that are no webcam: multi-planar capture, output, metadata capture and metadata output.
    pub fn without_a_webcam() -> Outcome<Self> {
        Self::load(&["n_devs=1", "node_types=0x60101", "multiplanar=2"], 4)
    }

    fn load(options: &[&str], expected: usize) -> Outcome<Self> {
        let before = nodes()?.len();
        run("/bin/insmod", &[&["/modules/vivid.ko"], options].concat())?;
        let vivid = Self;
        wait_for("vivid's nodes", || Ok((nodes()?.len() == before + expected).then_some(())))?;
        Ok(vivid)
    }
}

impl Drop for Vivid {
    fn drop(&mut self) {
        // The module is in use until the last program has closed its node.
        if let Err(why) = wait_for("vivid to be free", || Ok(run("/bin/rmmod", &["vivid"]).ok())) {
            println!("  cannot unload vivid: {why}");
        }
    }
}
