//! Fears that the engine, natively linked, answers otherwise than the vectors say.

#[test]
fn the_native_engine_answers_as_every_vector_says() {
    larder_tests::interpret::play_all(larder_tests::Native::new);
}
