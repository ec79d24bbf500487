//! The wireless network of a board whose only service is boardcam. The program itself joins no network:
//! `board/card/root/etc/network` calls `boardcam wifi`, which prints the settings for wpa_supplicant.

use std::fmt;

use super::toml_text::quoted;

use crate::problem::{Text, text};

/// The longest name of a network, in bytes (IEEE 802.11, element SSID).
const SSID_MAX: usize = 32;

/// The length of a passphrase, in ASCII characters (IEEE 802.11, annex J.4).
const PASSPHRASE: std::ops::RangeInclusive<usize> = 8..=63;

/// The length of a key that is not a passphrase: 256 bits in hexadecimal digits.
const PSK_DIGITS: usize = 64;

/// Which network to join, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wifi {
    name: String,
    key: Option<String>,
    country: Option<String>,
}

/// The keys of the table `[wifi]`.
#[derive(Debug, Default)]
pub(super) struct WifiValues {
    name: Option<String>,
    key: Option<String>,
    country: Option<String>,
}

impl WifiValues {
    pub(super) const KEYS: [&str; 3] = ["name", "key", "country"];

    /// Sets one key of the table, or says what was expected. No message contains the network's key.
    pub(super) fn apply(&mut self, key: &str, text: &str) -> Result<(), Text> {
        match key {
            "name" => self.name = Some(ssid(text)?),
            "key" => self.key = Some(passphrase(text)?),
            _ => self.country = Some(country(text)?),
        }
        Ok(())
    }

    /// The whole table, or what is missing.
    pub(super) fn finish(self) -> Result<Wifi, Text> {
        let name = self.name.ok_or_else(|| text!("the name of the network is missing"))?;
        Ok(Wifi { name, key: self.key, country: self.country })
    }
}

fn ssid(text: &str) -> Result<String, Text> {
    if !(1..=SSID_MAX).contains(&text.len()) {
        return Err(text!("expected a name of 1 to {} bytes", SSID_MAX));
    }
    Ok(text.to_owned())
}

fn passphrase(text: &str) -> Result<String, Text> {
    let is_psk = text.len() == PSK_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit());
    let printable = text.bytes().all(|b| (0x20..0x7f).contains(&b));
    if !(is_psk || printable && PASSPHRASE.contains(&text.len())) {
        return Err(text!(
            "expected {} to {} characters without accents, or {} hexadecimal digits; a network without a key has no \
             key line",
            *PASSPHRASE.start(),
            *PASSPHRASE.end(),
            PSK_DIGITS
        ));
    }
    Ok(text.to_owned())
}

fn country(text: &str) -> Result<String, Text> {
    if text.len() != 2 || !text.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Err(text!("expected a country of two letters (ISO 3166), such as DE"));
    }
    Ok(text.to_ascii_uppercase())
}

/// Writes the table of the settings file.
impl fmt::Display for Wifi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys =
            WifiValues::KEYS.into_iter().zip([Some(&self.name), self.key.as_ref(), self.country.as_ref()]);
        writeln!(f, "\n[wifi]")?;
        for (key, text) in keys {
            match text {
                Some(text) => writeln!(f, "{key} = {}", quoted(text))?,
                None => continue,
            }
        }
        Ok(())
    }
}

impl Wifi {
    /// The configuration for wpa_supplicant (wpa_supplicant.conf(5)). No character of the name or the passphrase has a
    /// special meaning: the name is in hexadecimal, and a quoted passphrase ends at the last quote of its line.
    pub fn for_supplicant(&self) -> String {
        let ssid: String = self.name.bytes().map(|b| format!("{b:02x}")).collect();
        let country = self.country.iter().map(|country| format!("country={country}\n")).collect::<String>();
        let key = match &self.key {
            None => "\tkey_mgmt=NONE\n".to_owned(),
            Some(psk) if psk.len() == PSK_DIGITS => {
                format!("\tkey_mgmt=WPA-PSK WPA-PSK-SHA256\n\tpsk={psk}\n")
            }
            // SAE is WPA3, which needs a passphrase.
            Some(passphrase) => {
                format!("\tkey_mgmt=WPA-PSK WPA-PSK-SHA256 SAE\n\tieee80211w=1\n\tpsk=\"{passphrase}\"\n")
            }
        };
        // Hidden networks answer only to a scan for their name.
        format!("{country}network={{\n\tssid={ssid}\n\tscan_ssid=1\n{key}}}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::super::from_text;

    fn wifi(text: &str) -> Result<String, String> {
        match from_text("FILE", text) {
            Ok(settings) => Ok(settings.wifi.map(|wifi| wifi.for_supplicant()).unwrap_or_default()),
            Err(problem) => Err(problem.to_string()),
        }
    }

    #[test]
    fn a_network_with_a_key_without_one_and_with_a_hashed_one() {
        assert_eq!(
            wifi("wifi.name = 'Zoë \"1\"'\nwifi.key = 'a\" b\\c#d}'\nwifi.country = 'de'").unwrap(),
            "country=DE\nnetwork={\n\tssid=5a6fc3ab20223122\n\tscan_ssid=1\n\
             \tkey_mgmt=WPA-PSK WPA-PSK-SHA256 SAE\n\tieee80211w=1\n\tpsk=\"a\" b\\c#d}\"\n}\n"
        );
        assert!(wifi("[wifi]\nname = 'open'").unwrap().contains("key_mgmt=NONE"));
        let psk = "0123456789abcdefABCDEF".repeat(3)[..64].to_owned();
        assert!(
            wifi(&format!("[wifi]\nname = 'x'\nkey = '{psk}'")).unwrap().contains(&format!("\tpsk={psk}\n"))
        );
        assert_eq!(wifi("").unwrap(), "");
    }

    #[test]
    fn names_and_keys_outside_their_bounds_are_reported_with_their_line_but_without_the_key() {
        let name = |text: &str| wifi(&format!("wifi.name = '{text}'"));
        assert!(name(&"x".repeat(32)).is_ok());
        assert!(name(&"x".repeat(33)).unwrap_err().contains("1 to 32 bytes"));
        assert!(name(&"ß".repeat(17)).is_err());
        assert!(name("").is_err());
        let key = |text: &str| wifi(&format!("[wifi]\nname = 'x'\nkey = \"{text}\""));
        assert!(key(&"k".repeat(8)).is_ok() && key(&"k".repeat(63)).is_ok());
        for bad in ["", "short77", &"k".repeat(64), &"0".repeat(65), "with\\nline feed", "passwört"] {
            let problem = key(bad).unwrap_err();
            assert!(problem.contains("line 3") && problem.contains("8 to 63"), "{problem}");
            assert!(bad.is_empty() || !problem.contains(bad), "{problem}");
        }
        assert!(wifi("[wifi]\nkey = 'long enough'").unwrap_err().contains("line 1"));
        assert!(wifi("[wifi]\nname = 'x'\ncountry = 'Germany'").unwrap_err().contains("two letters"));
        assert!(wifi("[wifi]\nname = 'x'\ncontry = 'de'").unwrap_err().contains("did you mean country?"));
        assert!(wifi("wifi = 'x'").unwrap_err().contains("line 1"));
        assert!(wifi("[wifi]\nname = 7").unwrap_err().contains("a text in quotes"));
    }

    #[test]
    fn what_check_prints_of_it_is_read_again() {
        let settings = from_text("FILE", "wifi.name = 'a \"b\" \u{301}'\nwifi.key = '12345678'").unwrap();
        assert!(settings.wifi.is_some());
        assert_eq!(from_text("FILE", &settings.to_string()).unwrap().wifi, settings.wifi);
    }
}
