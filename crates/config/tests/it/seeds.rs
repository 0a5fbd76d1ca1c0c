//! The seeds of the fuzz targets, replayed without a fuzzer.

#[path = "../../../../fuzz/checks/config.rs"]
mod check;
#[path = "../../../../fuzz/checks/litellm.rs"]
mod litellm;
#[path = "../../../../fuzz/checks/seeds.rs"]
mod replay;

#[test]
fn every_seed_of_the_configuration_holds() {
    replay::replay("config", check::holds);
}

#[test]
fn every_seed_of_litellms_file_holds() {
    replay::replay("litellm", litellm::holds);
}
