//! The seeds of the fuzz targets, replayed without a fuzzer.

#[path = "../../../../fuzz/checks/seeds.rs"]
mod replay;
#[path = "../../../../fuzz/checks/vote.rs"]
mod vote;

#[test]
fn every_seed_of_the_votes_holds() {
    replay::replay("vote", vote::holds);
}
