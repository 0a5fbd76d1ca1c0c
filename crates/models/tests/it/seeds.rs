//! The seeds of the fuzz targets, replayed without a fuzzer.

#[path = "../../../../fuzz/checks/decode_openai.rs"]
mod decode_openai;
#[path = "../../../../fuzz/checks/dialect.rs"]
mod dialect;
#[path = "../../../../fuzz/checks/seeds.rs"]
mod replay;
#[path = "../../../../fuzz/checks/sse.rs"]
mod sse;

#[test]
fn every_seed_of_the_event_streams_holds() {
    replay::replay("sse", sse::holds);
}

#[test]
fn every_seed_of_the_answers_holds() {
    replay::replay("decode_openai", decode_openai::holds);
}

#[test]
fn every_seed_of_the_dialects_holds() {
    replay::replay("dialect", dialect::holds);
}
