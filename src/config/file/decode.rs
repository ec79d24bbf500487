//! The characters of a settings file, whatever saved it: UTF-8, UTF-16 as Windows' Notepad saves "Unicode", or the code
//! page of a Windows that knew nothing else.

/// Windows-1252, 80 to 9F hexadecimal; what is undefined there stays a control character. The rest is Latin-1.
const WESTERN: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', //
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Windows-1251, 80 to BF hexadecimal. The alphabet from А to я follows.
const CYRILLIC: [char; 64] = [
    'Ђ', 'Ѓ', '‚', 'ѓ', '„', '…', '†', '‡', '€', '‰', 'Љ', '‹', 'Њ', 'Ќ', 'Ћ', 'Џ', //
    'ђ', '‘', '’', '“', '”', '•', '–', '—', '\u{98}', '™', 'љ', '›', 'њ', 'ќ', 'ћ', 'џ', //
    '\u{a0}', 'Ў', 'ў', 'Ј', '¤', 'Ґ', '¦', '§', 'Ё', '©', 'Є', '«', '¬', '\u{ad}', '®', 'Ї', //
    '°', '±', 'І', 'і', 'ґ', 'µ', '¶', '·', 'ё', '№', 'є', '»', 'ј', 'Ѕ', 'ѕ', 'ї',
];

/// The text of these bytes; `None` if they are no text.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, []) = bytes.as_chunks::<2>() else { return None };
        char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<_, _>>().ok()
    };
    match bytes {
        [0xff, 0xfe, text @ ..] => utf16(text, u16::from_le_bytes),
        [0xfe, 0xff, text @ ..] => utf16(text, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, text @ ..] | text => match str::from_utf8(text) {
            Ok(text) => Some(text.to_owned()),
            Err(_) if text.contains(&0) => None,
            Err(_) => Some(text.iter().map(|byte| of_code_page(*byte, is_cyrillic(text))).collect()),
        },
    }
}

fn of_code_page(byte: u8, cyrillic: bool) -> char {
    let above = usize::from(byte).checked_sub(0x80);
    match above {
        None => char::from(byte),
        Some(above) if cyrillic => {
            let letter = || char::from_u32(u32::from('А') + u32::from(byte - 0xc0)).unwrap_or_default();
            CYRILLIC.get(above).copied().unwrap_or_else(letter)
        }
        Some(above) => WESTERN.get(above).copied().unwrap_or_else(|| char::from(byte)),
    }
}

/// Whether these letters are Russian rather than German or French: there, words have few letters with accents among
/// ASCII ones; here, a word has no others.
fn is_cyrillic(text: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte >= 0xc0;
    let words = text.split(|byte| !is_letter(byte)).filter(|word| word.iter().any(|byte| !byte.is_ascii()));
    let (foreign, all) = words.fold((0, 0), |(foreign, all), word| {
        (foreign + word.iter().filter(|byte| !byte.is_ascii()).count(), all + word.len())
    });
    foreign * 2 > all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_windows_saved_with_a_code_page_is_read() {
        for (bytes, text) in [
            (&b"# Kamera f\xfcr die K\xfcche"[..], "# Kamera für die Küche"),
            (b"n = \x93Caf\xe9\x94 \x80", "n = “Café” €"),
            (
                b"# \xca\xe0\xec\xe5\xf0\xe0 \xed\xe0 \xea\xf3\xf5\xed\xe5, boardcam",
                "# Камера на кухне, boardcam",
            ),
            (b"name = \"\xc4\xee\xec \xb8\"", "name = \"Дом ё\""),
            (b"a\xa0= 1", "a\u{a0}= 1"),
        ] {
            assert_eq!(decode(bytes).as_deref(), Some(text));
        }
        assert_eq!(decode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff"), None);
        assert_eq!(decode(b"\xff\xfea"), None);
    }
}
