//! What the log says of hardware encoders: each thing once.

use log::Level;

use super::device::Failure;

/// What was said, and what is still to be said.
#[derive(Debug)]
pub(super) struct Words {
    /// Whether the settings ask for hardware, so that its lack is worth a warning.
    is_asked_for: bool,
    /// What is to be said. Its lines are taken after each picture, so there are few.
    pending: Vec<(Level, String)>,
    /// The last trouble that was said; a device that fails the same way again and again is said once.
    trouble: Option<String>,
    says_turned: bool,
    /// The device that was said to encode.
    said: Option<String>,
    /// The device that was opened; it is said to encode when it has encoded a picture.
    opened: Option<(String, bool)>,
}

impl Words {
    pub(super) fn new(is_asked_for: bool) -> Self {
        let (pending, trouble, said, opened) = (Vec::new(), None, None, None);
        Self { is_asked_for, pending, trouble, says_turned: false, said, opened }
    }

    pub(super) fn take(&mut self) -> impl Iterator<Item = (Level, String)> {
        self.pending.drain(..)
    }

    /// A device was opened.
    pub(super) fn opened(&mut self, name: &str, has_quality: bool) {
        self.opened = Some((name.to_owned(), has_quality));
    }

    /// The device encoded a picture.
    pub(super) fn works(&mut self) {
        let Some((name, has_quality)) = self.opened.take() else { return };
        if self.said.as_ref() == Some(&name) {
            return;
        }
        self.pending.push((Level::Info, format!("encoded by hardware: {name}")));
        if !has_quality {
            let note = format!("the hardware encoder {name} has no quality setting; it uses its own quality");
            self.pending.push((Level::Warn, note));
        }
        self.said = Some(name);
    }

    /// The device works for long: if it fails again, that is news.
    pub(super) fn is_good(&mut self) {
        self.trouble = None;
    }

    pub(super) fn turned(&mut self) {
        if self.is_asked_for && !std::mem::replace(&mut self.says_turned, true) {
            let note = "hardware encoders cannot turn or mirror pictures; encoding by software";
            self.pending.push((Level::Warn, note.to_owned()));
        }
    }

    pub(super) fn not_found(&mut self) {
        if self.is_asked_for {
            let note =
                "this board has no hardware encoder that makes JPEGs of these pictures; encoding by software";
            self.trouble(note.to_owned());
        }
    }

    pub(super) fn hangs(&mut self) {
        let note =
            "the hardware encoder does not open: its driver does not answer; encoding by software meanwhile";
        self.trouble(note.to_owned());
    }

    pub(super) fn refused(&mut self, why: &str) {
        self.trouble(format!("the hardware encoder cannot be used: {why}; encoding by software"));
    }

    pub(super) fn failed(&mut self, name: &str, failure: &Failure) {
        let note = format!(
            "the hardware encoder {name} failed: {failure}; encoding by software until it works again"
        );
        self.said = None;
        self.trouble(note);
    }

    fn trouble(&mut self, note: String) {
        if self.trouble.as_ref() != Some(&note) {
            self.pending.push((Level::Warn, note.clone()));
            self.trouble = Some(note);
        }
    }
}
