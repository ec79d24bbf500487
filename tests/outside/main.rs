//! boardcam from outside: the real program, started as a user starts it, asked as clients ask.

mod boardcam;
mod certificates;
mod check;
mod crowd;
mod elsewhere;
mod fairness;
mod hostile;
mod https;
mod machines;
mod odd_requests;
mod options;
mod passwords;
mod pictures;
mod pipe_inputs;
mod pipes;
mod process;
mod program;
mod proxies;
mod recording;
mod serving;
mod sessions;
mod settings_file;
mod slow;
mod threads;
mod variants;
mod viewers;
