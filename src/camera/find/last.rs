//! Finds the camera that was open before among the present ones.
//!
//! Used by [`super::Finder`] if a camera was configured by its number. Numbers change with every replugging, so the
//! camera is recognised by its port and serial number. Opens nothing.

use crate::camera::node::{Identity, Likeness, Node};
use crate::problem::{Problem, text};

/// The camera that was open last.
pub struct Last {
    /// What distinguishes it from other cameras.
    pub identity: Identity,
    /// Whether there was another camera that differs only by its port; then nothing but the port identifies it.
    has_twin: bool,
}

impl Last {
    /// The camera that was just opened, after `before`, while `nodes` were there.
    pub fn new(identity: Identity, before: Option<&Last>, nodes: &[Node]) -> Self {
        let had_twin = before.is_some_and(|before| before.has_twin && before.identity == identity);
        let mut last = Self { identity, has_twin: had_twin };
        last.look_for_twins(nodes);
        last
    }

    /// Looks for twins among `nodes`. To be called while this camera is in use or when it has just ended: it takes a
    /// camera longer than that to come back at another port, so none of the nodes is this camera.
    pub fn look_for_twins(&mut self, nodes: &[Node]) {
        self.has_twin |= nodes.iter().any(|node| node.identity.is_twin_of(&self.identity));
    }

    /// Whether this is the camera's node.
    pub fn is(&self, node: &Node) -> bool {
        let least = if self.has_twin { Likeness::SamePort } else { Likeness::SameSerial };
        self.identity.likeness(&node.identity) >= least
    }

    /// This camera's node: `there`, the node with its number, or the first of `nodes`, which are in order of likeness.
    /// If neither is this camera, then whatever has its number now, unless that is its twin.
    ///
    /// # Errors
    /// The camera is away, and its number is free or its twin has it.
    pub fn find(&self, there: Result<Node, Problem>, nodes: Vec<Node>) -> Result<Node, Problem> {
        let is_this = |node: &Node| self.is(node);
        if there.as_ref().is_ok_and(is_this) {
            return there;
        }
        if let Some(node) = nodes.into_iter().next().filter(is_this) {
            return Ok(node);
        }
        match there {
            Ok(node) if self.has_twin && node.identity.is_twin_of(&self.identity) => Err(Problem::new(
                text!("cannot use {}", node.path.display().to_string()),
                text!("it is another camera of the same model, at another port"),
                text!("plug the previous camera in again, at the same port"),
            )),
            there => there,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::node::tests::node;

    #[test]
    fn two_cameras_of_one_model_are_distinguished_by_their_ports() {
        let [at_a, at_b] = ["/sys/devices/usb1/1-1/1-1:1.0", "/sys/devices/usb1/1-2/1-2:1.0"];
        for serial in ["", "0001"] {
            let webcam = |minor, port| node(minor, "HD Webcam", "uvcvideo", port, serial);
            let (a, b) = (webcam(0, at_a), webcam(2, at_b));
            let last = Last::new(a.identity.clone(), None, &[a.clone(), b]);
            // The other came back first, and has the number.
            let other = webcam(0, at_b);
            let message = last.find(Ok(other.clone()), vec![other.clone()]).unwrap_err().to_string();
            assert!(message.contains("another camera of the same model"), "{message}");
            let moved = webcam(2, at_a);
            assert_eq!(last.find(Ok(other.clone()), vec![moved.clone(), other.clone()]), Ok(moved));
            // Known also after the camera was opened while the other was away.
            let again = Last::new(a.identity.clone(), Some(&last), &[a]);
            assert!(again.find(Ok(other.clone()), vec![other]).is_err());
            // A camera of another model was put there on purpose.
            let stranger = node(0, "Other", "uvcvideo", at_b, "");
            assert_eq!(last.find(Ok(stranger.clone()), vec![stranger.clone()]), Ok(stranger));
        }
    }

    #[test]
    fn a_twin_that_appears_after_the_camera_was_opened_is_not_mistaken_for_it() {
        let webcam = |minor, port| node(minor, "HD Webcam", "uvcvideo", port, "0001");
        let camera = webcam(0, "/sys/devices/usb1/1-1/1-1:1.0");
        let mut last = Last::new(camera.identity.clone(), None, &[camera]);
        let twin = webcam(2, "/sys/devices/usb1/1-2/1-2:1.0");
        last.look_for_twins(std::slice::from_ref(&twin));
        let gone = Err(Problem::new("cannot open /dev/video0", "no such device", "plug it in"));
        assert_eq!(last.find(gone.clone(), vec![twin]), gone);
    }

    #[test]
    fn a_camera_with_its_own_serial_number_is_found_at_another_port() {
        let webcam = |minor, port| node(minor, "HD Webcam", "uvcvideo", port, "0001");
        let old = webcam(0, "/sys/devices/usb1/1-1/1-1:1.0");
        let last = Last::new(old.identity.clone(), None, &[old]);
        let gone = Err(Problem::new("cannot open /dev/video0", "no such device", "plug it in"));
        let moved = webcam(2, "/sys/devices/usb1/1-2/1-2:1.0");
        assert_eq!(last.find(gone, vec![moved.clone()]), Ok(moved));
    }
}
