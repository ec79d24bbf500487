//! What the values of options have in common.

use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

/// A whole number within bounds.
pub(super) fn number<T: FromStr + PartialOrd + Copy + Display>(
    text: &str,
    least: T,
    most: T,
) -> Result<T, String> {
    let number = text.parse().ok().filter(|n| (least..=most).contains(n));
    number.ok_or_else(|| format!("expected a whole number from {least} to {most}"))
}

/// Whole seconds, 1 to `most`.
pub(super) fn seconds(text: &str, most: u32) -> Result<Duration, String> {
    number(text, 1, most).map(|seconds| Duration::from_secs(seconds.into()))
}

/// One of several words.
pub(super) fn one_of<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        format!("expected {}", names.join(", "))
    })
}

/// An address to listen on, added to those that are set.
pub(super) fn add_address(addresses: &mut Option<Vec<SocketAddr>>, text: &str) -> Result<(), String> {
    let address = text
        .parse()
        .map_err(|_| "expected an address and a port, the address in numbers; [::] and 0.0.0.0 mean all")?;
    addresses.get_or_insert_default().push(address);
    Ok(())
}

/// The texts of a list.
pub(super) fn texts<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(T::to_string).collect()
}
