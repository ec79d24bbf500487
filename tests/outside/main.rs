//! boardcam from outside: the real program, started as a user starts it, asked as clients ask.

mod boardcam;
mod crowd;
mod hostile;
mod https;
mod mistakes;
mod pipes;
mod process;
mod serving;
mod slow;
mod variants;
mod viewers;
