use super::*;

#[test]
fn a_file_that_is_no_device_gives_no_queue() {
    let file = std::fs::File::open("/dev/null").unwrap();
    for kind in [Kind::Capture, Kind::CapturePlanes, Kind::Output, Kind::OutputPlanes] {
        let error = Queue::new(&file, kind, 4).unwrap_err();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::NOTTY), "{kind:?}");
    }
}

#[test]
fn what_a_driver_says_of_a_buffer_never_leads_out_of_it() {
    let file = memory::tests::file_of(8192);
    for kind in [Kind::Capture, Kind::CapturePlanes] {
        let planes = vec![Mapping::new(&file, 4096, 0).unwrap()];
        let buffers = vec![Buffer { planes, is_queued: true }];
        let mut queue = Queue { device: &file, kind, buffers };
        let mut give = |index, begin, end| {
            queue.buffers[0].is_queued = true;
            let mut message = Message::new(kind, MMAP, index, 1);
            message.buffer.bytesused = end;
            (message.planes[0].data_offset, message.planes[0].bytesused) = (begin, end);
            let got = queue.given_back(&message)?;
            Ok::<_, io::Error>((queue.data(&got, 0).len(), got.is_damaged))
        };
        assert_eq!(give(0, 0, 4096).unwrap(), (4096, false), "{kind:?}");
        assert_eq!(give(0, 0, 4097).unwrap(), (4096, true), "{kind:?}: more than there is");
        assert_eq!(give(0, 0, u32::MAX).unwrap(), (4096, true), "{kind:?}");
        assert_eq!(give(0, 0, 0).unwrap(), (0, false), "{kind:?}");
        assert!(give(1, 0, 1).is_err() && give(u32::MAX as usize, 0, 1).is_err(), "{kind:?}: no such buffer");
        if kind.is_planes() {
            assert_eq!(give(0, 16, 100).unwrap(), (84, false));
            assert_eq!(give(0, 101, 100).unwrap(), (0, true), "it ends before it begins");
        }
        queue.buffers[0].is_queued = false;
        assert!(queue.given_back(&Message::new(kind, MMAP, 0, 1)).is_err(), "{kind:?}: it did not have it");
        assert!(queue.queue(1, &[], (0, 0)).is_err() && queue.queue(0, &[], (0, 0)).is_err());
    }
}

#[test]
fn waiting_ends_when_its_time_is_over() {
    let (_writer, reader) = std::os::unix::net::UnixStream::pair().unwrap();
    assert_eq!(wait(&reader, For::Capture, Duration::from_millis(1)).unwrap(), Woken::default());
}

#[test]
fn the_codes_of_the_calls_are_those_of_the_kernels_header() {
    // As `strace` shows them on 64-bit machines.
    if cfg!(target_pointer_width = "64") {
        let codes = [REQBUFS, QUERYBUF, QBUF, EXPBUF, DQBUF, STREAMON, STREAMOFF];
        let kernel =
            [0xc014_5608, 0xc058_5609, 0xc058_560f, 0xc040_5610, 0xc058_5611, 0x4004_5612, 0x4004_5613];
        assert_eq!(codes, kernel);
    }
}
