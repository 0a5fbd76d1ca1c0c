//! The seeds of the fuzz targets, replayed without a fuzzer.

#[path = "../../../../fuzz/checks/config.rs"]
mod check;
#[path = "../../../../fuzz/checks/seeds.rs"]
mod replay;

#[test]
fn every_seed_of_the_configuration_holds() {
    replay::replay("config", check::holds);
}
