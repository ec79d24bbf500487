//! Which bytes of a file a client wants (RFC 9110 section 14). One range is served; several at once are answered with
//! the whole file, which section 14.2 allows.

/// Bytes to send of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it.
    Whole,
    /// `length` bytes from byte `from` on.
    Part {
        /// The first byte.
        from: u64,
        /// At least one.
        length: u64,
    },
    /// A range that is not in the file.
    Nowhere,
}

/// Reads the value of a Range header for a file of `size` bytes. What is no range of bytes counts for nothing.
pub(super) fn asked(range: Option<&str>, size: u64) -> Asked {
    range.and_then(|range| read(range, size)).unwrap_or(Asked::Whole)
}

fn read(range: &str, size: u64) -> Option<Asked> {
    let (unit, range) = range.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    // More digits than a number has are no number; they count for nothing, too.
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
    Some(if from < end { Asked::Part { from, length: end - from } } else { Asked::Nowhere })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(from: u64, length: u64) -> Asked {
        Asked::Part { from, length }
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
            ("bytes=100-", Asked::Nowhere),
            ("bytes=100-200", Asked::Nowhere),
            ("bytes=-0", Asked::Nowhere),
        ] {
            assert_eq!(asked(Some(range), 100), expected, "{range}");
        }
        assert_eq!(asked(Some("bytes=0-"), 0), Asked::Nowhere);
    }

    #[test]
    fn what_is_none_counts_for_nothing() {
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
            assert_eq!(asked(Some(range), 100), Asked::Whole, "{range}");
        }
        assert_eq!(asked(None, 100), Asked::Whole);
    }

    proptest! {
        #[test]
        fn no_range_leads_out_of_the_file(range in "(bytes=)?[0-9]{0,21}-?[0-9]{0,21}", size: u64) {
            if let Asked::Part { from, length } = asked(Some(&range), size) {
                prop_assert!(length > 0 && from.checked_add(length).is_some_and(|end| end <= size));
            }
        }
    }
}
