//! Secrets that nobody can guess: keys, sessions, tokens.

use crate::problem::Problem;

/// 128 random bits as 32 hexadecimal digits.
///
/// # Errors
/// When the system has no random numbers.
pub fn secret() -> Result<String, Problem> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Problem::new("cannot make a key", error.to_string(), "is /dev/urandom there?"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
