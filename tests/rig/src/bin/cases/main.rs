fn main() {
    for entry in std::fs::read_dir("/sys/class/video4linux").unwrap() { println!("{:?}", entry); }
    println!("0 passed, 0 failed");
}
