//! Errors whose `Debug` is their message, since that is what a `main` that returns one prints.

/// Makes the `Debug` of errors their message.
#[doc(hidden)]
#[macro_export]
macro_rules! debug_is_message {
    ($($error:ty),+ $(,)?) => {
        $(impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        })+
    };
}
