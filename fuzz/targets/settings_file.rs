//! Whatever the settings file contains, a mistake is reported on one line that names a line of the file, and
//! settings that were accepted say the same when they are printed and read again.
#![no_main]

use boardcam::config::from_text;
use libfuzzer_sys::fuzz_target;

/// Mistakes of the file as a whole, which have no line.
const OF_THE_WHOLE: [&str; 6] = [
    "cannot serve ",
    "cannot record: ",
    "cannot name the cameras: ",
    "cannot use these titles: ",
    "cannot use one ",
    "cannot take the pictures ",
];

fuzz_target!(|text: &str| {
    let settings = match from_text("FILE", text) {
        Ok(settings) => settings,
        Err(problem) => {
            let told = problem.to_string();
            assert!(!told.contains(char::is_control), "{told:?}");
            if !OF_THE_WHOLE.iter().any(|start| told.starts_with(start)) {
                let rest = told.strip_prefix("cannot use line ").expect(&told);
                let (line, _) = rest.split_once(" of the settings file FILE: ").expect(&told);
                let line: usize = line.parse().expect("a number");
                // Lines of old Macs end with a lone CR.
                let ends = text.replace("\r\n", "\n").matches(['\n', '\r']).count();
                assert!((1..=ends + 1).contains(&line), "{told}");
            }
            return;
        }
    };
    // What was left to its default is said in words by the print, so only the second reading is the same.
    let printed = settings.to_string();
    let again = from_text("PRINT", &printed).unwrap_or_else(|problem| panic!("{problem}\n{printed}"));
    assert_eq!(again.to_string(), printed);
    assert_eq!(from_text("PRINT", &again.to_string()), Ok(again));
});
