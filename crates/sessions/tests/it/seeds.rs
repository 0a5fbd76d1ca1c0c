//! The seeds of the fuzz targets, replayed without a fuzzer.

#[path = "../../../../fuzz/checks/recover.rs"]
mod recover;
#[path = "../../../../fuzz/checks/seeds.rs"]
mod replay;

#[test]
fn every_seed_of_the_recovery_holds() {
    replay::replay("recover", recover::holds);
}
