//! The seeds of the fuzz targets, replayed without a fuzzer.

#[path = "../../../../fuzz/checks/frame.rs"]
mod frame;
#[path = "../../../../fuzz/checks/seeds.rs"]
mod replay;

#[test]
fn every_seed_of_the_frames_holds() {
    replay::replay("frame", frame::holds);
}
