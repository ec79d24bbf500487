//! The names of other streamers, from their documentation.

use super::Ours::{self, Option as Opt, Secret, Words};
use super::words;
use crate::config::settings::DEFAULT_PORT;
use crate::gate::every_address;

/// Their names, with spaces between, without dashes in front and with - for _, and ours. A * at the end stands for any
/// rest, unless another row has the whole name.
static NAMES: &[(&str, Ours)] = &[
    (
        "device d dev input-device video-device videodevice v4l2-device camera-path netcam-url \
         netcam-high-url libcam-device libcam-name mmalcam-name",
        Opt("camera", as_it_is),
    ),
    ("resolution r geometry video-size res", Opt("size", as_it_is)),
    ("width height camera-width camera-height snapshot-width snapshot-height x", Words(words::both_sides)),
    (
        "desired-fps f framerate frame-rate max-fps rate camera-fps stream-maxrate webcam-maxrate",
        Opt("fps", as_it_is),
    ),
    ("m pixel-format pixelformat input-format camera-format v4l2-palette palette", Opt("format", as_it_is)),
    ("y yuv", Words(words::yuyv)),
    ("q jpeg-quality stream-quality picture-quality webcam-quality", Opt("quality", as_it_is)),
    (
        "port p http-port stream-port webcam-port webcontrol-port control-port listen-port",
        Opt("listen", port),
    ),
    ("s bind address addr ip listen-address http-listen server", Opt("listen", address)),
    ("stream-localhost webcontrol-localhost webcam-localhost control-localhost", Words(words::localhost)),
    ("allow-origin cors stream-cors-header webcontrol-cors-header", Opt("cors-origin", as_it_is)),
    (
        "ssl https cert certificate key ssl-cert ssl-key webcontrol-tls webcontrol-cert webcontrol-key \
         stream-tls",
        Words(words::certificate),
    ),
    (
        "user users passwd password username credentials auth stream-auth-method http-user \
         stream-authentication webcontrol-authentication webcontrol-auth-method control-authentication \
         http-password",
        Secret(words::passwords),
    ),
    ("rotation rot camera-rotation", Opt("rotate", as_it_is)),
    ("hflip hf flip-horizontal camera-hflip mirror", Words(words::mirror)),
    ("vflip vf flip-vertical camera-vflip", Words(words::upside_down)),
    ("flip-axis", Opt("flip", over_axis)),
    (
        "brightness contrast saturation hue gamma sharpness gain white-balance exposure color-effect \
         backlight-compensation image-default video-params vid-control-params v4l2-params v4l2ctl \
         power-line-frequency led camera-options dv-timings norm t a auto-brightness \
         frequency tunerdevice tuner-device br co sh sa hu ex bk cb cagc pl awb ev iso libcam-params \
         mmalcam-* drc ifx cfx mm vs",
        Words(words::controls),
    ),
    ("tv-standard tvnorm", Opt("standard", as_it_is)),
    ("i o output", Secret(words::plugin)),
    ("c", Words(words::config_or_encoder)),
    ("conf config-file", Opt("config", as_it_is)),
    ("hostname server-name", Opt("name", as_it_is)),
    ("camera-name device-name", Opt("title", as_it_is)),
    ("max-clients max-streams stream-limit webcam-limit", Opt("max-connections", as_it_is)),
    ("target-dir record-dir output-dir recordings", Opt("record-folder", as_it_is)),
    ("snapshot-interval timelapse-interval minimum-frame-time", Opt("record-every", as_it_is)),
    ("movie-max-time max-movie-time", Opt("record-segment", as_it_is)),
    (
        "b daemon daemonize background fork setup-mode pid-file process-id-file systemd S notify-parent \
         exit-on-parent-death",
        Words(words::service),
    ),
    ("log-level debug perf log-type", Words(words::verbose)),
    ("l log-file logfile", Words(words::log_file)),
    ("unix u U D M unix-*", Words(words::unix)),
    ("sink sink-* jpeg-sink jpeg-sink-* raw-sink raw-sink-* h264-* v4p v4p-*", Words(words::sinks)),
    ("gpio-*", Words(words::pins)),
    (
        "on-* database-* sql-* track-* ptz-* mask-privacy extpipe use-extpipe video-pipe* webcontrol-actions",
        Secret(words::programs),
    ),
    ("movie-* ffmpeg-* timelapse-* output-pictures output-debug-pictures", Words(words::movies)),
    ("text-* timestamp overlay locate-motion-*", Words(words::picture_text)),
    (
        "threshold threshold-* noise-level noise-tune picture-output picture-output-motion \
         minimum-motion-frames event-gap pre-capture post-capture emulate-motion mask-file despeckle-filter \
         area-detect smart-mask-speed lightswitch* static-object-time secondary-* switchfilter pause \
         stream-motion",
        Words(words::motion),
    ),
    (
        "buffers workers tcp-nodelay persistent n slowdown io-method I www w last-as-blank K \
         nocommands no-dynctrl min-frame-size z minimum-size device-timeout device-error-delay \
         device-tmo watchdog-* process-name-prefix format-swap-rgb blank k fake-resolution R every-frame e \
         http-maxports no-log-colors force-log-colors custom-flags mode stop-on-no-clients exit-on-no-clients \
         no-proxy camera-type server-timeout m2m-device glitched-resolutions g allow-truncated-frames T \
         instance-id features native-language camera-id device-id camera-dir config-dir roundrobin-* quiet \
         softfps timeout-* picture-* snapshot-* stream-* webcontrol-* usestills preview stats uyvy wait \
         low-cpu thread",
        Words(words::needless),
    ),
    ("netcam-*", Secret(words::needless)),
];

fn as_it_is(value: &str) -> String {
    value.to_owned()
}

fn port(port: &str) -> String {
    port.parse().map_or_else(|_| port.to_owned(), |port| every_address(port).to_string())
}

/// motion names the axis over which the picture is flipped: over the vertical one, left and right change places.
fn over_axis(axis: &str) -> String {
    let flip = match axis.to_ascii_lowercase().as_str() {
        "v" | "vertical" => "horizontal",
        "h" | "horizontal" => "vertical",
        _ => axis,
    };
    flip.to_owned()
}

/// An address without a port is to have the usual one.
fn address(value: &str) -> String {
    let bare =
        value.parse::<std::net::IpAddr>().map(|ip| std::net::SocketAddr::new(ip, DEFAULT_PORT).to_string());
    match bare {
        Ok(both) => both,
        Err(_) if value.contains(':') => value.to_owned(),
        Err(_) => format!("{value}:{DEFAULT_PORT}"),
    }
}

/// What stands here for this name of another streamer's.
pub(super) fn find(name: &str) -> Option<&'static Ours> {
    let name = name.replace('_', "-");
    let begins = |theirs: &str| theirs.strip_suffix('*').is_some_and(|family| name.starts_with(family));
    let row =
        |fits: &dyn Fn(&str) -> bool| NAMES.iter().find(|(theirs, _)| theirs.split_whitespace().any(fits));
    row(&|theirs| theirs == name).or_else(|| row(&begins)).map(|(_, ours)| ours)
}

#[cfg(test)]
mod tests {
    use super::super::ours;
    use super::*;

    #[test]
    fn no_name_of_another_streamer_is_one_of_ours_and_each_of_ours_exists() {
        let mut seen = std::collections::HashSet::new();
        for (theirs, option) in NAMES {
            for name in theirs.split_whitespace() {
                assert!(seen.insert(name) && ours(name).is_none(), "{name}");
            }
            if let Opt(name, _) = option {
                assert!(*name == "config" || ours(name).is_some(), "{name}");
            }
        }
    }
}
