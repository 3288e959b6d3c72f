//! The way to a value in a JSON document: names and indices with dots between, such as `choices.0.message.content`.

use serde_json::Value as Json;

/// A way, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Path(Vec<String>);

impl Path {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let steps: Vec<_> = text.split('.').map(str::to_owned).collect();
        if steps.iter().any(String::is_empty) {
            return Err(format!("{text:?} is not a path into an answer; write for example choices.0.message.content"));
        }
        Ok(Self(steps))
    }

    /// The value at the end of the way, or a sentence about where it ends. Nothing of the document is in the sentence.
    pub(super) fn follow<'a>(&self, document: &'a Json) -> Result<&'a Json, String> {
        let mut at = document;
        for (done, step) in self.0.iter().enumerate() {
            let next = match at {
                Json::Object(map) => map.get(step),
                Json::Array(list) => step.parse().ok().and_then(|index: usize| list.get(index)),
                _ => None,
            };
            at = next.ok_or_else(|| {
                let place =
                    if done == 0 { "the answer".into() } else { format!("{} in the answer", self.0[..done].join(".")) };
                format!("{place} is {}, which has no {step:?}", describe(at))
            })?;
        }
        Ok(at)
    }
}

fn describe(value: &Json) -> String {
    match value {
        Json::Null => "null".into(),
        Json::Bool(_) => "a truth value".into(),
        Json::Number(_) => "a number".into(),
        Json::String(_) => "a text".into(),
        Json::Array(list) => format!("a list of {}", list.len()),
        Json::Object(map) => format!("an object with {} entries", map.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_to_a_value_or_says_how_far_it_led() {
        let document = json!({"choices": [{"text": "secret", "0": 7}]});
        let follow = |path: &str| Path::parse(path).expect("a path").follow(&document).cloned();
        assert_eq!(follow("choices.0.text"), Ok(json!("secret")));
        assert_eq!(follow("choices.0.0"), Ok(json!(7)));
        for (path, led) in [
            ("choice", "the answer is an object with 1 entries, which has no \"choice\""),
            ("choices.1.text", "choices in the answer is a list of 1, which has no \"1\""),
            ("choices.-1", "choices in the answer is a list of 1, which has no \"-1\""),
            ("choices.0.text.x", "choices.0.text in the answer is a text, which has no \"x\""),
        ] {
            assert_eq!(follow(path), Err(led.into()));
        }
        assert!(["", ".", "a..b", "a."].iter().all(|path| Path::parse(path).is_err()));
    }
}
