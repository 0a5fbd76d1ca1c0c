//! One request of a client, in the client's words, and what became of it: the public face of the executor.
//!
//! Start at [`Ask`], what is asked, and [`Answer`] and [`Failure`], what comes back.

mod answer;
mod ask;
mod failure;
mod spent;

pub use self::{
    answer::{Answer, Body, Broken, By, Gauges},
    ask::{Ask, Controls, Passthrough},
    failure::{Failure, Tried, Upstream},
    spent::{Meter, Spent},
};
