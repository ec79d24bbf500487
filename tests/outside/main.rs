//! boardcam from outside: the real program, started as a user starts it, asked as clients ask.

mod boardcam;
mod crowd;
mod elsewhere;
mod hostile;
mod mistakes;
mod passwords;
mod pipes;
mod process;
mod serving;
mod sessions;
mod slow;
mod variants;
mod viewers;
