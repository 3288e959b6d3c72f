//! Fears that the component, instantiated with an empty linker, answers otherwise than the vectors say.
//!
//! Seen to fail: a component that takes `process` for `sync`, 3 mismatches; an engine whose entries live a millisecond too
//! long, 46 here and 46 in `vectors_engine.rs`.

#[test]
fn the_component_answers_as_every_vector_says() {
    larder_tests::interpret::play_all(larder_tests::Component::new);
}
