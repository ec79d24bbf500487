//! The threads that open and close encoders, whatever drivers do.

use super::*;

/// Longer than anything here takes, on any machine.
const LONG: Duration = Duration::from_secs(120);

/// Begins to open an encoder, as soon as other tests have left a thread for that.
fn start(opener: &Opener) -> Opening {
    let begin = Instant::now();
    loop {
        match opener.start(Shape { raw: Raw::Yuyv, size: SIZE }) {
            Some(opening) => return opening,
            None => assert!(begin.elapsed() < LONG, "no thread"),
        }
        thread::yield_now();
    }
}

#[test]
fn an_encoder_that_opens_when_nobody_wants_it_any_more_is_closed_by_its_own_thread() {
    // Before the camera's thread gives up, and after.
    for opens_first in [true, false] {
        let board = board();
        let (release, released) = channel::<()>();
        let (opens, released) = (board.clone(), Mutex::new(released));
        let opener = Opener(Arc::new(move |_| {
            let _ = lock(&released).recv();
            lock(&opens.opened).push(thread::current().id());
            Found::Device(device(opens.clone()))
        }));
        let begin = Instant::now();
        let opening = start(&opener);
        if opens_first {
            drop(release);
            while !opening.is_answered() {
                assert!(begin.elapsed() < LONG, "it never opens");
                thread::yield_now();
            }
            drop(opening);
        } else {
            drop(opening);
            drop(release);
        }
        assert_eq!(closed(&board), *lock(&board.opened), "opens first: {opens_first}");
    }
}

/// Blocks when it is dropped, as the kernel does when a device is closed while a job of it never ends.
struct Stuck(Receiver<()>);

impl Drop for Stuck {
    fn drop(&mut self) {
        let _ = self.0.recv();
    }
}

#[test]
fn an_encoder_that_never_closes_or_never_opens_does_not_hold_up_the_stream() {
    // Closing waits until the sender is dropped at the end of this test; opening again as well.
    let (release, closes): (Sender<()>, _) = channel();
    let (release_too, opens): (Sender<()>, _) = channel();
    let (closes, opens) = (Mutex::new(Some(closes)), Mutex::new(opens));
    let again = Arc::new(AtomicUsize::new(0));
    let count = again.clone();
    let open = move |_| match lock(&closes).take() {
        Some(closes) => {
            let stuck = Mutex::new(Stuck(closes));
            Found::Device(Box::new(Simulated(move |_: &Picture<'_>, _, limit, _: &mut Take<'_>| {
                let _held = &stuck;
                Err(Failure::Silent(limit))
            })))
        }
        None => {
            count.fetch_add(1, Ordering::Relaxed);
            let _ = lock(&opens).recv();
            Found::Nothing
        }
    };
    let mut encoder = Encoder::with_hardware(DEFAULT_QUALITY, Arc::new(open), false);
    encode_until(&mut encoder, By::Instead);
    said(&mut encoder);
    let begin = Instant::now();
    while again.load(Ordering::Relaxed) == 0 {
        assert_eq!(encode(&mut encoder), By::Software);
        assert!(begin.elapsed() < LONG, "it is never opened again");
    }
    for _ in 0..10 {
        assert_eq!(encode(&mut encoder), By::Software);
    }
    assert_eq!(again.load(Ordering::Relaxed), 1, "one thread waits for it, not one for each picture");
    assert_eq!(said(&mut encoder), "");
    let Some(Hardware { state: State::Opening(_, since), .. }) = &mut encoder.hardware else {
        panic!("it is not being opened")
    };
    *since -= OPENING_TIME + Duration::from_secs(1);
    encode(&mut encoder);
    assert!(said(&mut encoder).contains("does not open: its driver does not answer"), "nothing is said");
    drop(encoder);
    drop((release, release_too));
}

#[test]
fn however_many_encoders_never_open_there_are_not_more_threads_for_them() {
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let opener = Opener(Arc::new(move |_| {
        let _ = lock(&released).recv();
        Found::Nothing
    }));
    let shape = Shape { raw: Raw::Yuyv, size: SIZE };
    let first = start(&opener);
    let others: Vec<_> = (0..100).map_while(|_| opener.start(shape)).collect();
    assert!(others.len() < 24, "{} threads", others.len() + 1);
    drop((first, others));
    drop(release);
}

#[test]
fn an_encoder_whose_thread_panics_cannot_be_used_and_that_is_all() {
    let open: Arc<Open> = Arc::new(|_| panic!("a test's own panic"));
    let mut encoder = Encoder::with_hardware(DEFAULT_QUALITY, open, true);
    let begin = Instant::now();
    let mut text = String::new();
    while !text.contains("cannot be used") {
        assert_eq!(encode(&mut encoder), By::Software);
        assert!(begin.elapsed() < LONG, "nothing is said");
        text += &said(&mut encoder);
    }
}
