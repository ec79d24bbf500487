//! The man pages in board/man and the shell completions in board/completions are the ones that the option table makes.
//!
//!     UPDATE_MANUAL=1 cargo test --test manual      # writes them

use std::fs;
use std::path::Path;

use boardcam::config::command;
use boardcam::config::options::{self, GROUPS, Kind, Opt, Target};
use clap_complete::{Shell, generate};

/// The command in capitals and its sections, as man(7) wants them.
const SOURCE: &str = "boardcam";

fn check(path: &str, made: &[u8]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_MANUAL").is_some() {
        fs::write(&file, made).unwrap();
    }
    let kept = fs::read(&file).unwrap_or_default();
    assert!(kept == made, "{path} is out of date: UPDATE_MANUAL=1 cargo test --test manual");
}

#[test]
fn the_man_page_of_the_command_is_up_to_date() {
    // Without the version, which would change it at each release.
    let command = command().version("").disable_version_flag(true);
    let mut page = Vec::new();
    clap_mangen::Man::new(command).source(SOURCE).date("").render(&mut page).unwrap();
    let mut page = String::from_utf8(page).unwrap();
    page += ".SH \"SEE ALSO\"\n\\fBboardcam.toml\\fR(5)\n";
    check("board/man/boardcam.1", page.as_bytes());
}

/// Text as roff shows it: no line begins a request, and `-` and `\` stay what they are.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

fn option(page: &mut String, opt: &Opt) {
    let example = match opt.kind {
        Kind::Text => format!("\"{}\"", opt.example),
        Kind::Number | Kind::Flag => opt.example.to_owned(),
    };
    *page += &format!(".TP\n\\fB{}\\fR = {}\n{}.\n", roff(opt.name), roff(&example), roff(opt.help));
    if opt.many {
        *page += "It may be a list: [\\fI...\\fR, \\fI...\\fR].\n";
    }
    if opt.kind != Kind::Flag {
        *page += &format!("Default: {}.\n", roff(&opt.default_text()));
    }
}

#[test]
fn the_man_page_of_the_settings_file_is_up_to_date() {
    let mut page = format!(
        ".TH boardcam.toml 5 \"\" {SOURCE}\n.SH NAME\nboardcam.toml \\- settings of boardcam\n.SH DESCRIPTION\n\
         The file that \\fBboardcam \\-\\-config\\fR reads; services read \\fI/etc/boardcam.toml\\fR. It is TOML, in UTF\\-8 \
         or as Windows' Notepad saves it. Options of the command line take precedence over it. An unknown name is an \
         error. \\fBboardcam \\-\\-config FILE check\\fR prints what applies.\n"
    );
    for (heading, options) in GROUPS {
        page += &format!(".SH \"{}\"\n", heading.to_uppercase());
        options
            .iter()
            .filter(|opt| !matches!(opt.target, Target::Source))
            .for_each(|opt| option(&mut page, opt));
    }
    let camera: Vec<_> = options::all()
        .filter(|opt| matches!(opt.target, Target::Camera { .. }))
        .map(|opt| format!("\\fB{}\\fR", roff(opt.name)))
        .collect();
    page += &format!(
        ".SH \"TABLES\"\n.TP\n\\fB[[camera]]\\fR\nOne for each camera, with \\fBname\\fR (for URLs), \\fBsource\\fR (as \
         \\fB\\-\\-camera\\fR takes it), and its own {}.\n\
         .TP\n\\fB[[user]]\\fR\nOne for each user, as \\fBboardcam hash\\-password NAME\\fR prints it: \\fBname\\fR, \
         \\fBrole\\fR (watch or control), \\fBpassword\\fR (its hash).\n\
         .TP\n\\fB[wifi]\\fR\nOn a card that starts nothing but boardcam: \\fBname\\fR, \\fBkey\\fR and \\fBcountry\\fR of \
         the wireless network.\n",
        camera.join(", ")
    );
    page += ".SH EXAMPLE\n.nf\nsize = \"1280x720\"\nquality = 85\n\n[[camera]]\nname = \"door\"\n\
             source = \"/dev/v4l/by\\-id/usb\\-046d_HD_Pro_Webcam_C920\\-video\\-index0\"\nfps = 15\n.fi\n\
             .SH \"SEE ALSO\"\n\\fBboardcam\\fR(1)\n";
    check("board/man/boardcam.toml.5", page.as_bytes());
}

#[test]
fn completions_are_up_to_date() {
    for (shell, file) in
        [(Shell::Bash, "boardcam.bash"), (Shell::Zsh, "_boardcam"), (Shell::Fish, "boardcam.fish")]
    {
        let mut script = Vec::new();
        generate(shell, &mut command(), "boardcam", &mut script);
        check(&format!("board/completions/{file}"), &script);
    }
}
