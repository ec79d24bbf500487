//! A camera that is closed for privacy: what viewers see meanwhile.

use std::time::Instant;

use log::info;

use super::{CHECK_PERIOD, Stream};
use crate::events::Kind;
use crate::feed::CaptureState;
use crate::jpeg::card::Card;

impl Stream<'_> {
    /// Shows the card until privacy ends, or the program does. The camera is closed.
    pub(super) fn keep_private(&mut self) {
        self.writer.release();
        self.set_closed(CaptureState::Private);
        self.feed.status().last_frame = None;
        self.trouble = (Card::PRIVACY, self.feed.why_private());
        self.next_card = Instant::now();
        info!("{}: closed, since privacy is on", self.label());
        self.tell(Kind::PrivacyOn);
        while self.feed.privacy.look() {
            self.trouble.1 = self.feed.why_private();
            self.pass_time();
            if self.shutdown.wait(CHECK_PERIOD) {
                return;
            }
        }
        info!("{}: privacy is off", self.label());
        self.tell(Kind::PrivacyOff);
        self.wake_up();
    }

    fn tell(&self, kind: Kind) {
        if let Some(presence) = &self.presence {
            presence.tell(&self.feed.name, kind);
        }
    }
}
