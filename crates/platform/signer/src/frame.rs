//! Frames: 4 bytes of length, big-endian, and as many of JSON.

use serde::Serialize;
use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

/// Most bytes of a frame, its length not counted: 1 MiB.
pub(crate) const MAX_FRAME: usize = 1 << 20;
/// Bytes of a frame's length.
const HEAD: usize = 4;

/// Why there is no frame.
#[derive(Debug)]
pub(crate) enum FrameError {
    /// The peer has closed the connection, before a frame or within it.
    Ended,
    /// Not in time.
    TimedOut,
    /// The length says that it has none, or more than [`MAX_FRAME`] bytes.
    Length { found: usize },
    /// What else the system says.
    Io(io::Error),
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // How a read or write ends that its socket's time-out ends.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof => Self::Ended,
            _ => Self::Io(error),
        }
    }
}

/// A stream that is given up at a moment, however its bytes trickle.
pub(crate) struct Timed<'s> {
    stream: &'s UnixStream,
    until: Instant,
}

impl<'s> Timed<'s> {
    pub(crate) fn new(stream: &'s UnixStream, time: Duration) -> Self {
        // A moment that no clock reaches is as good as a late one.
        let now = Instant::now();
        Self { stream, until: now.checked_add(time).unwrap_or(now) }
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        let mut stream = self.stream;
        stream.read(buffer)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        let mut stream = self.stream;
        stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads one frame. It is zeroed when it is dropped: it may hold a secret.
pub(crate) fn read(from: &mut impl Read) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    let mut head = [0; HEAD];
    from.read_exact(&mut head)?;
    let length = usize::try_from(u32::from_be_bytes(head)).unwrap_or(usize::MAX);
    if length == 0 || length > MAX_FRAME {
        return Err(FrameError::Length { found: length });
    }
    let mut body = Zeroizing::new(vec![0; length]);
    from.read_exact(&mut body)?;
    Ok(body)
}

/// A value as a frame, in memory that never grows, so that it leaves no copy behind, and is zeroed.
///
/// # Errors
/// [`FrameError::Length`].
pub(crate) fn of(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    let unwritable = |error: serde_json::Error| FrameError::Io(io::Error::other(error.to_string()));
    let mut counted = Counted(0);
    serde_json::to_writer(&mut counted, value).map_err(unwritable)?;
    let found = counted.0;
    let head = u32::try_from(found).ok().filter(|_| found <= MAX_FRAME);
    let head = head.ok_or(FrameError::Length { found })?.to_be_bytes();
    let mut frame = Zeroizing::new(Vec::with_capacity(HEAD + found));
    frame.extend_from_slice(&head);
    serde_json::to_writer(&mut *frame, value).map_err(unwritable)?;
    Ok(frame)
}

/// How many bytes were written.
struct Counted(usize);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_frame_is_exactly_as_long_as_it_says_and_never_grows() {
        let frame = of(&"é\"\n").unwrap();
        assert_eq!(frame.capacity(), frame.len());
        assert_eq!(frame[..4], u32::try_from(frame.len() - 4).unwrap().to_be_bytes());
        assert_eq!(read(&mut frame.as_slice()).unwrap().as_slice(), &frame[4..]);
        assert!(of(&"x".repeat(MAX_FRAME - 2)).is_ok());
        assert!(matches!(of(&"x".repeat(MAX_FRAME - 1)), Err(FrameError::Length { .. })));
    }

    #[test]
    fn a_length_of_nothing_or_too_much_is_refused_before_a_byte_is_awaited() {
        for length in [0, MAX_FRAME + 1, u32::MAX as usize] {
            let head = u32::try_from(length).unwrap().to_be_bytes();
            let refused = read(&mut head.as_slice());
            assert!(matches!(refused, Err(FrameError::Length { found }) if found == length));
        }
    }

    #[test]
    fn a_frame_that_trickles_is_given_up_in_time() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let trickle = std::thread::spawn(move || {
            // Each byte comes well within the time, the whole does not.
            for byte in [0, 0, 0, 200].into_iter().chain([b'x'; 100]) {
                if theirs.write_all(&[byte]).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let began = Instant::now();
        let refused = read(&mut Timed::new(&ours, Duration::from_millis(200)));
        assert!(matches!(refused, Err(FrameError::TimedOut)), "{refused:?}");
        assert!(began.elapsed() < Duration::from_secs(2));
        drop(ours);
        trickle.join().unwrap();
    }

    #[test]
    fn a_peer_that_does_not_read_is_given_up_in_time() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let much = vec![0; 16 << 20];
        let began = Instant::now();
        let refused =
            Timed::new(&ours, Duration::from_millis(200)).write_all(&much).map_err(FrameError::from);
        assert!(matches!(refused, Err(FrameError::TimedOut)), "{refused:?}");
        assert!(began.elapsed() < Duration::from_secs(2));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&mut bytes.as_slice());
        }
    }
}
