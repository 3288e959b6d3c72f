//! Values that are too deep, too many or too large are refused, with an error that says which, before they cost much.

use larder_engine::keys::{self, MAX_DEPTH, MAX_INPUT, MAX_VALUES, Token, Value};
use larder_engine::{Error, ErrorCode};

fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |inner, level| match level % 3 {
        0 => Value::List(vec![inner]),
        1 => Value::Set(vec![inner]),
        _ => Value::Map(vec![("k".to_owned(), inner)]),
    })
}

fn code<T>(made: Result<T, Error>) -> Option<ErrorCode> {
    made.err().map(|refusal| refusal.code)
}

#[test]
fn depth_has_a_limit() {
    assert_eq!(code(keys::structured(&nested(MAX_DEPTH))), None);
    assert_eq!(code(keys::structured(&nested(MAX_DEPTH + 1))), Some(ErrorCode::InvalidArgument));
    for begin in [Token::List(1), Token::Set(1)] {
        let deep = |levels| std::iter::repeat_n(begin.clone(), levels).chain([Token::Null]);
        assert_eq!(code(Value::from_tokens(deep(MAX_DEPTH))), None);
        assert_eq!(code(Value::from_tokens(deep(MAX_DEPTH + 1))), Some(ErrorCode::InvalidArgument));
        assert_eq!(code(Value::from_tokens(deep(MAX_VALUES * 2))), Some(ErrorCode::InvalidArgument));
    }
    let maps = (0..10_000_000).map(|at| if at % 2 == 0 { Token::Map(1) } else { Token::Text(String::new()) });
    assert_eq!(code(Value::from_tokens(maps)), Some(ErrorCode::InvalidArgument));
}

#[test]
fn the_number_of_values_has_a_limit() {
    let list = |values| Value::List(vec![Value::Null; values]);
    assert_eq!(code(keys::structured(&list(MAX_VALUES - 1))), None);
    assert_eq!(code(keys::structured(&list(MAX_VALUES))), Some(ErrorCode::TooLarge));
    let entries = |count: usize| Value::Map((0..count).map(|at| (at.to_string(), Value::Null)).collect());
    assert_eq!(code(keys::dictionary(&entries(MAX_VALUES / 2 - 1))), None);
    assert_eq!(code(keys::dictionary(&entries(MAX_VALUES / 2))), Some(ErrorCode::TooLarge));
    let endless = std::iter::once(Token::List(u32::MAX)).chain(std::iter::repeat(Token::Null));
    assert_eq!(code(Value::from_tokens(endless)), Some(ErrorCode::TooLarge));
}

#[test]
fn the_number_of_bytes_has_a_limit() {
    let text = |bytes: usize| Value::Text("a".repeat(bytes));
    assert_eq!(code(keys::structured(&text(MAX_INPUT - 16))), None);
    assert_eq!(code(keys::structured(&text(MAX_INPUT))), Some(ErrorCode::TooLarge));
    let set = |bytes: usize| Value::Set(vec![Value::Text("b".repeat(bytes)), Value::Text("a".repeat(bytes))]);
    assert_eq!(code(keys::structured(&set(MAX_INPUT / 2))), Some(ErrorCode::TooLarge));
    assert_eq!(code(keys::structured(&Value::Bytes(vec![0; MAX_INPUT / 2]))), Some(ErrorCode::TooLarge));
    assert_eq!(code(keys::parts([&vec![b'a'; MAX_INPUT / 2 - 4][..]; 2])), None);
    assert_eq!(code(keys::parts([&vec![b'a'; MAX_INPUT / 2][..]; 2])), Some(ErrorCode::TooLarge));
    assert_eq!(code(keys::parts([vec![0; MAX_INPUT / 2]])), Some(ErrorCode::TooLarge), "escapes count");
    let (name, value) = ("n".repeat(MAX_INPUT / 2), "v".repeat(MAX_INPUT / 2));
    assert_eq!(code(keys::endpoint("/e", &[(&name, &value)])), Some(ErrorCode::TooLarge));
    assert_eq!(code(keys::path(&vec![b'p'; MAX_INPUT], &keys::PathState::Unknown)), Some(ErrorCode::TooLarge));
}

#[test]
fn tokens_that_say_no_value_are_refused() {
    for tokens in [
        vec![],
        vec![Token::Null, Token::Null],
        vec![Token::List(1)],
        vec![Token::List(2), Token::Null],
        vec![Token::List(0), Token::Null],
        vec![Token::Set(u32::MAX)],
        vec![Token::Map(1), Token::Text("k".to_owned())],
        vec![Token::Map(1), Token::Integer(1), Token::Null],
        vec![Token::Map(1), Token::Set(0), Token::Null],
    ] {
        assert_eq!(code(Value::from_tokens(tokens.clone())), Some(ErrorCode::InvalidArgument), "{tokens:?}");
    }
}

#[test]
fn what_no_value_can_be_is_refused() {
    let twice = Value::Map(vec![("k".to_owned(), Value::Null), ("k".to_owned(), Value::Null)]);
    let inside = Value::List(vec![twice.clone()]);
    for value in [twice, inside, Value::Integer(1 << 64), Value::Integer(-(1 << 63) - 1)] {
        assert_eq!(code(keys::structured(&value)), Some(ErrorCode::InvalidArgument), "{value:?}");
    }
    assert_eq!(code(keys::dictionary(&Value::Null)), Some(ErrorCode::InvalidArgument));
    assert_eq!(code(keys::parts([""; 0])), Some(ErrorCode::InvalidArgument));
    assert_eq!(code(keys::endpoint("", &[])), Some(ErrorCode::InvalidArgument));
    assert_eq!(code(keys::path(b"", &keys::PathState::Unknown)), Some(ErrorCode::InvalidArgument));
    assert_eq!(code(keys::path(b"p", &keys::PathState::ContentHash(b"short"))), Some(ErrorCode::InvalidArgument));
    let state = keys::PathState::Stamp { size: 0, seconds: 0, nanoseconds: 1_000_000_000 };
    assert_eq!(code(keys::path(b"p", &state)), Some(ErrorCode::InvalidArgument));
}
