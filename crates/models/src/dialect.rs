//! What clients and model servers speak, and how one becomes the other. Pure.

mod front;

pub use self::front::Front;
