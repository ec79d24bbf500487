//! Whatever a recording's file holds: reading it ends, its frames follow one another and are all in the file, and a seek ends
//! in it, too.
//!
//! The first byte says where to seek to.
#![no_main]

use std::time::Duration;

use boardcam::record::matroska::read::Reader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&to, file)) = data.split_first() else { return };
    let Ok(mut reader) = Reader::open(file) else { return };
    assert!(reader.size().is_possible());
    let (mut blocks, mut jpeg) = (Vec::new(), Vec::new());
    while let Ok(Some(block)) = reader.next_block() {
        reader.read(&block, &mut jpeg).expect("a block that is given is whole");
        assert_eq!(jpeg.len(), block.length as usize);
        assert!(blocks.last().is_none_or(|last: &(Duration, u64)| *last < (block.at, block.offset)));
        blocks.push((block.at, block.offset));
        assert!(blocks.len() <= file.len());
    }
    let to = Duration::from_millis(u64::from(to) * 100);
    reader.seek(to).expect("memory can be read");
    if let Ok(Some(block)) = reader.next_block() {
        assert!(block.offset + u64::from(block.length) <= file.len() as u64);
    }
    reader.duration().expect("memory can be read");
});
