//! What boardcam does by itself about a problem while it serves. Whoever asks for one picture, or for a list of cameras,
//! must not read it: then the program ends.

use super::{Problem, Text, Value, text};

/// A device that is plugged in.
pub const PICKED_UP: Text = text!("it is picked up automatically");
/// A camera that was lost.
pub const REOPENED: Text = text!("boardcam reopens the camera");
/// A program that ended.
pub const RESTARTED: Text = text!("boardcam restarts it");
/// A program that says nothing.
pub const RESTARTED_LATER: Text = text!("boardcam restarts it, and waits longer if timeout is set");
/// Anything else.
pub const KEEPS_TRYING: Text = text!("boardcam keeps trying");

const ALL: [Text; 5] = [PICKED_UP, REOPENED, RESTARTED, RESTARTED_LATER, KEEPS_TRYING];

impl Text {
    /// This advice, followed by a promise.
    pub fn and(self, promise: Text) -> Text {
        text!("{}; {}", self, promise)
    }

    /// This advice without promises.
    fn without_promise(self) -> Text {
        let values = self.values.into_iter().map(|value| match value {
            Value::Text(text) => Value::Text(text.without_promise()),
            value => value,
        });
        match <[Value; 2]>::try_from(values.collect::<Vec<_>>()) {
            Ok([Value::Text(advice), Value::Text(promise)]) if ALL.contains(&promise) => advice,
            Ok(values) => Text { values: values.into(), ..self },
            Err(values) => Text { values, ..self },
        }
    }
}

impl Problem {
    /// The problem without what boardcam would do by itself if it served.
    pub fn for_once(self) -> Self {
        Self { advice: self.advice.without_promise(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_takes_one_picture_is_promised_nothing() {
        let problem = |advice| Problem::new("no camera", "there is none", advice);
        let promised = problem(text!("plug one in").and(PICKED_UP));
        assert_eq!(promised.advice.to_string(), "plug one in; it is picked up automatically");
        assert_eq!(promised.for_once().advice.to_string(), "plug one in");
        let promised = problem(text!("{}. {}", text!("plug one in").and(PICKED_UP), "See the manual"));
        assert_eq!(promised.for_once().advice.to_string(), "plug one in. See the manual");
        for advice in [text!("plug it in"), text!("{}, {}", text!("a"), text!("b")), text!("{}; {}", 1, 2)] {
            assert_eq!(problem(advice.clone()).for_once(), problem(advice));
        }
    }
}
