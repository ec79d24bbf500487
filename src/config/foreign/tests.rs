use super::line::COMMANDS;
use super::*;
use crate::config::command;

/// What is said of this command line.
fn told(line: &[&str]) -> String {
    let args: Vec<_> = [&["boardcam"], line].concat();
    let error = command().try_get_matches_from(&args).expect_err("was accepted");
    let args: Vec<_> = args.into_iter().map(Into::into).collect();
    on_line(&error, &args).map(|problem| problem.to_string()).unwrap_or_default()
}

#[test]
fn what_other_streamers_call_it_is_answered_with_our_name_and_the_same_value() {
    for (line, ours) in [
        (&["--port", "8090"][..], "write --listen '[::]:8090'"),
        (&["--port=8090"], "write --listen '[::]:8090'"),
        (&["-p", "8090"], "write --listen '[::]:8090'"),
        (&["-p8090"], "write --listen '[::]:8090'"),
        (&["--device", "/dev/video2"], "write --camera /dev/video2"),
        (&["--device", "2"], "write --camera /dev/video2"),
        (
            &["--netcam_url", "rtsp://cam/x"],
            "write --camera 'pipe:ffmpeg -v error -i rtsp://cam/x -f mjpeg -'",
        ),
        (&["--resolution=640x480"], "write --size 640x480"),
        (&["-r", "VGA"], "write --size VGA"),
        (&["--width", "800", "--height", "600"], "write --size 800x600"),
        (&["--width", "800"], "such as --size 640x480"),
        (&["--desired-fps", "15"], "write --fps 15"),
        (&["--allow-origin", "*"], "write for example --cors-origin http"),
        (&["--rotation", "180"], "write --rotate 180"),
        (&["--rotation", "-90"], "write for example --rotate 180"),
        (&["-rot", "90"], "write --rotate 90"),
        (&["--hflip"], "write --flip horizontal, or --flip both"),
        (&["-vf"], "write --flip vertical, or --flip both"),
        (&["--flip-vertical=1"], "write --flip vertical"),
        (&["--flip-horizontal", "0"], "leave it out"),
        (&["--flip_axis", "v"], "write --flip horizontal"),
        (&["--flip_axis", "none"], "write --flip none"),
        (&["--stream_quality", "70"], "write --quality 70"),
        (&["-s", "0.0.0.0"], "write --listen 0.0.0.0:8080"),
        (&["--device"], "write for example --camera /dev/video0"),
        (&["-c", "CPU"], "write --encoder software"),
        (&["-c", "/etc/motion.conf"], "write --config /etc/motion.conf"),
        (&["--camera_name", "Front door"], "write --title 'Front door'"),
        (
            &["-i", "input_uvc.so -d /dev/video1 -r 640x480 -f 15 -q 80"],
            "--camera /dev/video1 --size 640x480 --fps 15 --quality 80",
        ),
        (&["-o", "output_http.so -p 8090 -w ./www"], "write --listen '[::]:8090' instead"),
        (&["-o", "output_http.so -p 8090 -c anna:geheim"], "write --listen '[::]:8090' instead"),
        (&["-o", "output_http.so -l 127.0.0.1 -p 8090"], "write --listen 127.0.0.1:8090 instead"),
        (&["-o", "x"], "no plugins"),
        (&["-i", "input_file.so -f /tmp -n x.jpg"], "write for example --camera /dev/video0"),
        (&["-i", "0"], "leave it out"),
        (&["-p", "9200", "-s", "127.0.0.1"], "write --listen 127.0.0.1:9200"),
        (&["--port=9200", "--host=localhost"], "write --listen localhost:9200"),
        (&["/dev/video0"], "write --camera /dev/video0"),
        (&["rtsp://cam/x"], "write --camera 'pipe:ffmpeg -v error -i rtsp://cam/x -f mjpeg -'"),
    ] {
        assert!(told(line).contains(ours), "{line:?}: {}", told(line));
    }
    assert_eq!(told(&["--qualty"]), "");
    assert!(told(&["\u{2014}size", "640x480"]).contains("write --size"));
    for secret in [
        &["--passwd", "geheim"][..],
        &["--users", "anna:geheim"],
        &["-o", "output_http.so -p 8090 -c anna:geheim"],
        &["--netcam_userpass", "anna:geheim"],
        &["--database-password", "geheim"],
    ] {
        assert!(
            told(secret).contains("cannot use -") && !told(secret).contains("geheim"),
            "{}",
            told(secret)
        );
    }
}

#[test]
fn a_command_is_no_value_of_the_option_in_front_of_it() {
    for (line, begin) in [
        (&["--vflip", "check"][..], "cannot use --vflip: "),
        (&["-n", "check"], "cannot use -n: "),
        (&["--port", "check"], "cannot use --port: "),
        (&["--vflip", "1", "check"], "cannot use --vflip 1: "),
    ] {
        assert!(told(line).starts_with(begin) && !told(line).contains("--listen check"), "{}", told(line));
    }
    let ours: Vec<_> = command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    assert!(ours.iter().all(|name| COMMANDS.contains(&name.as_str())), "{ours:?}");
}

#[test]
fn words_that_are_no_command_are_answered_with_what_is() {
    for (line, advice) in [
        (&["serve"][..], "leave it out: without a command, boardcam serves"),
        (&["start"], "leave it out: without a command"),
        (&["--fps", "5", "run"], "leave it out: without a command"),
        (&["stop"], "sudo systemctl stop boardcam"),
        (&["list"], "write boardcam probe"),
        (&["photo"], "write boardcam snapshot -o picture.jpg"),
        (&["adduser"], "write boardcam hash-password NAME"),
        (&["--users"], "let boardcam hash-password NAME write"),
        (&["validate"], "write boardcam check"),
        (&["version"], "write boardcam --version"),
        (&["--verbose", "2", "check"], "leave it out: --verbose has no levels"),
        (&["snapshot", "my picture.jpg"], "write -o 'my picture.jpg'"),
    ] {
        assert!(told(line).contains(advice), "{line:?}: {}", told(line));
    }
}

#[test]
fn a_value_with_a_space_and_without_quotes_is_answered_with_quotes() {
    for (line, advice) in [
        (&["--title", "Front", "door"][..], "write --title 'Front door'"),
        (&["--title", "Anna's", "front", "door", "check"], "write --title 'Anna'\\''s front door'"),
        (
            &["--camera", "pipe:ffmpeg", "-i", "rtsp://a:b@cam/x", "-f", "mjpeg", "-", "--fps", "5"],
            "write --camera 'pipe:ffmpeg -i rtsp://***@cam/x -f mjpeg -'",
        ),
        (&["--camera", "rpicam:--rotation", "180"], "write --camera 'rpicam:--rotation 180'"),
        (&["--camera", "pipe:x", "--port", "80"], "write --listen '[::]:80'"),
    ] {
        assert!(told(line).contains(advice), "{line:?}: {}", told(line));
    }
}

/// From ustreamer(1), the help of mjpg_streamer and its plugins, and motion(1) with the options of its files.
const DOCUMENTED: [(&str, &str); 3] = [
    (
        "ustreamer",
        "-d --device -i -r --resolution -m -a --tv-standard -I --io-method -f --desired-fps -z \
         --min-frame-size -T --allow-truncated-frames -n --persistent -t --dv-timings -b --buffers -w \
         --workers -q -c -g --glitched-resolutions -k --blank -K --last-as-blank -l --slowdown \
         --device-timeout --device-error-delay --m2m-device --image-default --brightness --contrast \
         --saturation --hue --gamma --sharpness --backlight-compensation --white-balance --gain \
         --color-effect --flip-vertical --flip-horizontal -s -p --port -U --unix -D --unix-rm -M \
         --unix-mode -S --systemd --user --passwd -e -R --fake-resolution \
         --tcp-nodelay --allow-origin --instance-id --server-timeout --sink --sink-mode --sink-rm \
         --sink-client-ttl --sink-timeout --jpeg-sink --jpeg-sink-mode --raw-sink --h264-sink \
         --h264-sink-mode --h264-sink-rm --h264-sink-client-ttl --h264-sink-timeout --h264-bitrate --h264-gop \
         --h264-m2m-device --v4p --gpio-device --gpio-consumer-prefix --gpio-prog-running \
         --gpio-stream-online --gpio-has-http-clients --exit-on-parent-death --exit-on-no-clients \
         --process-name-prefix --notify-parent --log-level --perf --debug --force-log-colors --no-log-colors \
         --features",
    ),
    (
        "mjpg_streamer",
        "-i -o --output -b --background -d -r -f -q -m --minimum_size -e --every_frame -n \
         --no_dynctrl -l --led -t --tvnorm -u --uyvy -y --yuv -softfps -timestamp -rot -br -co -sh -sa \
         -ex -gain -bk -vf -cb -cagc -pl -w --www -p --port -c --credentials --nocommands -x -usestills \
         -preview -awb -drc",
    ),
    (
        "motion",
        "-b -n -s -c -d -k -p -l -m daemon setup_mode pid_file log_file log_level log_type native_language \
         quiet target_dir camera_name camera_id camera_dir video_device videodevice v4l2_device v4l2_palette \
         vid_control_params video_params norm frequency tunerdevice power_line_frequency \
         auto_brightness roundrobin_frames roundrobin_skip switchfilter netcam_url netcam_params \
         netcam_high_url netcam_userpass netcam_keepalive netcam_proxy netcam_tolerant_check netcam_use_tcp \
         mmalcam_name mmalcam_params libcam_device libcam_params width height framerate minimum_frame_time \
         flip_axis locate_motion_mode locate_motion_style text_left text_right text_changes text_scale \
         text_event emulate_motion pause threshold threshold_maximum threshold_tune noise_level noise_tune \
         despeckle_filter area_detect mask_file mask_privacy smart_mask_speed lightswitch_percent \
         lightswitch_frames minimum_motion_frames event_gap pre_capture post_capture on_event_start \
         on_event_end on_picture_save on_motion_detected on_area_detected on_movie_start on_movie_end \
         on_camera_lost on_camera_found picture_output picture_output_motion picture_type picture_quality \
         picture_exif picture_filename snapshot_interval snapshot_filename movie_output movie_output_motion \
         movie_max_time movie_bps movie_quality movie_codec movie_duplicate_frames movie_passthrough \
         movie_filename movie_extpipe_use movie_extpipe timelapse_interval timelapse_mode timelapse_fps \
         timelapse_codec timelapse_filename video_pipe video_pipe_motion webcontrol_port webcontrol_ipv6 \
         webcontrol_localhost webcontrol_parms webcontrol_interface webcontrol_auth_method \
         webcontrol_authentication webcontrol_tls webcontrol_cert webcontrol_key webcontrol_cors_header \
         stream_port stream_localhost stream_auth_method stream_authentication stream_tls stream_cors_header \
         stream_preview_scale stream_preview_newline stream_preview_method stream_quality stream_grey \
         stream_motion stream_maxrate stream_limit database_type database_dbname database_host database_port \
         database_user database_password sql_log_picture sql_query track_type ffmpeg_output_movies \
         ffmpeg_video_codec output_pictures webcam_port webcam_localhost control_port process_id_file \
         max_movie_time use_extpipe extpipe",
    ),
];

#[test]
fn every_documented_option_of_other_streamers_gets_an_answer_on_the_line_and_in_the_file() {
    for (program, options) in DOCUMENTED {
        for option in options.split_whitespace() {
            let dashed = if option.starts_with('-') { option.to_owned() } else { format!("--{option}") };
            for line in [&[dashed.as_str(), "1"][..], &[dashed.as_str()]] {
                let told = told(line);
                let answers = ["; write ", "; leave it out", "; set it ", "; let ", "; there are no plugins"];
                assert!(
                    answers.iter().any(|answer| told.contains(answer)) || told.contains("write both"),
                    "{line:?}: {told:?}"
                );
                assert!(told.starts_with(&format!("cannot use {dashed}")), "{program} {line:?}: {told}");
            }
            let name = option.trim_start_matches('-');
            if name.len() > 1 {
                let advice =
                    in_file(name, Some("1"), Place::File).unwrap_or_else(|| panic!("{program} {name}"));
                assert!(
                    !advice.to_string().contains(" --") || advice.to_string().contains("v4l2-ctl"),
                    "{name}: {advice}"
                );
            }
        }
    }
}
