//! Who is told what happens.

use super::{Opt, Target};

pub(super) static OPTIONS: &[Opt] = &[
    Opt {
        name: "notify",
        value: "URL",
        secret: true,
        help: "URL that gets a POST of JSON, with a picture, when something moves, and when a camera is lost and comes back",
        example: "https://homeassistant.local:8123/api/webhook/boardcam",
        wrong: &["ntfy.sh/topic", "ftp://host/", "http://"],
        target: Target::Program {
            set: |settings, text| {
                settings.notify.hook = Some(text.parse()?);
                Ok(())
            },
            get: |settings| settings.notify.hook.iter().map(ToString::to_string).collect(),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "mqtt",
        value: "URL",
        secret: true,
        help: "MQTT broker that is told what the cameras do, and may switch recording and privacy: mqtt:// or mqtts:// (TLS), user and \
               password if it asks for them, host, port, and with what its topics begin. Home Assistant shows the cameras by itself",
        example: "mqtt://anna:PASSWORD@broker.local:1883/boardcam",
        wrong: &["broker.local", "http://broker.local/", "mqtt://"],
        target: Target::Program {
            set: |settings, text| {
                settings.notify.mqtt = Some(text.parse()?);
                Ok(())
            },
            get: |settings| settings.notify.mqtt.iter().map(ToString::to_string).collect(),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "notify-command",
        value: "COMMAND",
        secret: true,
        help: "Program that is run at the same events, with its arguments and without a shell; the environment says what \
               happened (BOARDCAM_EVENT and others), and standard input is the picture",
        example: "/usr/local/bin/tell --all",
        wrong: &["", "tell 'it"],
        target: Target::Program {
            set: |settings, text| {
                settings.notify.command = Some(text.parse()?);
                Ok(())
            },
            get: |settings| settings.notify.command.iter().map(ToString::to_string).collect(),
        },
        ..Opt::EMPTY
    },
];
