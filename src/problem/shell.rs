//! Command lines in messages: whoever copies one into a terminal gets what the message means.

/// `word` as a shell takes it for one word, in single quotes if it needs them. zsh looks for files with `[` and `*`, so
/// that addresses such as `[::]:8090` need them too.
pub fn shell_quoted(word: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&b);
    if !word.is_empty() && word.bytes().all(is_plain) && !word.starts_with('=') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_takes_it_for_one_word() {
        for word in ["Front door", "it's", "[::]:8090", "*", "", "a\\b", "$HOME `x`; #", "=ls", "a\"b\nc"] {
            let quoted = shell_quoted(word);
            let shell = Command::new("sh").args(["-c", &format!("printf %s {quoted}")]).output().unwrap();
            assert_eq!(String::from_utf8(shell.stdout).unwrap(), word);
            assert!(quoted.starts_with('\''), "zsh would change {quoted}");
        }
        for plain in ["/dev/video0", "640x480", "--size", "a=/dev/video0", "10.0.0.0/8"] {
            assert_eq!(shell_quoted(plain), plain);
        }
    }
}
