//! The guest in which the cases run: waits for conditions, plugs cameras in and out.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::{Outcome, ensure, wait_for};
use rig::feed::{Feed, Size};
use rig::uvc::PRODUCT;

const FEED: &str = "/feed";

/// A number from an environment variable of the test run.
pub fn setting(name: &str, default: u64) -> Outcome<u64> {
    Ok(std::env::var(name).map_or(Ok(default), |number| number.parse())?)
}

/// Runs a program in the guest and waits until it ends.
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
        // A node may disappear between the two calls.
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
    /// Its metadata node.
    metadata_node: PathBuf,
}

impl Camera {
    /// Plugs it in and waits for its node.
    pub fn plug_in() -> Outcome<Self> {
        Self::plug_in_with(&[])
    }

    /// The same with a camera that leaves out the Huffman tables.
    pub fn plug_in_without_tables() -> Outcome<Self> {
        Self::plug_in_with(&["--without-tables"])
    }

    /// The same with options of `uvcsim`.
    pub fn plug_in_with(options: &[&str]) -> Outcome<Self> {
        let before = nodes()?;
        let mut command = Command::new("/bin/uvcsim");
        command.args(["--feed", FEED]).args(options).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut uvcsim = command.spawn()?;
        // The capture node appears before the metadata node: the camera is ready when both exist.
        let appeared = wait_for("the camera's nodes", || {
            if let Some(status) = uvcsim.try_wait()? {
                return Err(format!("uvcsim ended: {status}").into());
            }
            let new: Vec<_> =
                nodes()?.into_iter().filter(|n| !before.contains(n) && n.1.contains(PRODUCT)).collect();
            Ok(<[_; 2]>::try_from(new).ok())
        });
        match appeared {
            Ok([(node, _), (metadata_node, _)]) => {
                Ok(Self { uvcsim, is_plugged_in: true, node, metadata_node })
            }
            Err(why) => {
                let _ = uvcsim.kill();
                let _ = uvcsim.wait();
                Err(why)
            }
        }
    }

    /// Sets the camera's fault, in the syntax of `rig::uvc::fault`.
    pub fn suffer(&mut self, fault: &str) -> Outcome {
        let stdin = self.uvcsim.stdin.as_mut().ok_or("uvcsim has no standard input")?;
        Ok(writeln!(stdin, "{fault}")?)
    }

    /// Its node's path as text.
    pub fn path(&self) -> Outcome<&str> {
        Ok(self.node.to_str().ok_or("a node whose name is not UTF-8")?)
    }

    /// Waits for its first frame and returns when it was sent.
    pub fn first_frame(&mut self) -> Outcome<SystemTime> {
        let stdout = self.uvcsim.stdout.as_mut().ok_or("uvcsim has no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(UNIX_EPOCH + Duration::from_micros(line.trim().parse()?))
    }

    /// Whether it has unplugged itself because of the fault `vanish`.
    pub fn has_vanished(&mut self) -> Outcome<bool> {
        let has_vanished = self.uvcsim.try_wait()?.is_some();
        if has_vanished {
            self.is_plugged_in = false;
            self.wait_until_gone()?;
        }
        Ok(has_vanished)
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
        self.wait_until_gone()
    }

    fn wait_until_gone(&self) -> Outcome {
        let is_there = || self.node.exists() || self.metadata_node.exists();
        wait_for("the camera's nodes to go", || Ok((!is_there()).then_some(())))
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

/// While this lives, uvcvideo delivers damaged frames, marked as such, instead of dropping them: its parameter nodrop,
/// which is the default in newer kernels. Applies to cameras that are plugged in meanwhile.
pub struct DamagedFramesToo;

impl DamagedFramesToo {
    pub fn set() -> Outcome<Self> {
        Self::write("1")?;
        Ok(Self)
    }

    fn write(value: &str) -> Outcome {
        Ok(fs::write("/sys/module/uvcvideo/parameters/nodrop", value)?)
    }
}

impl Drop for DamagedFramesToo {
    fn drop(&mut self) {
        if let Err(why) = Self::write("0") {
            println!("  cannot reset uvcvideo: {why}");
        }
    }
}

/// The kernel's virtual video driver; dropping it unloads it.
pub struct Vivid;

impl Vivid {
    /// One webcam with only raw formats.
    pub fn webcam() -> Outcome<Self> {
        Self::load(&["n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0"], 1)
    }

    /// Two such webcams.
    pub fn two_webcams() -> Outcome<Self> {
        Self::load(&["n_devs=2", "node_types=0x1,0x1", "num_inputs=1,1", "input_types=0,0"], 2)
    }

    /// The same webcam with the multi-planar API.
    pub fn multiplanar() -> Outcome<Self> {
        Self::load(&["n_devs=1", "node_types=0x1", "multiplanar=2", "num_inputs=1", "input_types=0"], 1)
    }

    /// A capture card with an HDMI input and one for television, which cannot scale.
    pub fn capture_card() -> Outcome<Self> {
        let inputs = ["num_inputs=2", "input_types=7", "ccs_cap_mode=0"];
        Self::load(&[&["n_devs=1", "node_types=0x1"][..], &inputs].concat(), 1)
    }

    /// Nodes that are not webcams: output, metadata capture and metadata output.
    pub fn without_a_webcam() -> Outcome<Self> {
        Self::load(&["n_devs=1", "node_types=0x60100", "multiplanar=2"], 3)
    }

    /// One television input, whose driver lists a range of sizes in steps.
    pub fn television() -> Outcome<Self> {
        Self::load(&["n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=1"], 1)
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
        // The module stays in use until the last program has closed its node.
        if let Err(why) = wait_for("vivid to be free", || Ok(run("/bin/rmmod", &["vivid"]).ok())) {
            println!("  cannot unload vivid: {why}");
        }
    }
}
