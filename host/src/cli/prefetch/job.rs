//! How to get something, as the payload of its item in the queue: JSON, which the command gets on its standard input.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Failure;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Job {
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    command: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<PathBuf>,
}

impl Job {
    /// With a command, to be run where this program runs; without one if it is empty.
    pub(super) fn new(command: Vec<String>) -> Result<Self, Failure> {
        let directory = match command.is_empty() {
            true => None,
            false => Some(std::env::current_dir().map_err(Failure::io("find the current directory"))?),
        };
        Ok(Self { command, directory, ..Self::default() })
    }

    pub(super) fn endpoint(mut self, endpoint: String, params: &[(String, String)]) -> Self {
        self.endpoint = Some(endpoint);
        self.params = params.iter().cloned().collect();
        self
    }

    /// What somebody else queued, in terms of its own, has no command.
    pub(super) fn decode(payload: &[u8]) -> Self {
        serde_json::from_slice(payload).unwrap_or_default()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        // Texts cannot fail to be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The command and where to run it, if it has one of its own.
    pub(super) fn command(&self) -> Option<&[String]> {
        (!self.command.is_empty()).then_some(&self.command)
    }

    pub(super) fn directory(&self) -> PathBuf {
        self.directory.clone().unwrap_or_else(|| ".".into())
    }
}
