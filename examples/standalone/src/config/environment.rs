//! The layer of environment variables.

use std::ffi::OsString;

use super::draft::{Entry, split};
use super::error::{ConfigError, nearest};
use super::origin::Origin;
use super::table::TABLE;

/// The variable that names the configuration file.
pub const CONFIG_VARIABLE: &str = "CERTLOCKER_CONFIG";

/// Beginnings of variables that are no settings: the project's tests are told with the first two
/// which outside tools and servers to use, and Kubernetes sets the others in every container beside
/// a service named `certlocker`.
pub const RESERVED: &[&str] = &[
    "CERTLOCKER_REQUIRE_",
    "CERTLOCKER_TEST_",
    "CERTLOCKER_SERVICE_",
    "CERTLOCKER_PORT",
];

/// Reads the variables with our prefix; all others are left alone. An empty one is unset, except
/// for a list, which it empties.
pub(super) fn read(variables: &[(OsString, OsString)]) -> Result<Vec<Entry>, ConfigError> {
    let mut layer = Vec::new();
    for (name, text) in variables {
        let Some(name) = name.to_str().filter(|name| is_ours(name)) else {
            continue;
        };
        let setting = TABLE.iter().find(|row| row.variable() == name);
        let setting = setting.ok_or_else(|| unknown(name))?;
        let text = text
            .to_str()
            .ok_or_else(|| ConfigError::NotText(name.to_owned()))?;
        if text.is_empty() && setting.form != super::value::Form::List {
            continue;
        }
        layer.push(Entry {
            field: setting.field,
            origin: Origin::Environment(name.to_owned()),
            texts: split(setting, text),
        });
    }
    Ok(layer)
}

fn is_ours(name: &str) -> bool {
    name.starts_with("CERTLOCKER_")
        && name != CONFIG_VARIABLE
        && !RESERVED.iter().any(|prefix| name.starts_with(prefix))
}

fn unknown(name: &str) -> ConfigError {
    ConfigError::UnknownVariable {
        name: name.to_owned(),
        nearest: nearest(name, TABLE.iter().map(|row| row.variable())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str) -> Result<Vec<Vec<String>>, String> {
        let layer = read(&[(name.into(), text.into())]).map_err(|error| error.to_string())?;
        Ok(layer.into_iter().map(|entry| entry.texts).collect())
    }

    #[test]
    fn variables_without_our_prefix_or_with_a_reserved_one_are_left_alone() {
        for name in [
            "HOME",
            "CERTLOCKERX",
            "CERTLOCKER_CONFIG",
            "CERTLOCKER_REQUIRE_CLIENTS",
            "CERTLOCKER_TEST_X",
            "CERTLOCKER_SERVICE_HOST",
            "CERTLOCKER_PORT_8443_TCP",
        ] {
            assert_eq!(check(name, "x"), Ok(vec![]), "{name}");
        }
    }

    #[test]
    fn a_list_is_separated_by_commas_and_can_be_emptied() {
        let cases: [(&str, &[&str]); 3] = [
            ("127.0.0.1:1, [::1]:1", &["127.0.0.1:1", "[::1]:1"]),
            ("127.0.0.1:1,", &["127.0.0.1:1"]),
            ("", &[]),
        ];
        for (text, expect) in cases {
            assert_eq!(
                check("CERTLOCKER_LISTEN", text).unwrap(),
                [expect],
                "{text}"
            );
        }
    }

    #[test]
    fn an_empty_variable_is_unset() {
        assert_eq!(check("CERTLOCKER_READY_FILE", ""), Ok(vec![]));
    }

    #[test]
    fn an_unknown_variable_is_an_error_that_names_the_nearest() {
        assert_eq!(
            check("CERTLOCKER_LISTENER", "x").unwrap_err(),
            "unknown environment variable CERTLOCKER_LISTENER; did you mean `CERTLOCKER_LISTEN`?"
        );
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_are_an_error() {
        use std::os::unix::ffi::OsStringExt;
        let bytes = OsString::from_vec(vec![0xff]);
        let error = read(&[("CERTLOCKER_DATA_DIR".into(), bytes)]).unwrap_err();
        assert!(matches!(error, ConfigError::NotText(name) if name == "CERTLOCKER_DATA_DIR"));
    }
}
