//! Stands in for crate `multipart` 0.18, which is not maintained: it brings `buf_redux`, and future versions of Rust
//! will reject both. rouille depends on it to parse `multipart/form-data`, which boardcam never asks it to do.
//!
//! Only the names that rouille mentions are here. There are no fields, because no such value is ever made.

pub mod server {
    use std::convert::Infallible;
    use std::io;
    use std::marker::PhantomData;

    /// The body of a request, which stays unread.
    pub struct Multipart<R>(PhantomData<R>);

    impl<R> Multipart<R> {
        pub fn with_body<B: Into<String>>(_body: R, _boundary: B) -> Self {
            Self(PhantomData)
        }

        /// # Errors
        /// Always: there is no parser.
        pub fn read_entry(&mut self) -> io::Result<Option<MultipartField<&mut Self>>> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// One field of a form: none exists.
    pub struct MultipartField<M>(PhantomData<M>, Infallible);

    /// What a field holds: none exists.
    pub struct MultipartData<M>(PhantomData<M>, Infallible);

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn forms_are_refused() {
            let mut form = Multipart::with_body(io::empty(), "boundary");
            assert!(form.read_entry().is_err_and(|error| error.kind() == io::ErrorKind::Unsupported));
        }
    }
}
