//! An enum of reasons as one table: the variant, the name of its counter in `/state` and `/metrics`, and what is wrong
//! in words.

/// Makes the enum, `ALL` of its variants, `name`, `text`, and `Display`.
macro_rules! reasons {
    (
        $(#[$about:meta])*
        pub enum $Reason:ident { $($(#[$doc:meta])* $Variant:ident = $name:literal, $text:expr;)* }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $Reason { $($(#[$doc])* $Variant,)* }

        impl $Reason {
            /// All of them, in order.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$Variant),*];

            /// The name of its counter in `/state` and `/metrics`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Variant => $name,)* }
            }

            /// What is wrong, in words.
            pub fn text(self) -> $crate::problem::Text {
                match self { $(Self::$Variant => $text,)* }
            }
        }

        impl std::fmt::Display for $Reason {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.text().fmt(f)
            }
        }
    };
}
pub(super) use reasons;
