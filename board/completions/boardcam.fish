# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_boardcam_global_optspecs
    string join \n camera= title= size= fps= steady-fps format= quality= rotate= flip= control= encoder= input= standard= edid= bad-frames= timeout= on-demand= drop-same-frames listen= tls= tls-listen= name= host= cors-origin= trusted-proxy= max-connections= record-folder= record= record-every= record-segment= record-max-size= record-min-free= record-max-age= log= log-format= v/verbose config= appliance h/help V/version
end

function __fish_boardcam_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_boardcam_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_boardcam_using_subcommand
    set -l cmd (__fish_boardcam_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c boardcam -n "__fish_boardcam_needs_command" -l camera -d 'Where pictures come from: auto (the first camera that delivers), a device such as /dev/video0, rpicam[:OPTIONS] (a Raspberry Pi camera module), pipe:COMMAND or - (JPEGs, one after the other, from a command or from standard input), or pattern (a moving test picture) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l title -d 'What people call the camera, in any language, for the page and /state; URLs, files and metrics have its name [default: the camera\'s name]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l size -d 'Picture size to ask the camera for, also by a name such as VGA or 720p; it may give the nearest one that it has [default: chosen, up to 1280x720]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l fps -d 'Frames per second to ask the camera for [default: the highest up to 30]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l format -d 'What to ask the camera for: mjpeg (its own JPEGs), raw pixels such as yuyv or nv12, or auto (mjpeg if it has that, otherwise the pixels that cost least) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l quality -d 'JPEG quality of frames that are encoded here; if it is set, a camera that makes JPEGs is set to it, or its JPEGs are brought down to it [default: 85, or what a camera that makes JPEGs chooses]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l rotate -d 'Turns the picture clockwise by 90, 180 or 270 degrees, without a loss where the camera makes the JPEGs [default: 0]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l flip -d 'Mirrors the picture after it was turned: h or horizontal (left and right change places), v or vertical (top and bottom), both, or none [default: none]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l control -d 'Sets one of the camera\'s own controls whenever it is opened, as v4l2-ctl names it; also several, with commas between them [default: none]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l encoder -d 'Who makes the JPEGs: passthrough (the camera), hardware (the board\'s encoder, of raw pixels), software (this program), or auto [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l input -d 'The input of a capture card, by its number, its name or a part of it; boardcam probe lists them [default: the one that is chosen already]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l standard -d 'The television standard of an analogue input: pal, ntsc, secam, one of them with its letter such as pal-m, or auto (the one that the signal has) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l edid -d 'File with the EDID that an HDMI input shows to its source, which tells the source what it may send [default: the one that is set already]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l bad-frames -d 'Unusable frames in a row that are tolerated before the camera is reopened [default: 10]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l timeout -d 'How long a camera or command may deliver nothing before it is reopened; for stills that come once in some minutes [default: learned from the camera\'s own rate]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l on-demand -d 'Close the camera, so that its light goes out, this long after the last viewer, recording and snapshot, and open it again for the next one [default: the camera stays open]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l listen -d 'Address and port to serve on, or a port alone; [::] is every address of this machine, including IPv4. unix:/path is a socket in the file system for a proxy on this machine, with ,mode=660 and ,owner=USER:GROUP behind it [default: [::]:8080]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l tls -d 'Serve HTTPS with a certificate that boardcam makes and renews (auto), or with your own (CERT.pem,KEY.pem, read again when they change). Plain HTTP then redirects to it, except for /healthz and for programs on this machine that call it localhost or 127.0.0.1 [default: off]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l tls-listen -d 'Address and port to serve HTTPS on, or a port alone [default: [::]:8443]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l name -d 'Name of this board on the network: it is found at http://NAME.local (mDNS). A second board with the same name is NAME-2; none announces nothing [default: boardcam]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l host -d 'A further name by which clients may call this server, such as a name in public DNS [default: addresses, names without a dot, and this machine\'s name on home networks]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l cors-origin -d 'Another web page that may show the page in a frame, and whose scripts may read streams, snapshots and state (Mainsail, Fluidd) [default: none]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l trusted-proxy -d 'A proxy in front of this server whose X-Forwarded-For is believed [default: none]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l max-connections -d 'Connections served at once; fewer if the system allows fewer open files [default: 1024]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l record-folder -d 'Where recordings go; the folder must exist. On a disk of its own, name a folder on it rather than its mount point [default: none, nothing can be recorded]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l record -d 'When to record: off (only when it is switched on, on the page or by the API), always, or between two times of the board\'s time zone, such as 08:00-18:00 [default: off]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l record-every -d 'For a time-lapse, record one frame every this many seconds; it plays at 25 frames a second [default: every frame]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l record-segment -d 'How long a recorded file plays before the next one begins [default: 300]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l record-max-size -d 'Megabytes (or with a unit, such as 8GB) that all recordings together may take; the oldest are deleted first [default: as much as the disk holds]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l record-min-free -d 'Megabytes of the disk that recordings leave free; the oldest are deleted first [default: 256]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l record-max-age -d 'Days that recordings are kept [default: no limit]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l log -d 'Where log lines go: stderr, syslog, or auto (syslog if stderr leads nowhere) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l log-format -d 'What log lines look like: text, or json (for machines, one object a line) [default: text]' -r
complete -c boardcam -n "__fish_boardcam_needs_command" -l config -d 'Settings file; the command line takes precedence over it' -r -F
complete -c boardcam -n "__fish_boardcam_needs_command" -l steady-fps -d 'Forbids the camera to deliver fewer frames in little light, where it would expose each longer; pictures are darker then'
complete -c boardcam -n "__fish_boardcam_needs_command" -l drop-same-frames -d 'Leave out frames that are the same as the one before, byte for byte, down to one a second: a computer\'s screen on a capture card, or a still picture'
complete -c boardcam -n "__fish_boardcam_needs_command" -s v -l verbose -d 'Log more: a line every 30 frames, and each request'
complete -c boardcam -n "__fish_boardcam_needs_command" -l appliance -d 'For a board whose only service this is: port 80 unless another is set, and the defaults if the settings file has a mistake. Log, page and card then say which line is wrong; users, HTTPS, names and Wi-Fi of the file stay in force'
complete -c boardcam -n "__fish_boardcam_needs_command" -s h -l help -d 'Print help'
complete -c boardcam -n "__fish_boardcam_needs_command" -s V -l version -d 'Print version'
complete -c boardcam -n "__fish_boardcam_needs_command" -f -a "probe" -d 'List every camera, what it offers, and whether it can be used'
complete -c boardcam -n "__fish_boardcam_needs_command" -f -a "snapshot" -d 'Take one picture and exit'
complete -c boardcam -n "__fish_boardcam_needs_command" -f -a "check" -d 'Check the settings and print them'
complete -c boardcam -n "__fish_boardcam_needs_command" -f -a "hash-password" -d 'Ask for a password and print the user\'s table for the settings file'
complete -c boardcam -n "__fish_boardcam_needs_command" -f -a "wifi" -d 'Print the wireless network of the settings for wpa_supplicant'
complete -c boardcam -n "__fish_boardcam_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l camera -d 'Where pictures come from: auto (the first camera that delivers), a device such as /dev/video0, rpicam[:OPTIONS] (a Raspberry Pi camera module), pipe:COMMAND or - (JPEGs, one after the other, from a command or from standard input), or pattern (a moving test picture) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l title -d 'What people call the camera, in any language, for the page and /state; URLs, files and metrics have its name [default: the camera\'s name]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l size -d 'Picture size to ask the camera for, also by a name such as VGA or 720p; it may give the nearest one that it has [default: chosen, up to 1280x720]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l fps -d 'Frames per second to ask the camera for [default: the highest up to 30]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l format -d 'What to ask the camera for: mjpeg (its own JPEGs), raw pixels such as yuyv or nv12, or auto (mjpeg if it has that, otherwise the pixels that cost least) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l quality -d 'JPEG quality of frames that are encoded here; if it is set, a camera that makes JPEGs is set to it, or its JPEGs are brought down to it [default: 85, or what a camera that makes JPEGs chooses]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l rotate -d 'Turns the picture clockwise by 90, 180 or 270 degrees, without a loss where the camera makes the JPEGs [default: 0]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l flip -d 'Mirrors the picture after it was turned: h or horizontal (left and right change places), v or vertical (top and bottom), both, or none [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l control -d 'Sets one of the camera\'s own controls whenever it is opened, as v4l2-ctl names it; also several, with commas between them [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l encoder -d 'Who makes the JPEGs: passthrough (the camera), hardware (the board\'s encoder, of raw pixels), software (this program), or auto [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l input -d 'The input of a capture card, by its number, its name or a part of it; boardcam probe lists them [default: the one that is chosen already]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l standard -d 'The television standard of an analogue input: pal, ntsc, secam, one of them with its letter such as pal-m, or auto (the one that the signal has) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l edid -d 'File with the EDID that an HDMI input shows to its source, which tells the source what it may send [default: the one that is set already]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l bad-frames -d 'Unusable frames in a row that are tolerated before the camera is reopened [default: 10]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l timeout -d 'How long a camera or command may deliver nothing before it is reopened; for stills that come once in some minutes [default: learned from the camera\'s own rate]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l on-demand -d 'Close the camera, so that its light goes out, this long after the last viewer, recording and snapshot, and open it again for the next one [default: the camera stays open]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l listen -d 'Address and port to serve on, or a port alone; [::] is every address of this machine, including IPv4. unix:/path is a socket in the file system for a proxy on this machine, with ,mode=660 and ,owner=USER:GROUP behind it [default: [::]:8080]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l tls -d 'Serve HTTPS with a certificate that boardcam makes and renews (auto), or with your own (CERT.pem,KEY.pem, read again when they change). Plain HTTP then redirects to it, except for /healthz and for programs on this machine that call it localhost or 127.0.0.1 [default: off]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l tls-listen -d 'Address and port to serve HTTPS on, or a port alone [default: [::]:8443]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l name -d 'Name of this board on the network: it is found at http://NAME.local (mDNS). A second board with the same name is NAME-2; none announces nothing [default: boardcam]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l host -d 'A further name by which clients may call this server, such as a name in public DNS [default: addresses, names without a dot, and this machine\'s name on home networks]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l cors-origin -d 'Another web page that may show the page in a frame, and whose scripts may read streams, snapshots and state (Mainsail, Fluidd) [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l trusted-proxy -d 'A proxy in front of this server whose X-Forwarded-For is believed [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l max-connections -d 'Connections served at once; fewer if the system allows fewer open files [default: 1024]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l record-folder -d 'Where recordings go; the folder must exist. On a disk of its own, name a folder on it rather than its mount point [default: none, nothing can be recorded]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l record -d 'When to record: off (only when it is switched on, on the page or by the API), always, or between two times of the board\'s time zone, such as 08:00-18:00 [default: off]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l record-every -d 'For a time-lapse, record one frame every this many seconds; it plays at 25 frames a second [default: every frame]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l record-segment -d 'How long a recorded file plays before the next one begins [default: 300]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l record-max-size -d 'Megabytes (or with a unit, such as 8GB) that all recordings together may take; the oldest are deleted first [default: as much as the disk holds]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l record-min-free -d 'Megabytes of the disk that recordings leave free; the oldest are deleted first [default: 256]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l record-max-age -d 'Days that recordings are kept [default: no limit]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l log -d 'Where log lines go: stderr, syslog, or auto (syslog if stderr leads nowhere) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l log-format -d 'What log lines look like: text, or json (for machines, one object a line) [default: text]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l config -d 'Settings file; the command line takes precedence over it' -r -F
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l json -d 'Print one JSON object, for programs'
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l steady-fps -d 'Forbids the camera to deliver fewer frames in little light, where it would expose each longer; pictures are darker then'
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l drop-same-frames -d 'Leave out frames that are the same as the one before, byte for byte, down to one a second: a computer\'s screen on a capture card, or a still picture'
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -s v -l verbose -d 'Log more: a line every 30 frames, and each request'
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -l appliance -d 'For a board whose only service this is: port 80 unless another is set, and the defaults if the settings file has a mistake. Log, page and card then say which line is wrong; users, HTTPS, names and Wi-Fi of the file stay in force'
complete -c boardcam -n "__fish_boardcam_using_subcommand probe" -s h -l help -d 'Print help'
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -s o -l output -d 'File to write the JPEG to; - is standard output' -r -F
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l camera -d 'Where pictures come from: auto (the first camera that delivers), a device such as /dev/video0, rpicam[:OPTIONS] (a Raspberry Pi camera module), pipe:COMMAND or - (JPEGs, one after the other, from a command or from standard input), or pattern (a moving test picture) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l title -d 'What people call the camera, in any language, for the page and /state; URLs, files and metrics have its name [default: the camera\'s name]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l size -d 'Picture size to ask the camera for, also by a name such as VGA or 720p; it may give the nearest one that it has [default: chosen, up to 1280x720]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l fps -d 'Frames per second to ask the camera for [default: the highest up to 30]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l format -d 'What to ask the camera for: mjpeg (its own JPEGs), raw pixels such as yuyv or nv12, or auto (mjpeg if it has that, otherwise the pixels that cost least) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l quality -d 'JPEG quality of frames that are encoded here; if it is set, a camera that makes JPEGs is set to it, or its JPEGs are brought down to it [default: 85, or what a camera that makes JPEGs chooses]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l rotate -d 'Turns the picture clockwise by 90, 180 or 270 degrees, without a loss where the camera makes the JPEGs [default: 0]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l flip -d 'Mirrors the picture after it was turned: h or horizontal (left and right change places), v or vertical (top and bottom), both, or none [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l control -d 'Sets one of the camera\'s own controls whenever it is opened, as v4l2-ctl names it; also several, with commas between them [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l encoder -d 'Who makes the JPEGs: passthrough (the camera), hardware (the board\'s encoder, of raw pixels), software (this program), or auto [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l input -d 'The input of a capture card, by its number, its name or a part of it; boardcam probe lists them [default: the one that is chosen already]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l standard -d 'The television standard of an analogue input: pal, ntsc, secam, one of them with its letter such as pal-m, or auto (the one that the signal has) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l edid -d 'File with the EDID that an HDMI input shows to its source, which tells the source what it may send [default: the one that is set already]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l bad-frames -d 'Unusable frames in a row that are tolerated before the camera is reopened [default: 10]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l timeout -d 'How long a camera or command may deliver nothing before it is reopened; for stills that come once in some minutes [default: learned from the camera\'s own rate]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l on-demand -d 'Close the camera, so that its light goes out, this long after the last viewer, recording and snapshot, and open it again for the next one [default: the camera stays open]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l listen -d 'Address and port to serve on, or a port alone; [::] is every address of this machine, including IPv4. unix:/path is a socket in the file system for a proxy on this machine, with ,mode=660 and ,owner=USER:GROUP behind it [default: [::]:8080]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l tls -d 'Serve HTTPS with a certificate that boardcam makes and renews (auto), or with your own (CERT.pem,KEY.pem, read again when they change). Plain HTTP then redirects to it, except for /healthz and for programs on this machine that call it localhost or 127.0.0.1 [default: off]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l tls-listen -d 'Address and port to serve HTTPS on, or a port alone [default: [::]:8443]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l name -d 'Name of this board on the network: it is found at http://NAME.local (mDNS). A second board with the same name is NAME-2; none announces nothing [default: boardcam]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l host -d 'A further name by which clients may call this server, such as a name in public DNS [default: addresses, names without a dot, and this machine\'s name on home networks]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l cors-origin -d 'Another web page that may show the page in a frame, and whose scripts may read streams, snapshots and state (Mainsail, Fluidd) [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l trusted-proxy -d 'A proxy in front of this server whose X-Forwarded-For is believed [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l max-connections -d 'Connections served at once; fewer if the system allows fewer open files [default: 1024]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l record-folder -d 'Where recordings go; the folder must exist. On a disk of its own, name a folder on it rather than its mount point [default: none, nothing can be recorded]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l record -d 'When to record: off (only when it is switched on, on the page or by the API), always, or between two times of the board\'s time zone, such as 08:00-18:00 [default: off]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l record-every -d 'For a time-lapse, record one frame every this many seconds; it plays at 25 frames a second [default: every frame]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l record-segment -d 'How long a recorded file plays before the next one begins [default: 300]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l record-max-size -d 'Megabytes (or with a unit, such as 8GB) that all recordings together may take; the oldest are deleted first [default: as much as the disk holds]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l record-min-free -d 'Megabytes of the disk that recordings leave free; the oldest are deleted first [default: 256]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l record-max-age -d 'Days that recordings are kept [default: no limit]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l log -d 'Where log lines go: stderr, syslog, or auto (syslog if stderr leads nowhere) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l log-format -d 'What log lines look like: text, or json (for machines, one object a line) [default: text]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l config -d 'Settings file; the command line takes precedence over it' -r -F
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l steady-fps -d 'Forbids the camera to deliver fewer frames in little light, where it would expose each longer; pictures are darker then'
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l drop-same-frames -d 'Leave out frames that are the same as the one before, byte for byte, down to one a second: a computer\'s screen on a capture card, or a still picture'
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -s v -l verbose -d 'Log more: a line every 30 frames, and each request'
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -l appliance -d 'For a board whose only service this is: port 80 unless another is set, and the defaults if the settings file has a mistake. Log, page and card then say which line is wrong; users, HTTPS, names and Wi-Fi of the file stay in force'
complete -c boardcam -n "__fish_boardcam_using_subcommand snapshot" -s h -l help -d 'Print help'
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l camera -d 'Where pictures come from: auto (the first camera that delivers), a device such as /dev/video0, rpicam[:OPTIONS] (a Raspberry Pi camera module), pipe:COMMAND or - (JPEGs, one after the other, from a command or from standard input), or pattern (a moving test picture) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l title -d 'What people call the camera, in any language, for the page and /state; URLs, files and metrics have its name [default: the camera\'s name]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l size -d 'Picture size to ask the camera for, also by a name such as VGA or 720p; it may give the nearest one that it has [default: chosen, up to 1280x720]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l fps -d 'Frames per second to ask the camera for [default: the highest up to 30]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l format -d 'What to ask the camera for: mjpeg (its own JPEGs), raw pixels such as yuyv or nv12, or auto (mjpeg if it has that, otherwise the pixels that cost least) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l quality -d 'JPEG quality of frames that are encoded here; if it is set, a camera that makes JPEGs is set to it, or its JPEGs are brought down to it [default: 85, or what a camera that makes JPEGs chooses]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l rotate -d 'Turns the picture clockwise by 90, 180 or 270 degrees, without a loss where the camera makes the JPEGs [default: 0]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l flip -d 'Mirrors the picture after it was turned: h or horizontal (left and right change places), v or vertical (top and bottom), both, or none [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l control -d 'Sets one of the camera\'s own controls whenever it is opened, as v4l2-ctl names it; also several, with commas between them [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l encoder -d 'Who makes the JPEGs: passthrough (the camera), hardware (the board\'s encoder, of raw pixels), software (this program), or auto [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l input -d 'The input of a capture card, by its number, its name or a part of it; boardcam probe lists them [default: the one that is chosen already]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l standard -d 'The television standard of an analogue input: pal, ntsc, secam, one of them with its letter such as pal-m, or auto (the one that the signal has) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l edid -d 'File with the EDID that an HDMI input shows to its source, which tells the source what it may send [default: the one that is set already]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l bad-frames -d 'Unusable frames in a row that are tolerated before the camera is reopened [default: 10]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l timeout -d 'How long a camera or command may deliver nothing before it is reopened; for stills that come once in some minutes [default: learned from the camera\'s own rate]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l on-demand -d 'Close the camera, so that its light goes out, this long after the last viewer, recording and snapshot, and open it again for the next one [default: the camera stays open]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l listen -d 'Address and port to serve on, or a port alone; [::] is every address of this machine, including IPv4. unix:/path is a socket in the file system for a proxy on this machine, with ,mode=660 and ,owner=USER:GROUP behind it [default: [::]:8080]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l tls -d 'Serve HTTPS with a certificate that boardcam makes and renews (auto), or with your own (CERT.pem,KEY.pem, read again when they change). Plain HTTP then redirects to it, except for /healthz and for programs on this machine that call it localhost or 127.0.0.1 [default: off]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l tls-listen -d 'Address and port to serve HTTPS on, or a port alone [default: [::]:8443]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l name -d 'Name of this board on the network: it is found at http://NAME.local (mDNS). A second board with the same name is NAME-2; none announces nothing [default: boardcam]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l host -d 'A further name by which clients may call this server, such as a name in public DNS [default: addresses, names without a dot, and this machine\'s name on home networks]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l cors-origin -d 'Another web page that may show the page in a frame, and whose scripts may read streams, snapshots and state (Mainsail, Fluidd) [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l trusted-proxy -d 'A proxy in front of this server whose X-Forwarded-For is believed [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l max-connections -d 'Connections served at once; fewer if the system allows fewer open files [default: 1024]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l record-folder -d 'Where recordings go; the folder must exist. On a disk of its own, name a folder on it rather than its mount point [default: none, nothing can be recorded]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l record -d 'When to record: off (only when it is switched on, on the page or by the API), always, or between two times of the board\'s time zone, such as 08:00-18:00 [default: off]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l record-every -d 'For a time-lapse, record one frame every this many seconds; it plays at 25 frames a second [default: every frame]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l record-segment -d 'How long a recorded file plays before the next one begins [default: 300]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l record-max-size -d 'Megabytes (or with a unit, such as 8GB) that all recordings together may take; the oldest are deleted first [default: as much as the disk holds]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l record-min-free -d 'Megabytes of the disk that recordings leave free; the oldest are deleted first [default: 256]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l record-max-age -d 'Days that recordings are kept [default: no limit]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l log -d 'Where log lines go: stderr, syslog, or auto (syslog if stderr leads nowhere) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l log-format -d 'What log lines look like: text, or json (for machines, one object a line) [default: text]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l config -d 'Settings file; the command line takes precedence over it' -r -F
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l secrets -d 'Also print the hashes of passwords and the key of the wireless network'
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l steady-fps -d 'Forbids the camera to deliver fewer frames in little light, where it would expose each longer; pictures are darker then'
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l drop-same-frames -d 'Leave out frames that are the same as the one before, byte for byte, down to one a second: a computer\'s screen on a capture card, or a still picture'
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -s v -l verbose -d 'Log more: a line every 30 frames, and each request'
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -l appliance -d 'For a board whose only service this is: port 80 unless another is set, and the defaults if the settings file has a mistake. Log, page and card then say which line is wrong; users, HTTPS, names and Wi-Fi of the file stay in force'
complete -c boardcam -n "__fish_boardcam_using_subcommand check" -s h -l help -d 'Print help'
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l role -d 'watch (see everything) or control (change things too)' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l camera -d 'Where pictures come from: auto (the first camera that delivers), a device such as /dev/video0, rpicam[:OPTIONS] (a Raspberry Pi camera module), pipe:COMMAND or - (JPEGs, one after the other, from a command or from standard input), or pattern (a moving test picture) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l title -d 'What people call the camera, in any language, for the page and /state; URLs, files and metrics have its name [default: the camera\'s name]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l size -d 'Picture size to ask the camera for, also by a name such as VGA or 720p; it may give the nearest one that it has [default: chosen, up to 1280x720]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l fps -d 'Frames per second to ask the camera for [default: the highest up to 30]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l format -d 'What to ask the camera for: mjpeg (its own JPEGs), raw pixels such as yuyv or nv12, or auto (mjpeg if it has that, otherwise the pixels that cost least) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l quality -d 'JPEG quality of frames that are encoded here; if it is set, a camera that makes JPEGs is set to it, or its JPEGs are brought down to it [default: 85, or what a camera that makes JPEGs chooses]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l rotate -d 'Turns the picture clockwise by 90, 180 or 270 degrees, without a loss where the camera makes the JPEGs [default: 0]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l flip -d 'Mirrors the picture after it was turned: h or horizontal (left and right change places), v or vertical (top and bottom), both, or none [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l control -d 'Sets one of the camera\'s own controls whenever it is opened, as v4l2-ctl names it; also several, with commas between them [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l encoder -d 'Who makes the JPEGs: passthrough (the camera), hardware (the board\'s encoder, of raw pixels), software (this program), or auto [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l input -d 'The input of a capture card, by its number, its name or a part of it; boardcam probe lists them [default: the one that is chosen already]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l standard -d 'The television standard of an analogue input: pal, ntsc, secam, one of them with its letter such as pal-m, or auto (the one that the signal has) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l edid -d 'File with the EDID that an HDMI input shows to its source, which tells the source what it may send [default: the one that is set already]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l bad-frames -d 'Unusable frames in a row that are tolerated before the camera is reopened [default: 10]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l timeout -d 'How long a camera or command may deliver nothing before it is reopened; for stills that come once in some minutes [default: learned from the camera\'s own rate]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l on-demand -d 'Close the camera, so that its light goes out, this long after the last viewer, recording and snapshot, and open it again for the next one [default: the camera stays open]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l listen -d 'Address and port to serve on, or a port alone; [::] is every address of this machine, including IPv4. unix:/path is a socket in the file system for a proxy on this machine, with ,mode=660 and ,owner=USER:GROUP behind it [default: [::]:8080]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l tls -d 'Serve HTTPS with a certificate that boardcam makes and renews (auto), or with your own (CERT.pem,KEY.pem, read again when they change). Plain HTTP then redirects to it, except for /healthz and for programs on this machine that call it localhost or 127.0.0.1 [default: off]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l tls-listen -d 'Address and port to serve HTTPS on, or a port alone [default: [::]:8443]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l host -d 'A further name by which clients may call this server, such as a name in public DNS [default: addresses, names without a dot, and this machine\'s name on home networks]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l cors-origin -d 'Another web page that may show the page in a frame, and whose scripts may read streams, snapshots and state (Mainsail, Fluidd) [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l trusted-proxy -d 'A proxy in front of this server whose X-Forwarded-For is believed [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l max-connections -d 'Connections served at once; fewer if the system allows fewer open files [default: 1024]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l record-folder -d 'Where recordings go; the folder must exist. On a disk of its own, name a folder on it rather than its mount point [default: none, nothing can be recorded]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l record -d 'When to record: off (only when it is switched on, on the page or by the API), always, or between two times of the board\'s time zone, such as 08:00-18:00 [default: off]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l record-every -d 'For a time-lapse, record one frame every this many seconds; it plays at 25 frames a second [default: every frame]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l record-segment -d 'How long a recorded file plays before the next one begins [default: 300]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l record-max-size -d 'Megabytes (or with a unit, such as 8GB) that all recordings together may take; the oldest are deleted first [default: as much as the disk holds]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l record-min-free -d 'Megabytes of the disk that recordings leave free; the oldest are deleted first [default: 256]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l record-max-age -d 'Days that recordings are kept [default: no limit]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l log -d 'Where log lines go: stderr, syslog, or auto (syslog if stderr leads nowhere) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l log-format -d 'What log lines look like: text, or json (for machines, one object a line) [default: text]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l config -d 'Settings file; the command line takes precedence over it' -r -F
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l steady-fps -d 'Forbids the camera to deliver fewer frames in little light, where it would expose each longer; pictures are darker then'
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l drop-same-frames -d 'Leave out frames that are the same as the one before, byte for byte, down to one a second: a computer\'s screen on a capture card, or a still picture'
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -s v -l verbose -d 'Log more: a line every 30 frames, and each request'
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -l appliance -d 'For a board whose only service this is: port 80 unless another is set, and the defaults if the settings file has a mistake. Log, page and card then say which line is wrong; users, HTTPS, names and Wi-Fi of the file stay in force'
complete -c boardcam -n "__fish_boardcam_using_subcommand hash-password" -s h -l help -d 'Print help'
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l camera -d 'Where pictures come from: auto (the first camera that delivers), a device such as /dev/video0, rpicam[:OPTIONS] (a Raspberry Pi camera module), pipe:COMMAND or - (JPEGs, one after the other, from a command or from standard input), or pattern (a moving test picture) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l title -d 'What people call the camera, in any language, for the page and /state; URLs, files and metrics have its name [default: the camera\'s name]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l size -d 'Picture size to ask the camera for, also by a name such as VGA or 720p; it may give the nearest one that it has [default: chosen, up to 1280x720]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l fps -d 'Frames per second to ask the camera for [default: the highest up to 30]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l format -d 'What to ask the camera for: mjpeg (its own JPEGs), raw pixels such as yuyv or nv12, or auto (mjpeg if it has that, otherwise the pixels that cost least) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l quality -d 'JPEG quality of frames that are encoded here; if it is set, a camera that makes JPEGs is set to it, or its JPEGs are brought down to it [default: 85, or what a camera that makes JPEGs chooses]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l rotate -d 'Turns the picture clockwise by 90, 180 or 270 degrees, without a loss where the camera makes the JPEGs [default: 0]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l flip -d 'Mirrors the picture after it was turned: h or horizontal (left and right change places), v or vertical (top and bottom), both, or none [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l control -d 'Sets one of the camera\'s own controls whenever it is opened, as v4l2-ctl names it; also several, with commas between them [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l encoder -d 'Who makes the JPEGs: passthrough (the camera), hardware (the board\'s encoder, of raw pixels), software (this program), or auto [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l input -d 'The input of a capture card, by its number, its name or a part of it; boardcam probe lists them [default: the one that is chosen already]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l standard -d 'The television standard of an analogue input: pal, ntsc, secam, one of them with its letter such as pal-m, or auto (the one that the signal has) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l edid -d 'File with the EDID that an HDMI input shows to its source, which tells the source what it may send [default: the one that is set already]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l bad-frames -d 'Unusable frames in a row that are tolerated before the camera is reopened [default: 10]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l timeout -d 'How long a camera or command may deliver nothing before it is reopened; for stills that come once in some minutes [default: learned from the camera\'s own rate]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l on-demand -d 'Close the camera, so that its light goes out, this long after the last viewer, recording and snapshot, and open it again for the next one [default: the camera stays open]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l listen -d 'Address and port to serve on, or a port alone; [::] is every address of this machine, including IPv4. unix:/path is a socket in the file system for a proxy on this machine, with ,mode=660 and ,owner=USER:GROUP behind it [default: [::]:8080]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l tls -d 'Serve HTTPS with a certificate that boardcam makes and renews (auto), or with your own (CERT.pem,KEY.pem, read again when they change). Plain HTTP then redirects to it, except for /healthz and for programs on this machine that call it localhost or 127.0.0.1 [default: off]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l tls-listen -d 'Address and port to serve HTTPS on, or a port alone [default: [::]:8443]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l name -d 'Name of this board on the network: it is found at http://NAME.local (mDNS). A second board with the same name is NAME-2; none announces nothing [default: boardcam]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l host -d 'A further name by which clients may call this server, such as a name in public DNS [default: addresses, names without a dot, and this machine\'s name on home networks]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l cors-origin -d 'Another web page that may show the page in a frame, and whose scripts may read streams, snapshots and state (Mainsail, Fluidd) [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l trusted-proxy -d 'A proxy in front of this server whose X-Forwarded-For is believed [default: none]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l max-connections -d 'Connections served at once; fewer if the system allows fewer open files [default: 1024]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l record-folder -d 'Where recordings go; the folder must exist. On a disk of its own, name a folder on it rather than its mount point [default: none, nothing can be recorded]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l record -d 'When to record: off (only when it is switched on, on the page or by the API), always, or between two times of the board\'s time zone, such as 08:00-18:00 [default: off]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l record-every -d 'For a time-lapse, record one frame every this many seconds; it plays at 25 frames a second [default: every frame]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l record-segment -d 'How long a recorded file plays before the next one begins [default: 300]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l record-max-size -d 'Megabytes (or with a unit, such as 8GB) that all recordings together may take; the oldest are deleted first [default: as much as the disk holds]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l record-min-free -d 'Megabytes of the disk that recordings leave free; the oldest are deleted first [default: 256]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l record-max-age -d 'Days that recordings are kept [default: no limit]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l log -d 'Where log lines go: stderr, syslog, or auto (syslog if stderr leads nowhere) [default: auto]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l log-format -d 'What log lines look like: text, or json (for machines, one object a line) [default: text]' -r
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l config -d 'Settings file; the command line takes precedence over it' -r -F
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l steady-fps -d 'Forbids the camera to deliver fewer frames in little light, where it would expose each longer; pictures are darker then'
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l drop-same-frames -d 'Leave out frames that are the same as the one before, byte for byte, down to one a second: a computer\'s screen on a capture card, or a still picture'
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -s v -l verbose -d 'Log more: a line every 30 frames, and each request'
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -l appliance -d 'For a board whose only service this is: port 80 unless another is set, and the defaults if the settings file has a mistake. Log, page and card then say which line is wrong; users, HTTPS, names and Wi-Fi of the file stay in force'
complete -c boardcam -n "__fish_boardcam_using_subcommand wifi" -s h -l help -d 'Print help'
complete -c boardcam -n "__fish_boardcam_using_subcommand help; and not __fish_seen_subcommand_from probe snapshot check hash-password wifi help" -f -a "probe" -d 'List every camera, what it offers, and whether it can be used'
complete -c boardcam -n "__fish_boardcam_using_subcommand help; and not __fish_seen_subcommand_from probe snapshot check hash-password wifi help" -f -a "snapshot" -d 'Take one picture and exit'
complete -c boardcam -n "__fish_boardcam_using_subcommand help; and not __fish_seen_subcommand_from probe snapshot check hash-password wifi help" -f -a "check" -d 'Check the settings and print them'
complete -c boardcam -n "__fish_boardcam_using_subcommand help; and not __fish_seen_subcommand_from probe snapshot check hash-password wifi help" -f -a "hash-password" -d 'Ask for a password and print the user\'s table for the settings file'
complete -c boardcam -n "__fish_boardcam_using_subcommand help; and not __fish_seen_subcommand_from probe snapshot check hash-password wifi help" -f -a "wifi" -d 'Print the wireless network of the settings for wpa_supplicant'
complete -c boardcam -n "__fish_boardcam_using_subcommand help; and not __fish_seen_subcommand_from probe snapshot check hash-password wifi help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
