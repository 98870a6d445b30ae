//! Archives of one's own, good and hostile.

/// A file of an archive.
pub(crate) struct File<'f> {
    pub(crate) name: &'f str,
    pub(crate) content: &'f [u8],
    /// What is changed of its head before the sum is taken.
    pub(crate) twist: fn(&mut [u8; 512]),
}

pub(crate) fn file<'f>(name: &'f str, content: &'f [u8]) -> File<'f> {
    File {
        name,
        content,
        twist: |_| (),
    }
}

/// An archive as tar writes it (ustar).
pub(crate) fn archive(files: &[File<'_>]) -> Vec<u8> {
    let mut all = Vec::new();
    for one in files {
        let mut head = [0; 512];
        head[..one.name.len()].copy_from_slice(one.name.as_bytes());
        head[100..108].copy_from_slice(b"0000644\0");
        head[124..136].copy_from_slice(format!("{:011o}\0", one.content.len()).as_bytes());
        head[156] = b'0';
        head[257..265].copy_from_slice(b"ustar\x0000");
        (one.twist)(&mut head);
        head[148..156].fill(b' ');
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        all.extend_from_slice(&head);
        all.extend_from_slice(one.content);
        all.resize(all.len().next_multiple_of(512), 0);
    }
    all.resize(all.len() + 1_024, 0);
    all
}

/// The files of a good archive, by name and content.
pub(crate) fn files(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while archive[at] != 0 {
        let head = &archive[at..at + 512];
        let text = |range: std::ops::Range<usize>| {
            let field = head[range].split(|byte| *byte == 0).next().unwrap();
            std::str::from_utf8(field).unwrap().to_owned()
        };
        let length = usize::from_str_radix(&text(124..136), 8).unwrap();
        found.push((text(0..100), archive[at + 512..at + 512 + length].to_vec()));
        at += 512 + length.next_multiple_of(512);
    }
    found
}
