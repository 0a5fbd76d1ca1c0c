//! One request of a client, in the client's words, and what became of it: the public face of the executor.
//!
//! Start at [`Ask`], what is asked, and [`Answer`] and [`Failure`], what comes back.

mod again;
mod answer;
mod ask;
mod attempt;
pub(crate) mod bill;
mod chunks;
pub(crate) mod clock;
pub(crate) mod desk;
mod events;
pub(crate) mod failure;
pub(crate) mod flight;
pub(crate) mod flow;
pub(crate) mod foreign;
pub(crate) mod line;
pub(crate) mod lines;
mod passing;
pub(crate) mod send;
mod source;
mod spent;
mod spoken;
mod translation;
pub(crate) mod turn;
pub(crate) mod weight;

pub use self::{
    answer::{Answer, Body, Broken, By, Gauges},
    ask::{Ask, Controls, Passthrough},
    failure::{Failure, Tried, Upstream},
    spent::{Meter, Spent},
};
