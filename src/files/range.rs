//! The Range header: which bytes of a file a client asks for (RFC 9110 section 14). A header with several ranges gets
//! the whole file, which section 14.2 allows.

/// The bytes of a file to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteRange {
    /// All of it.
    Whole,
    /// `length` bytes from byte `from` on.
    Part {
        /// The first byte.
        from: u64,
        /// At least one.
        length: u64,
    },
    /// The range is outside the file (status 416).
    Unsatisfiable,
}

/// Reads the value of a Range header for a file of `size` bytes. A value that is not a range of bytes is ignored.
pub(super) fn requested(range: Option<&str>, size: u64) -> ByteRange {
    range.and_then(|range| read(range, size)).unwrap_or(ByteRange::Whole)
}

fn read(range: &str, size: u64) -> Option<ByteRange> {
    let (unit, range) = range.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    // `None` also for a number that is too large for u64.
    let number =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let (first, last) = range.trim().split_once('-')?;
    let (from, end) = match (first, last) {
        ("", last) => (size.saturating_sub(number(last)?), size),
        (first, "") => (number(first)?, size),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, last.saturating_add(1).min(size))
        }
    };
    Some(if from < end { ByteRange::Part { from, length: end - from } } else { ByteRange::Unsatisfiable })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(from: u64, length: u64) -> ByteRange {
        ByteRange::Part { from, length }
    }

    #[test]
    fn one_range_of_bytes_is_understood_in_each_of_its_forms() {
        for (range, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=0-", part(0, 100)),
            ("bytes=10-19", part(10, 10)),
            ("bytes=90-1000", part(90, 10)),
            ("bytes=-1", part(99, 1)),
            ("bytes=-1000", part(0, 100)),
            ("Bytes=99-99", part(99, 1)),
            ("bytes=0-18446744073709551615", part(0, 100)),
            ("bytes=100-", ByteRange::Unsatisfiable),
            ("bytes=100-200", ByteRange::Unsatisfiable),
            ("bytes=-0", ByteRange::Unsatisfiable),
        ] {
            assert_eq!(requested(Some(range), 100), expected, "{range}");
        }
        assert_eq!(requested(Some("bytes=0-"), 0), ByteRange::Unsatisfiable);
    }

    #[test]
    fn a_malformed_range_is_ignored() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5",
            "bytes=9-1",
            "bytes=a-b",
            "bytes=1-b",
            "bytes=-x",
            "bytes=+1-2",
            "bytes=0x1-2",
            "bytes=1--2",
            "bytes=0-1,5-6",
            "lines=1-2",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(requested(Some(range), 100), ByteRange::Whole, "{range}");
        }
        assert_eq!(requested(None, 100), ByteRange::Whole);
    }

    proptest! {
        #[test]
        fn no_range_leads_out_of_the_file(range in "(bytes=)?[0-9]{0,21}-?[0-9]{0,21}", size: u64) {
            if let ByteRange::Part { from, length } = requested(Some(&range), size) {
                prop_assert!(length > 0 && from.checked_add(length).is_some_and(|end| end <= size));
            }
        }
    }
}
