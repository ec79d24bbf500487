//! boardcam from outside: the real program, started as a user starts it, asked as clients ask.

mod boardcam;
mod crowd;
mod hostile;
mod machines;
mod mistakes;
mod pipes;
mod process;
mod recording;
mod serving;
mod slow;
mod variants;
mod viewers;
