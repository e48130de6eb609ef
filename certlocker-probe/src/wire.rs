//! Reading and writing the vectors that TLS is made of.

/// A reader that never goes past its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of so many octets.
    pub(crate) fn number(&mut self, octets: usize) -> Option<usize> {
        let taken = self.take(octets)?;
        Some(
            taken
                .iter()
                .fold(0, |number, octet| number << 8 | usize::from(*octet)),
        )
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take(2)
            .map(|taken| u16::from_be_bytes([taken[0], taken[1]]))
    }

    /// A vector whose length has so many octets.
    pub(crate) fn vector(&mut self, octets: usize) -> Option<&'a [u8]> {
        let length = self.number(octets)?;
        self.take(length)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends a vector whose length has so many octets; what is written here is always short enough.
pub(crate) fn put_vector(to: &mut Vec<u8>, octets: usize, content: &[u8]) {
    let length = content.len().to_be_bytes();
    to.extend_from_slice(&length[length.len() - octets..]);
    to.extend_from_slice(content);
}
