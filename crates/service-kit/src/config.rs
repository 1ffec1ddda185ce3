//! Typed configuration: a TOML file, and environment variables above it.

use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Env, Format as _, Toml};
use figment::{Figment, Source};
use serde::de::DeserializeOwned;

/// Separates the parts of a nested key in the name of an environment variable.
const NESTING: &str = "__";

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there.
    #[error("configuration file {} does not exist", .0.display())]
    Missing(PathBuf),
    /// Keys are missing, unknown, or have values of another kind. One line each.
    #[error("configuration is invalid:{}", .problems.iter().map(|p| format!("\n  {p}")).collect::<String>())]
    Invalid {
        /// What is wrong, with key and place.
        problems: Vec<String>,
    },
}

/// Reads the file, if there is one, and environment variables that begin with the prefix.
///
/// `PUBLICDATA_AUDIT_NATS__URL` sets `url` within `[nats]` for the prefix `PUBLICDATA_AUDIT_`.
/// `T` should deny unknown fields, so that a mistyped key is an error.
pub fn load<T: DeserializeOwned>(path: Option<&Path>, env_prefix: &str) -> Result<T, ConfigError> {
    let mut figment = Figment::new();
    if let Some(path) = path {
        if !path.is_file() {
            return Err(ConfigError::Missing(path.to_owned()));
        }
        figment = figment.merge(Toml::file_exact(path));
    }
    figment = figment.merge(Env::prefixed(env_prefix).split(NESTING));

    figment.extract().map_err(|error| ConfigError::Invalid {
        problems: error.into_iter().map(|error| describe(&error, path, env_prefix)).collect(),
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other kinds of figment's speak for themselves")]
fn describe(error: &figment::Error, path: Option<&Path>, env_prefix: &str) -> String {
    let key = error.path.join(".");
    let what = match &error.kind {
        Kind::MissingField(field) => {
            let key = if key.is_empty() { field.to_string() } else { format!("{key}.{field}") };
            let variable = format!("{env_prefix}{}", key.replace('.', NESTING).to_uppercase());
            let file = path.map(|path| format!(" in {}", path.display())).unwrap_or_default();
            return format!("`{key}` is missing: set it{file} or as {variable}");
        }
        // Says nothing of the value, which may be secret.
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
            format!("expected {expected}")
        }
        Kind::UnknownField(field, known) => {
            format!("no such key as `{field}`; known are {}", known.join(", "))
        }
        kind => kind.to_string(),
    };
    let place = match error.metadata.as_ref().map(|metadata| (&metadata.source, &metadata.name)) {
        Some((Some(Source::File(file)), _)) => format!("in {}", file.display()),
        Some((_, name)) => format!("from {name}"),
        None => path.map_or_else(String::new, |path| format!("in {}", path.display())),
    };
    match key.is_empty() {
        true => format!("{what} {place}"),
        false => format!("`{key}` {place}: {what}"),
    }
}

#[cfg(test)]
mod tests;
