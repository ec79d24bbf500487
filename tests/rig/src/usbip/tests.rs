use super::*;

/// Answers control transfers with nothing, and has one byte in each bulk transfer.
struct Simple;

impl Device for Simple {
    fn control(&mut self, _: Setup, _: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(Vec::new())
    }

    fn data_in(&mut self, _: Instant, _: usize) -> DataIn {
        DataIn::Data(vec![7])
    }
}

/// The kernel's end of a device that is plugged in.
fn plugged_in() -> UnixStream {
    let (kernels, ours) = UnixStream::pair().unwrap();
    thread::spawn(move || serve(ours, Simple));
    kernels
}

/// Submits an IN transfer with room for 64 bytes.
fn submit(kernel: &mut UnixStream, sequence: u32, endpoint: u32) {
    for word in [CMD_SUBMIT, sequence, 1, 1, endpoint, 0, 64, 0, 0, 0, 0, 0] {
        kernel.write_all(&word.to_be_bytes()).unwrap();
    }
}

fn unlink(kernel: &mut UnixStream, sequence: u32, target: u32) {
    for word in [CMD_UNLINK, sequence, 1, 0, 0, target, 0, 0, 0, 0, 0, 0] {
        kernel.write_all(&word.to_be_bytes()).unwrap();
    }
}

/// The next answer's command, sequence number, status and data.
fn answered(kernel: &mut UnixStream) -> (u32, u32, i32, Vec<u8>) {
    let mut header = [0; HEADER_LENGTH];
    kernel.read_exact(&mut header).unwrap();
    let words: Vec<_> = header.chunks(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect();
    let mut data = vec![0; words[6] as usize];
    kernel.read_exact(&mut data).unwrap();
    (words[0], words[1], words[5].cast_signed(), data)
}

#[test]
fn a_bulk_transfer_is_answered_with_data() {
    let mut kernel = plugged_in();
    submit(&mut kernel, 1, 1);
    assert_eq!(answered(&mut kernel), (RET_SUBMIT, 1, 0, vec![7]));
    unlink(&mut kernel, 2, 1);
    assert_eq!(answered(&mut kernel), (RET_UNLINK, 2, 0, vec![]));
}

/// Takes long for control transfers.
struct Slow;

impl Device for Slow {
    fn control(&mut self, _: Setup, _: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(vec![5])
    }

    fn delay(&self, _: Setup) -> Duration {
        Duration::from_millis(200)
    }

    fn data_in(&mut self, _: Instant, _: usize) -> DataIn {
        DataIn::Data(vec![7])
    }
}

#[test]
fn a_slow_control_transfer_holds_no_data_and_can_be_cancelled() {
    let (mut kernel, ours) = UnixStream::pair().unwrap();
    thread::spawn(move || serve(ours, Slow));
    let begin = Instant::now();
    submit(&mut kernel, 1, 0);
    submit(&mut kernel, 2, 1);
    assert_eq!(answered(&mut kernel), (RET_SUBMIT, 2, 0, vec![7]));
    assert_eq!(answered(&mut kernel), (RET_SUBMIT, 1, 0, vec![5]));
    assert!(begin.elapsed() >= Duration::from_millis(200));
    submit(&mut kernel, 3, 0);
    unlink(&mut kernel, 4, 3);
    assert_eq!(answered(&mut kernel), (RET_UNLINK, 4, -ECONNRESET, vec![]));
    submit(&mut kernel, 5, 1);
    assert_eq!(answered(&mut kernel), (RET_SUBMIT, 5, 0, vec![7]));
}

#[test]
fn an_isochronous_transfer_is_answered_packet_by_packet_when_its_time_is_over() {
    const INTERVAL: u32 = 400; // microframes: 2 packets take 100 ms
    let mut kernel = plugged_in();
    let begin = Instant::now();
    let places = [[0, 8, 0, 0], [32, 8, 0, 0]].concat();
    for word in [CMD_SUBMIT, 1, 1, 1, 1, 0, 64, 0, 2, INTERVAL, 0, 0].iter().chain(&places) {
        kernel.write_all(&word.to_be_bytes()).unwrap();
    }
    assert_eq!(answered(&mut kernel), (RET_SUBMIT, 1, 0, vec![7, 7]));
    assert!(begin.elapsed() >= Duration::from_millis(100), "{:?}", begin.elapsed());
    let mut descriptors = [0; 2 * DESCRIPTOR_LENGTH];
    kernel.read_exact(&mut descriptors).unwrap();
    let expected = [[0, 8, 1, 0], [32, 8, 1, 0]].concat();
    assert_eq!(descriptors.to_vec(), expected.into_iter().flat_map(u32::to_be_bytes).collect::<Vec<_>>());
}

#[test]
fn a_transfer_that_was_cancelled_before_it_arrived_is_not_answered() {
    let mut kernel = plugged_in();
    unlink(&mut kernel, 2, 1);
    assert_eq!(answered(&mut kernel), (RET_UNLINK, 2, -ECONNRESET, vec![]));
    submit(&mut kernel, 1, 1);
    submit(&mut kernel, 3, 1);
    assert_eq!(answered(&mut kernel), (RET_SUBMIT, 3, 0, vec![7]));
}
