use std::collections::VecDeque;

use rustix::io::Errno;

use super::super::node::tests::node;
use super::proved::{BAD_FRAMES, first_frame};
use super::*;
use crate::camera::refusal::Cause;
use crate::camera::source::{Flaw, Frame, SourceError, SourceInfo};
use crate::jpeg::passthrough::Fault;
use crate::picture::{Layout, Range, Raw, Size};

/// Delivers the frames that it was given, then nothing.
struct Script {
    info: SourceInfo,
    frames: VecDeque<Result<Option<Vec<u8>>, SourceError>>,
    now: Vec<u8>,
}

impl Source for Script {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next(&mut self, _: Duration) -> Result<Option<Frame<'_>>, SourceError> {
        match self.frames.pop_front().unwrap_or(Ok(None))? {
            Some(bytes) => {
                self.now = bytes;
                let captured = Instant::now();
                Ok(Some(Frame { bytes: &self.now, captured, sequence: 0, flaw: None, memory: None }))
            }
            None => Ok(None),
        }
    }
}

fn yuyv(frames: impl IntoIterator<Item = Result<Option<Vec<u8>>, SourceError>>) -> Script {
    let info = SourceInfo {
        kind: crate::camera::SourceKind::Device,
        source: "/dev/video7".into(),
        card: String::new(),
        driver: String::new(),
        bus: String::new(),
        layout: Layout::Raw(Raw::Yuyv),
        size: Size { width: 4, height: 2 },
        stride: 10,
        range: Range::Limited,
        max_frame: 20,
        interval: None,
        own_quality: None,
        chosen: None,
        lowers_rate: None,
        compromises: Vec::new(),
    };
    Script { info, frames: frames.into_iter().collect(), now: Vec::new() }
}

/// Cancels the search at the given call.
struct Looks(usize);

impl Observer for Looks {
    fn refused(&mut self, _: &str, _: &Problem) {}
    fn keep_waiting(&mut self) -> bool {
        self.0 = self.0.saturating_sub(1);
        self.0 > 0
    }
}

const WHOLE: usize = 18;

fn proved(source: &mut Script, patience: Duration) -> Result<Vec<u8>, String> {
    let frame = first_frame(source, patience, &mut Looks(usize::MAX));
    frame.map(|frame| frame.bytes).map_err(|refusal| refusal.problem.to_string())
}

#[test]
fn a_camera_that_delivers_at_once_is_not_delayed_by_a_card() {
    let frame = first_frame(&mut yuyv([Ok(Some(vec![0; WHOLE]))]), FIRST_PICTURE, &mut Looks(0));
    assert_eq!(frame.map(|frame| frame.bytes).map_err(|refusal| refusal.cause), Ok(vec![0; WHOLE]));
}

#[test]
fn a_camera_that_begins_with_broken_pictures_is_accepted() {
    let bad = (0..BAD_FRAMES).map(|_| Ok(Some(vec![0; WHOLE - 1])));
    let mut source = yuyv(bad.chain([Ok(None), Ok(Some(vec![0; WHOLE]))]));
    assert_eq!(proved(&mut source, FIRST_PICTURE), Ok(vec![0; WHOLE]));
}

#[test]
fn a_camera_that_delivers_only_broken_pictures_is_refused() {
    let mut source = yuyv((0..100).map(|_| Ok(Some(vec![0; WHOLE - 1]))));
    let message = proved(&mut source, FIRST_PICTURE).unwrap_err();
    assert!(message.contains("cannot use /dev/video7") && message.contains("broken pictures"), "{message}");
    assert_eq!(source.frames.len(), 100 - BAD_FRAMES - 1);
}

#[test]
fn a_change_is_never_tried_with_another_camera() {
    let camera =
        |minor, name: &str| node(minor, name, "uvcvideo", &format!("/sys/devices/usb1/1-{minor}"), "");
    let (mine, other) = (camera(0, "Webcam"), camera(2, "Other webcam"));
    let last = Last::new(mine.identity.clone(), None, &[]);
    let kept = |mut candidates: Vec<Node>, last| {
        keep_last(&mut candidates, last);
        candidates
    };
    assert_eq!(kept(vec![mine.clone(), other.clone()], Some(&last)), std::slice::from_ref(&mine));
    assert_eq!(kept(vec![other.clone()], Some(&last)), [], "mine was pulled out");
    assert_eq!(kept(vec![mine, other], None), [], "a camera module is in use");
}

/// Counts the frames that cannot be used.
#[derive(Default)]
struct Counts(Vec<Flaw>);

impl Observer for Counts {
    fn refused(&mut self, _: &str, _: &Problem) {}
    fn keep_waiting(&mut self) -> bool {
        true
    }
    fn unusable(&mut self, flaw: Flaw) {
        self.0.push(flaw);
    }
}

#[test]
fn a_camera_whose_jpegs_nobody_can_show_is_refused_at_once_by_their_kind() {
    let arithmetic = include_bytes!("../../../tests/pictures/kinds/arithmetic.jpg");
    let frames = [b"noise".to_vec(), arithmetic.to_vec(), arithmetic.to_vec()];
    let mut source = yuyv(frames.into_iter().map(|frame| Ok(Some(frame))));
    source.info.layout = Layout::Mjpeg;
    let mut counts = Counts::default();
    let refused = first_frame(&mut source, FIRST_PICTURE, &mut counts).err().unwrap().problem.to_string();
    assert!(refused.contains("arithmetic-coded") && !refused.contains("cable"), "{refused}");
    assert_eq!(source.frames.len(), 1, "it waited for more of them");
    assert_eq!(counts.0, [Fault::NoSoi, Fault::Arithmetic].map(Flaw::Fault));
}

#[test]
fn a_camera_that_delivers_nothing_is_refused_after_its_time() {
    let message = proved(&mut yuyv([]), Duration::from_millis(20)).unwrap_err();
    assert!(message.contains("no picture came within"), "{message}");
}

#[test]
fn a_camera_unplugged_during_the_search_is_reported_as_unplugged() {
    let gone = Problem::new("/dev/video7 stopped", "unplugged (ENODEV)", "plug it in");
    let message = proved(&mut yuyv([Ok(None), Err(SourceError(gone.clone()))]), FIRST_PICTURE);
    assert_eq!(message, Err(gone.to_string()));
}

#[test]
fn a_shutdown_does_not_wait_for_a_slow_camera() {
    let ended = first_frame(&mut yuyv([]), Duration::from_secs(3600), &mut Looks(3));
    assert_eq!(ended.err(), Some(Refusal::new(Cause::Cancelled, cancelled())));
}

fn refusal(cause: Cause, name: &str, why: &str) -> Refusal {
    Refusal::new(cause, Problem::new(format!("cannot open {name}"), why, "do this"))
}

#[test]
fn a_camera_with_a_second_node_is_one_camera() {
    let port = "/sys/devices/usb1/1-1/1-1:1.0";
    let mut nodes = vec![
        node(0, "HD Webcam", "uvcvideo", port, ""),
        node(1, "HD Webcam", "uvcvideo", port, ""),
        node(10, "bcm2835-codec-decode", "bcm2835-codec", "/sys/devices/platform/codec", ""),
    ];
    assert_eq!(cameras_among(&nodes), 1);
    nodes.push(node(2, "HD Webcam", "uvcvideo", "/sys/devices/usb1/1-2/1-2:1.0", ""));
    assert_eq!(cameras_among(&nodes), 2);
}

#[test]
fn a_search_leaves_the_camera_alone_that_the_settings_name_elsewhere() {
    let port = "/sys/devices/usb1/1-1/1-1:1.0";
    let [door, garden] = [0, 2].map(|minor| node(minor, "HD Webcam", "uvcvideo", port, ""));
    let named = [PathBuf::from("/dev/gone"), PathBuf::from("/dev/v4l/by-id/usb-HD_Webcam")];
    let minor_at = |path: &Path| (path == named[1]).then_some(0);
    let refusal = reserved(&door, &named, minor_at).unwrap();
    assert!(
        refusal.problem.why.to_string().contains("has it, as /dev/v4l/by-id/usb-HD_Webcam"),
        "{}",
        refusal.problem
    );
    assert!(refusal.is_camera());
    assert_eq!(reserved(&garden, &named, minor_at), None);
}

#[test]
fn the_problem_of_the_only_real_camera_is_reported() {
    let all = [
        refusal(Cause::NotACamera, "/dev/video10", "a codec"),
        refusal(Cause::System(Errno::BUSY), "/dev/video0", "busy (EBUSY)"),
    ];
    assert_eq!(summary(&all).to_string(), "cannot open /dev/video0: busy (EBUSY); do this");
}

#[test]
fn the_problem_of_the_first_of_several_cameras_is_reported_and_the_others_are_mentioned() {
    let two = [
        refusal(Cause::System(Errno::BUSY), "/dev/video0", "busy (EBUSY)"),
        refusal(Cause::System(Errno::NODEV), "/dev/video2", "unplugged"),
    ];
    assert_eq!(
        summary(&two).to_string(),
        "cannot open /dev/video0: busy (EBUSY) (another camera cannot be used either); do this"
    );
}

#[test]
fn a_camera_with_two_forbidden_nodes_is_reported_once() {
    let both = [0, 1].map(|n| refusal(Cause::System(Errno::ACCESS), &format!("/dev/video{n}"), "denied"));
    assert_eq!(summary(&both), *both[0].problem);
}

#[test]
fn without_a_camera_the_advice_is_to_plug_one_in() {
    assert_eq!(
        summary(&[]).to_string(),
        "no camera found: there is no /dev/video device; plug one in; it is picked up automatically"
    );
    let codecs = [10, 11].map(|n| refusal(Cause::NotACamera, &format!("/dev/video{n}"), "codec"));
    assert!(summary(&codecs).why.to_string().contains("none of the 2"));
    assert!(plug_in(true).to_string().contains("Raspberry Pi OS with --camera rpicam"));
}
