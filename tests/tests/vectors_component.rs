//! Fears that the component, instantiated with an empty linker, answers otherwise than the vectors say.

#[test]
fn the_component_answers_as_every_vector_says() {
    larder_tests::interpret::play_all(larder_tests::Component::new);
}
