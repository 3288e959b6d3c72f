//! Text with gaps: `{name}` for what is asked for, `${NAME}` for the environment, `{{` and `}}` for braces.

use std::env::{self, VarError};

use super::super::{Request, Value};

/// What is always known, besides the dimensions. A dimension of the same name goes before it.
const ALWAYS: [&str; 3] = ["pool", "generation", "entry"];

/// A template, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Name(String),
    Variable(String),
}

/// What the template is to become.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Target {
    /// Text in which everything stands for itself.
    Text,
    /// A URL: values are percent-encoded, and so are variables after the `?`. One before it may be a host.
    Url,
}

impl Template {
    /// Takes a template apart. Whether it may have variables is for the caller to know.
    pub(super) fn parse(text: &str, may_have_variables: bool) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if from.starts_with("{{") || from.starts_with("}}") {
                plain.push_str(&from[..1]);
                rest = &from[2..];
                continue;
            }
            let inside = from.strip_prefix('{').and_then(|from| from.split_once('}'));
            let Some((name, tail)) = inside.filter(|(name, _)| !name.is_empty() && !name.contains('{')) else {
                return Err("a brace stands for itself only when it is doubled, {{ or }}".into());
            };
            let is_variable = plain.ends_with('$');
            if is_variable {
                plain.pop();
                if !may_have_variables {
                    return Err(format!("${{{name}}} may stand only in the url and in headers"));
                }
                if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                    return Err("the name of a variable has letters, digits and _ only".into());
                }
            }
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(if is_variable { Piece::Variable(name.into()) } else { Piece::Name(name.into()) });
            rest = tail;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// Whether all names are known.
    pub(super) fn check(&self, dimensions: &[&str]) -> Result<(), String> {
        for piece in &self.0 {
            if let Piece::Name(name) = piece
                && !dimensions.contains(&name.as_str())
                && !ALWAYS.contains(&name.as_str())
            {
                let known = [dimensions, &ALWAYS].concat().join(", ");
                return Err(format!("there is no dimension {name:?}; there are: {known}"));
            }
        }
        Ok(())
    }

    /// The name, if there is nothing but one.
    pub(super) fn only_name(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Name(name)] => Some(name),
            _ => None,
        }
    }

    /// Fills the gaps. Adds the values of variables to `secrets`.
    pub(super) fn fill(
        &self,
        request: &Request<'_>,
        target: Target,
        secrets: &mut Vec<String>,
    ) -> Result<String, String> {
        let mut filled = String::new();
        let mut is_query = false;
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => {
                    is_query |= text.contains('?');
                    filled.push_str(text);
                }
                Piece::Name(name) => {
                    let value = value(name, request)?;
                    match target {
                        Target::Url => filled.push_str(&percent_encoded(value.as_str())),
                        Target::Text => filled.push_str(value.as_str()),
                    }
                }
                Piece::Variable(name) => {
                    let value = variable(name)?;
                    let is_encoded = target == Target::Url && is_query;
                    filled.push_str(&if is_encoded { percent_encoded(&value) } else { value.clone() });
                    secrets.push(value);
                }
            }
        }
        Ok(filled)
    }
}

/// What a name stands for.
pub(super) fn value(name: &str, request: &Request<'_>) -> Result<Value, String> {
    let number = |number: u64| Value::literal(number.to_string()).unwrap_or_else(|| number.to_string().into());
    let dimension = request.dimensions.iter().find(|(dimension, _)| dimension == name);
    match (dimension, name) {
        (Some((_, value)), _) => Ok(value.clone()),
        (None, "pool") => Ok(request.pool.into()),
        (None, "generation") => Ok(number(request.generation)),
        (None, "entry") => Ok(number(request.entry.into())),
        (None, _) => Err(format!("there is no dimension {name:?}")),
    }
}

fn variable(name: &str) -> Result<String, String> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        Ok(_) => Err(format!("the environment variable {name} is empty")),
        Err(VarError::NotPresent) => Err(format!("the environment variable {name} is not set")),
        Err(VarError::NotUnicode(_)) => Err(format!("the environment variable {name} is not UTF-8")),
    }
}

/// With everything encoded but letters, digits and `-._~`.
pub(super) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::super::super::Stop;
    use super::*;

    fn filled(text: &str, target: Target) -> Result<String, String> {
        let stop = Stop::new().expect("a pipe");
        let dimensions = [("lang".to_owned(), Value::from("C & ü/\r\n")), ("n".to_owned(), 3.into())];
        let request = Request::new("p", &dimensions, 7, 2, &stop);
        Template::parse(text, true)?.fill(&request, target, &mut Vec::new())
    }

    #[test]
    fn gaps_are_filled_and_braces_stay() {
        let expected = "{3} p-7-2 {C & ü/\r\n} ${x} $ 5$";
        assert_eq!(
            filled("{{{n}}} {pool}-{generation}-{entry} {{{lang}}} ${{x}} $ 5$", Target::Text).as_deref(),
            Ok(expected)
        );
        assert_eq!(filled("/{lang}?{n}", Target::Url).as_deref(), Ok("/C%20%26%20%C3%BC%2F%0D%0A?3"));
        assert_eq!(filled("", Target::Text).as_deref(), Ok(""));
    }

    #[test]
    fn what_cannot_be_filled_is_refused() {
        for text in ["{", "}", "{}", "a}b", "{a{b}", "{n", "${}", "${A-B}", "{nobody}"] {
            assert!(filled(text, Target::Text).is_err(), "{text:?}");
        }
        let refusal = filled("${LARDER_TEST_NO_SUCH_VARIABLE}", Target::Text).expect_err("not set");
        assert!(refusal.contains("LARDER_TEST_NO_SUCH_VARIABLE is not set"), "{refusal}");
        assert!(Template::parse("${HOME}", false).is_err());
    }

    #[test]
    fn variables_are_secrets_and_are_encoded_after_the_question_mark() {
        let stop = Stop::new().expect("a pipe");
        let request = Request::new("p", &[], 7, 2, &stop);
        let template = Template::parse("x${CARGO_MANIFEST_DIR}?y=${CARGO_MANIFEST_DIR}", true).expect("a template");
        let mut secrets = Vec::new();
        let url = template.fill(&request, Target::Url, &mut secrets).expect("set by cargo");
        let (before, after) = url.split_once('?').expect("a query");
        assert!(before.contains('/') && !after.contains('/'), "{url}");
        assert_eq!(secrets.len(), 2);
    }
}
